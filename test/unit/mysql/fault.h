/*
 * Memory that runs out once, at a chosen allocation, and a count of what was
 * not given back.
 *
 * Takes the place of base/mem.c in the one test program that includes it:
 * mem.c itself, on an allocator that can be told to fail.  Allocations fail
 * only between fault_around(true) and fault_around(false), where carpool is at
 * work, and none of the test's own.
 */
#ifndef CARPOOL_TEST_UNIT_MYSQL_FAULT_H
#define CARPOOL_TEST_UNIT_MYSQL_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#ifdef CARPOOL_JEMALLOC
#include <jemalloc/jemalloc.h>
#else
#include <malloc.h>
#endif

static struct {
	bool is_in;     /* carpool is at work */
	unsigned seen;  /* allocations while it was */
	unsigned fails; /* the one that fails, from 1 on; 0: none */
	long held;      /* by whomever */
} fault;

static inline void
fault_around(bool is_in)
{
	fault.is_in = is_in;
}

/* Counts from here on. */
static inline void
fault_begin(unsigned fails)
{
	fault.seen = 0;
	fault.fails = fails;
	fault.is_in = false;
}

static inline bool
fault_is_now(void)
{
	return fault.is_in && ++fault.seen == fault.fails;
}

static inline void *
fault_calloc(size_t count, size_t size)
{
	void *p = fault_is_now() ? NULL : calloc(count, size);

	fault.held += p != NULL;
	return p;
}

static inline void *
fault_realloc(void *old, size_t size)
{
	void *p = fault_is_now() ? NULL : realloc(old, size);

	fault.held += p != NULL && old == NULL;
	return p;
}

static inline void
fault_free(void *p)
{
	fault.held -= p != NULL;
	free(p);
}

#define malloc(size) fault_calloc(1, size)
#define calloc fault_calloc
#define realloc fault_realloc
#define free fault_free
#include "base/mem.c"
#undef malloc
#undef calloc
#undef realloc
#undef free

#endif
