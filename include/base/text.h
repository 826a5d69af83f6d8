/*
 * Text: bounded formatting and number parsing.  No function allocates but
 * those of struct str.  Any thread.
 */
#ifndef CARPOOL_BASE_TEXT_H
#define CARPOOL_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing text.  Zero-initialised is empty. */
struct str {
	char *data;  /* owns; NUL-terminated once anything was added, or NULL */
	size_t len;  /* bytes without the NUL */
	size_t room; /* bytes allocated */
	bool failed; /* memory ran out: the text is incomplete */
};

/* Makes room for so many bytes more, which then cost no move; where there is
 * no memory for them nothing is said yet. */
void str_reserve(struct str *s, size_t more);

/* Appends; on lack of memory the text is cut and failed is set. */
void str_add(struct str *s, const char *text, size_t len);
void str_puts(struct str *s, const char *text);
void str_putc(struct str *s, char c);
void str_printf(struct str *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void str_vprintf(struct str *s, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* The text so far as a C string, "" when empty; borrowed until the next add. */
const char *str_text(const struct str *s);

/* Gives the text away: the caller frees it with mem_free; s is empty again. */
char *str_take(struct str *s);

/* Frees the text; s is empty again. */
void str_fini(struct str *s);

/*
 * snprintf that always terminates and returns the bytes written (without the
 * NUL), cut to fit; size > 0.
 */
size_t text_format(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Copies text into out, cut to size - 1 bytes, always terminated. */
size_t text_copy(char *out, size_t size, const char *text);

/*
 * Parses a whole unsigned number in the given base (0 = C prefixes); false on
 * empty text, trailing bytes or overflow, *value untouched.
 */
bool text_to_u64(const char *text, int base, uint64_t *value);

/* ASCII-only case-insensitive equality, independent of the locale. */
bool text_equal_nocase(const char *a, const char *b);

/* ASCII-only lower case of one byte. */
char text_lower(char c);

/*
 * Compares two secrets of equal announced length in time that depends on the
 * length alone.
 */
bool text_equal_secret(const void *a, const void *b, size_t len);

/*
 * True when name stands in a comma-separated list (spaces around items are
 * ignored); "*" in the list matches every name.
 */
bool text_in_list(const char *name, const char *list);

#endif
