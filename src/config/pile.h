/*
 * A pile: memory that lives and dies together (a snapshot, a file that was
 * read).  It is wiped before it is freed, since passwords lie in it.  Not
 * thread-safe while it grows; ends the program when memory is out.
 */
#ifndef CARPOOL_CONFIG_PILE_H
#define CARPOOL_CONFIG_PILE_H

#include <stddef.h>

/* Zero-initialised is empty. */
struct pile {
	struct pile_chunk *chunks; /* owns; the newest first */
};

/* size zeroed bytes, aligned for every type; they live as long as the pile. */
void *pile_alloc(struct pile *p, size_t size) __attribute__((returns_nonnull));

/* A copy of len bytes of text with a NUL. */
const char *pile_text(struct pile *p, const char *text, size_t len)
	__attribute__((returns_nonnull));

/* Wipes and frees everything; the pile is empty again. */
void pile_fini(struct pile *p);

/*
 * Room for one more element in an array of the pile that holds count of them:
 * returns the array, moved where it was full, and updates *room.
 */
void *pile_grow(struct pile *p, void *array, size_t count, size_t *room,
		size_t element_size) __attribute__((returns_nonnull));

#endif
