/*
 * Files for the targets that read some: in memory, reached by a path, so that
 * nothing is left behind and no other file is read.
 */
#ifndef CARPOOL_TEST_FUZZ_FUZZ_FILE_H
#define CARPOOL_TEST_FUZZ_FUZZ_FILE_H

#include <sys/mman.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "fuzz_main.h"

struct fuzz_file {
	int fd;
	char path[32];
};

static inline void
fuzz_file_open(struct fuzz_file *f)
{
	f->fd = memfd_create("fuzz", MFD_CLOEXEC);
	ASSERT(f->fd >= 0 && fchmod(f->fd, 0600) == 0);
	text_format(f->path, sizeof(f->path), "/proc/self/fd/%u",
		    (unsigned)f->fd);
}

static inline void
fuzz_file_write(const struct fuzz_file *f, const void *data, size_t len)
{
	ASSERT(ftruncate(f->fd, 0) == 0);
	ASSERT(pwrite(f->fd, data, len, 0) == (ssize_t)len);
}

static inline void
fuzz_file_close(struct fuzz_file *f)
{
	close(f->fd);
}

#endif
