/*
 * The door to the allocator: jemalloc where CARPOOL_JEMALLOC is defined (it
 * replaces the C library's functions when it is linked), else the C library.
 *
 * Owns nothing.  Runs on every thread.  Knows nothing of what memory is for.
 */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef CARPOOL_JEMALLOC
#include <jemalloc/jemalloc.h>
#else
#include <malloc.h>
#endif

void *
mem_zalloc(size_t size)
{
	return calloc(1, size > 0 ? size : 1);
}

void *
mem_realloc(void *p, size_t size)
{
	return realloc(p, size > 0 ? size : 1);
}

char *
mem_strndup(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy == NULL)
		return NULL;
	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *
mem_strdup(const char *text)
{
	return mem_strndup(text, strlen(text));
}

static _Noreturn void
out_of_memory(size_t size)
{
	fprintf(stderr, "carpool: out of memory (%zu bytes)\n", size);
	exit(1);
}

void *
mem_must_zalloc(size_t size)
{
	void *p = mem_zalloc(size);

	if (p == NULL)
		out_of_memory(size);
	return p;
}

char *
mem_must_strdup(const char *text)
{
	char *p = mem_strdup(text);

	if (p == NULL)
		out_of_memory(strlen(text) + 1);
	return p;
}

void
mem_free(void *p)
{
	free(p);
}

void
mem_wipe(void *p, size_t len)
{
	if (p != NULL)
		explicit_bzero(p, len);
}

void
mem_wipe_free(void *p, size_t len)
{
	mem_wipe(p, len);
	free(p);
}

void
mem_wipe_str(char *text)
{
	if (text != NULL)
		mem_wipe_free(text, strlen(text));
}

size_t
mem_in_use(void)
{
#ifdef CARPOOL_JEMALLOC
	uint64_t epoch = 1;
	size_t bytes = 0, size = sizeof(bytes);

	/* The statistics stand still until the epoch is written. */
	mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
	if (mallctl("stats.allocated", &bytes, &size, NULL, 0) != 0)
		return 0;
	return bytes;
#else
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
#endif
}

void
mem_assert_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "carpool: %s:%d: invariant broken: %s\n", file, line,
		what);
	abort();
}
