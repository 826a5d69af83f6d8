/*
 * Bounded formatting, growing texts and number parsing.  Owns nothing but the
 * bytes of each struct str; runs on every thread.  Knows no locale: letters
 * are those of ASCII.
 */
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Makes room for more bytes and a NUL; false when memory is out. */
static bool
str_grow(struct str *s, size_t more)
{
	size_t need, room;
	char *data;

	if (s->failed || more > SIZE_MAX / 4 - s->len)
		return false;
	need = s->len + more + 1;
	if (need <= s->room)
		return true;
	room = s->room > 0 ? s->room : 32;
	while (room < need)
		room *= 2;
	data = mem_realloc(s->data, room);
	if (data == NULL)
		return false;
	s->data = data;
	s->room = room;
	return true;
}

void
str_reserve(struct str *s, size_t more)
{
	(void)str_grow(s, more);
}

void
str_add(struct str *s, const char *text, size_t len)
{
	if (!str_grow(s, len)) {
		s->failed = true;
		return;
	}
	if (len > 0)
		memcpy(s->data + s->len, text, len);
	s->len += len;
	s->data[s->len] = '\0';
}

void
str_puts(struct str *s, const char *text)
{
	str_add(s, text, strlen(text));
}

void
str_putc(struct str *s, char c)
{
	str_add(s, &c, 1);
}

void
str_printf(struct str *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	str_vprintf(s, format, args);
	va_end(args);
}

void
str_vprintf(struct str *s, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	if (n < 0 || !str_grow(s, (size_t)n)) {
		s->failed = true;
	} else {
		vsnprintf(s->data + s->len, (size_t)n + 1, format, again);
		s->len += (size_t)n;
	}
	va_end(again);
}

const char *
str_text(const struct str *s)
{
	return s->data != NULL ? s->data : "";
}

char *
str_take(struct str *s)
{
	char *data = s->data != NULL ? s->data : mem_strndup("", 0);

	*s = (struct str){ 0 };
	return data;
}

void
str_fini(struct str *s)
{
	mem_free(s->data);
	*s = (struct str){ 0 };
}

size_t
text_format(char *out, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	ASSERT(size > 0);
	va_start(args, format);
	n = vsnprintf(out, size, format, args);
	va_end(args);
	if (n < 0) {
		out[0] = '\0';
		return 0;
	}
	return (size_t)n < size ? (size_t)n : size - 1;
}

size_t
text_copy(char *out, size_t size, const char *text)
{
	size_t n = strnlen(text, size - 1);

	memmove(out, text, n);
	out[n] = '\0';
	return n;
}

bool
text_to_u64(const char *text, int base, uint64_t *value)
{
	unsigned long long v;
	char *end;

	/* strtoull would skip spaces and accept a sign. */
	if (!((*text >= '0' && *text <= '9') ||
	      (text_lower(*text) >= 'a' && text_lower(*text) <= 'z')))
		return false;
	errno = 0;
	v = strtoull(text, &end, base);
	if (errno != 0 || end == text || *end != '\0')
		return false;
	*value = v;
	return true;
}

char
text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
text_equal_nocase(const char *a, const char *b)
{
	for (; *a == *b || text_lower(*a) == text_lower(*b); a++, b++)
		if (*a == '\0')
			return true;
	return false;
}

bool
text_equal_secret(const void *a, const void *b, size_t len)
{
	const volatile unsigned char *x = a, *y = b;
	unsigned char differs = 0;

	for (size_t i = 0; i < len; i++)
		differs |= (unsigned char)(x[i] ^ y[i]);
	return differs == 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool
text_in_list(const char *name, const char *list)
{
	size_t name_len = strlen(name);

	for (;;) {
		const char *end = strchr(list, ',');
		size_t len = end != NULL ? (size_t)(end - list) : strlen(list);

		while (len > 0 && is_blank(*list)) {
			list++;
			len--;
		}
		while (len > 0 && is_blank(list[len - 1]))
			len--;
		if (len == 1 && *list == '*')
			return true;
		if (len > 0 && len == name_len && memcmp(list, name, len) == 0)
			return true;
		if (end == NULL)
			return false;
		list = end + 1;
	}
}
