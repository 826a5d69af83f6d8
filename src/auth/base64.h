/*
 * Base64 (RFC 4648, section 4), strict: no white space, full padding, and the
 * bits behind the last byte are zero, so that every value has one text alone.
 * Pure, any thread.  Private to auth/.
 */
#ifndef CARPOOL_AUTH_BASE64_H
#define CARPOOL_AUTH_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Characters of the text for n bytes, without a NUL. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/*
 * Writes BASE64_LEN(len) characters and a NUL; returns the characters.
 * out has room for both.
 */
size_t base64_encode(const void *data, size_t len, char *out);

/*
 * Is this a right text?  *bytes (untouched when not) receives how many bytes
 * it stands for.  The empty text stands for none.
 */
bool base64_measure(const char *text, size_t len, size_t *bytes);

/*
 * Decodes a text into out, which has room bytes.  False, *bytes untouched,
 * when it is not right or stands for more than that.
 */
bool base64_decode(const char *text, size_t len, void *out, size_t room,
		   size_t *bytes);

#endif
