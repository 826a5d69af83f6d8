/*
 * failmalloc: makes allocations of a running program fail, for tests.
 *
 *     cc -shared -fPIC -O2 -o failmalloc.so failmalloc.c -ldl
 *     FAILMALLOC=/path/of/file LD_PRELOAD=failmalloc.so program
 *
 * The file holds two numbers of 32 bits that the test and the program share:
 * how many allocations of a million fail (0 = none, so a program starts in
 * peace), and how many have failed.  Every caller is hit alike, libraries too.
 * Stands before the program's allocator, whichever that is (jemalloc, the
 * C library's or a sanitizer's), and hands on what it lets pass.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct shared {
	_Atomic uint32_t per_million;
	_Atomic uint32_t failed;
};

static struct shared *_Atomic shared; /* NULL: not asked for */
static _Atomic uint64_t calls;

typedef void *malloc_fn(size_t);
typedef void *calloc_fn(size_t, size_t);
typedef void *realloc_fn(void *, size_t);

static malloc_fn *_Atomic next_malloc;
static calloc_fn *_Atomic next_calloc;
static realloc_fn *_Atomic next_realloc;

/* The function that would have been called without us, found once. */
#define FIND(name)                                                             \
	(next_##name != NULL || (next_##name = (name##_fn *)(uintptr_t)dlsym(  \
					 RTLD_NEXT, #name)) != NULL)

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("FAILMALLOC");
	void *at;
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		_exit(125);
	at = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
		  MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		_exit(125);
	shared = at;
}

/* Bits that follow from the number of the call alone. */
static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static int
must_fail(void)
{
	struct shared *s = shared;
	uint32_t share = s == NULL ? 0 : s->per_million;

	if (share == 0 || mix(calls++) % 1000000 >= share)
		return 0;
	s->failed++;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t size)
{
	return must_fail() || !FIND(malloc) ? NULL : next_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	static _Thread_local int looking; /* dlsym may ask for memory */
	int found;

	if (must_fail() || looking > 0)
		return NULL;
	looking++;
	found = FIND(calloc);
	looking--;
	return found ? next_calloc(count, size) : NULL;
}

void *
realloc(void *p, size_t size)
{
	return must_fail() || !FIND(realloc) ? NULL : next_realloc(p, size);
}
