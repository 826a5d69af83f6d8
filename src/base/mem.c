/*
 * The door to the allocator: jemalloc where CARPOOL_JEMALLOC is defined (it
 * replaces the C library's functions when it is linked), else the C library.
 *
 * Owns nothing.  Runs on every thread.  Knows nothing of what memory is for.
 */
#include "base/mem.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef CARPOOL_JEMALLOC
#include <jemalloc/jemalloc.h>
#else
#include <malloc.h>
#endif

#define RETRY_MSEC 20u

static _Atomic unsigned patience_msec;
static _Thread_local bool must; /* between mem_must_begin and _end */

void
mem_patience(unsigned msec)
{
	patience_msec = msec;
}

void
mem_must_begin(void)
{
	must = true;
}

void
mem_must_end(void)
{
	must = false;
}

/* Memory is out: waits a moment before the next try, or ends the program. */
static void
wait_for_memory(size_t size, unsigned *waited)
{
	if (*waited >= patience_msec) {
		fprintf(stderr, "carpool: out of memory (%zu bytes)\n", size);
		exit(1);
	}
	(void)poll(NULL, 0, RETRY_MSEC);
	*waited += RETRY_MSEC;
}

void *
mem_zalloc(size_t size)
{
	void *p = calloc(1, size > 0 ? size : 1);

	if (p == NULL && must)
		return mem_must_zalloc(size);
	return p;
}

void *
mem_realloc(void *p, size_t size)
{
	unsigned waited = 0;
	void *now;

	/* One that fails leaves p as it was. */
	while ((now = realloc(p, size > 0 ? size : 1)) == NULL && must)
		wait_for_memory(size, &waited);
	return now;
}

char *
mem_strndup(const char *text, size_t len)
{
	char *copy = mem_realloc(NULL, len + 1);

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

bool
mem_has_room(size_t size)
{
	/* Volatile, or the compiler sees that nobody uses it. */
	void *volatile p = malloc(size);

	free(p);
	return p != NULL;
}

void *
mem_must_zalloc(size_t size)
{
	void *p = calloc(1, size > 0 ? size : 1);

	for (unsigned waited = 0; p == NULL;) {
		wait_for_memory(size, &waited);
		p = calloc(1, size > 0 ? size : 1);
	}
	return p;
}

char *
mem_must_strdup(const char *text)
{
	size_t len = strlen(text);
	char *copy = mem_must_zalloc(len + 1);

	memcpy(copy, text, len);
	return copy;
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
mem_trim(void)
{
#ifdef CARPOOL_JEMALLOC
	char name[32];

	snprintf(name, sizeof(name), "arena.%d.purge", MALLCTL_ARENAS_ALL);
	(void)mallctl(name, NULL, NULL, NULL, 0);
#else
	(void)malloc_trim(0);
#endif
}

void
mem_assert_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "carpool: %s:%d: invariant broken: %s\n", file, line,
		what);
	abort();
}
