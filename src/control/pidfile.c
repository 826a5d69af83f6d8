/*
 * The pid file.  Owns it from open to close; main thread.
 *
 * The lock, not the number in the file, says whether somebody is there: a
 * number may be anybody's after a restart, and in a container it mostly is.
 */
#include "control/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

struct pidfile {
	char *path; /* owns */
	int fd;     /* owns; holds the lock */
};

/* False: somebody else holds it. */
static bool
take_lock(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* Does the path still name the open file? */
static bool
is_still_there(const char *path, int fd)
{
	struct stat a, b;

	return stat(path, &a) == 0 && fstat(fd, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool
write_id(int fd)
{
	char text[32];
	size_t n = text_format(text, sizeof(text), "%d\n", (int)getpid());

	return ftruncate(fd, 0) == 0 && pwrite(fd, text, n, 0) == (ssize_t)n;
}

static void
say_held(const char *path, int fd, char *error, size_t error_size)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? strspn(text, "0123456789") : 0] = '\0';
	text_format(error, error_size,
		    "pidfile %s is held by a running process (%s)", path,
		    text[0] != '\0' ? text : "?");
}

/* The open and locked file, or -1. */
static int
open_locked(const char *path, char *error, size_t error_size)
{
	int fd;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
		if (fd < 0) {
			text_format(error, error_size, "pidfile %s: %s", path,
				    strerrordesc_np(errno));
			return -1;
		}
		if (!take_lock(fd)) {
			say_held(path, fd, error, error_size);
			close(fd);
			return -1;
		}
		/* Its last owner may have removed it between the two calls. */
		if (is_still_there(path, fd))
			return fd;
		close(fd);
	}
}

struct pidfile *
pidfile_open(const char *path, char *error, size_t error_size)
{
	int fd = open_locked(path, error, error_size);
	struct pidfile *p;

	if (fd < 0)
		return NULL;
	if (!write_id(fd)) {
		text_format(error, error_size, "pidfile %s: %s", path,
			    strerrordesc_np(errno));
		close(fd);
		return NULL;
	}
	p = mem_must_zalloc(sizeof(*p));
	p->path = mem_must_strdup(path);
	p->fd = fd;
	return p;
}

void
pidfile_close(struct pidfile *p)
{
	if (p == NULL)
		return;
	if (is_still_there(p->path, p->fd))
		unlink(p->path);
	close(p->fd);
	mem_free(p->path);
	mem_free(p);
}
