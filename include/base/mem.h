/*
 * Memory.  The only door to the allocator (jemalloc in release builds, libc in
 * sanitizer builds); nothing else in the program calls malloc or free.
 *
 * Threads: every function may be called from every thread.
 * Errors: functions marked "may fail" return NULL when memory is out and the
 * caller refuses the one connection it works for.  mem_must_* are for start-up
 * and for the control thread: they wait for memory as long as mem_patience
 * says (at first not at all), then the program says so and exits.
 */
#ifndef CARPOOL_BASE_MEM_H
#define CARPOOL_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* Returns size zeroed bytes, owned by the caller, or NULL (may fail). */
void *mem_zalloc(size_t size) __attribute__((warn_unused_result, malloc));

/* Resizes p (NULL allowed) to size bytes; NULL leaves p as it was. */
void *mem_realloc(void *p, size_t size) __attribute__((warn_unused_result));

/* Copies len bytes of text and adds a NUL; the caller owns it (may fail). */
char *mem_strndup(const char *text, size_t len)
	__attribute__((warn_unused_result, malloc));

/* Copies a C string; the caller owns it (may fail). */
char *mem_strdup(const char *text) __attribute__((warn_unused_result, malloc));

/* As mem_zalloc and mem_strdup, but wait for memory, or end the program. */
void *mem_must_zalloc(size_t size) __attribute__((returns_nonnull, malloc));
char *mem_must_strdup(const char *text)
	__attribute__((returns_nonnull, malloc));

/*
 * How many milliseconds mem_must_* wait from now on.  A daemon that runs can
 * wait: the clients that leave give memory back.
 */
void mem_patience(unsigned msec);

/*
 * Between these two every allocation of this thread is as mem_must_*: for a
 * configuration that is read, where a missing piece would change its meaning.
 */
void mem_must_begin(void);
void mem_must_end(void);

/* Could so many bytes be had just now?  They are given back at once. */
bool mem_has_room(size_t size);

/* Frees p; NULL is allowed. */
void mem_free(void *p);

/* Overwrites len bytes of a secret in a way that is never optimised away. */
void mem_wipe(void *p, size_t len);

/* Wipes len bytes, then frees; NULL is allowed. */
void mem_wipe_free(void *p, size_t len);

/* Wipes and frees a C string; NULL is allowed. */
void mem_wipe_str(char *text);

/* Bytes that the allocator holds for the program now (0 when it can't say). */
size_t mem_in_use(void);

/* Gives what the allocator keeps for later back to the system. */
void mem_trim(void);

/* Ends the program with one line on stderr; use ASSERT(). */
_Noreturn void mem_assert_failed(const char *what, const char *file, int line);

/* An invariant, checked in every build. */
#define ASSERT(cond)                                                           \
	((cond) ? (void)0 : mem_assert_failed(#cond, __FILE__, __LINE__))

#define BIT(n) (1u << (n))
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

#endif
