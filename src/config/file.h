/*
 * Reading a whole file and walking over its lines, for the configuration and
 * the auth_file.  Blocking: start-up or control thread only.
 */
#ifndef CARPOOL_CONFIG_FILE_H
#define CARPOOL_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct file_text {
	char *data;  /* owns; wiped on fini; may hold NUL bytes */
	size_t len;  /* bytes read */
	size_t room; /* bytes allocated */
	/* who and what it is, from fstat */
	dev_t device;
	ino_t inode;
	mode_t mode;
};

/* Larger files are refused with EFBIG: nobody means them. */
#define FILE_TEXT_MAX ((size_t)256 * 1024 * 1024)

/*
 * Reads path whole.  Returns 0, or the errno of the failure (out is empty
 * then).  A byte order mark at the start is left out.
 */
int file_read(const char *path, struct file_text *out);

/* Wipes and frees what was read. */
void file_fini(struct file_text *f);

/* One line: without its end (LF or CR LF), borrowed, not NUL-terminated. */
struct file_line {
	const char *text;
	size_t len;
	unsigned number; /* 1 for the first */
	size_t next;     /* private: where the next line starts */
};

/* Goes to the next line of f (a zeroed line before the first); false at the
 * end. */
bool file_next_line(const struct file_text *f, struct file_line *line);

#endif
