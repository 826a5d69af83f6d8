/*
 * Whole files in memory.  Runs on the thread that builds a snapshot; wipes what
 * it read, since passwords are in it.  Knows no grammar but that of lines.
 */
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* Doubles the room without leaving a copy of the old bytes behind. */
static void
text_grow(struct file_text *f)
{
	size_t room = f->room > 0 ? f->room * 2 : 4096;
	char *data = mem_must_zalloc(room);

	if (f->len > 0)
		memcpy(data, f->data, f->len);
	mem_wipe_free(f->data, f->room);
	f->data = data;
	f->room = room;
}

static int
read_all(int fd, struct file_text *f)
{
	ssize_t n;

	for (;;) {
		if (f->len > FILE_TEXT_MAX)
			return EFBIG;
		if (f->len == f->room)
			text_grow(f);
		n = read(fd, f->data + f->len, f->room - f->len);
		if (n == 0)
			return 0;
		if (n > 0)
			f->len += (size_t)n;
		else if (errno != EINTR)
			return errno;
	}
}

static void
skip_byte_order_mark(struct file_text *f)
{
	if (f->len < 3 || memcmp(f->data, "\xef\xbb\xbf", 3) != 0)
		return;
	f->len -= 3;
	memmove(f->data, f->data + 3, f->len);
}

int
file_read(const char *path, struct file_text *out)
{
	struct stat st;
	int fd, failure;

	*out = (struct file_text){ 0 };
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return errno;
	failure = fstat(fd, &st) == 0 ? 0 : errno;
	if (failure == 0) {
		out->device = st.st_dev;
		out->inode = st.st_ino;
		out->mode = st.st_mode;
		failure = read_all(fd, out);
	}
	close(fd);
	if (failure != 0)
		file_fini(out);
	else
		skip_byte_order_mark(out);
	return failure;
}

void
file_fini(struct file_text *f)
{
	mem_wipe_free(f->data, f->room);
	*f = (struct file_text){ 0 };
}

bool
file_next_line(const struct file_text *f, struct file_line *line)
{
	const char *start, *end;
	size_t left;

	if (line->next >= f->len)
		return false;
	start = f->data + line->next;
	left = f->len - line->next;
	end = memchr(start, '\n', left);
	line->text = start;
	line->len = end != NULL ? (size_t)(end - start) : left;
	line->next += line->len + 1;
	line->number++;
	if (line->len > 0 && start[line->len - 1] == '\r')
		line->len--;
	return true;
}
