/*
 * SASLprep of passwords.
 *
 * libidn gives the tables of RFC 3454 and the normal form; the order of the
 * steps is ours, because a password must come out as it did in the server
 * that stored its verifier.  PostgreSQL differs from the RFC: prohibited,
 * unassigned and bidirectional characters are looked for before the normal
 * form is made, and a text that maps to nothing is refused.  This file is the
 * only one that names libidn.  No state; any thread.
 */
#include "auth/saslprep.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <idn-free.h>
#include <stringprep.h>

#include "base/mem.h"

/*
 * Longer texts are taken as they are.  The normal form of a text made of
 * nothing but combining marks takes quadratic time, and a client may choose
 * the password that it sends.
 */
#define PREPARE_MAX 8192u

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text >= 0x80)
			return false;
	}
	return true;
}

/* The row of a sorted table that covers a character, or NULL. */
static const Stringprep_table_element *
find_row(const Stringprep_table_element *table, size_t rows, uint32_t c)
{
	size_t low = 0, high = rows;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const Stringprep_table_element *row = &table[mid];
		uint32_t end = row->end != 0 ? row->end : row->start;

		if (c < row->start)
			high = mid;
		else if (c > end)
			low = mid + 1;
		else
			return row;
	}
	return NULL;
}

/* Does any table that the profile uses for one purpose hold the character? */
static const Stringprep_table_element *
find_in_profile(Stringprep_profile_steps purpose, uint32_t c)
{
	const Stringprep_profile *step = stringprep_saslprep;
	const Stringprep_table_element *row = NULL;

	for (; step->operation != 0 && row == NULL; step++) {
		if (step->operation == purpose)
			row = find_row(step->table, step->table_size, c);
	}
	return row;
}

static bool
is_in(Stringprep_profile_steps purpose, uint32_t c)
{
	return find_in_profile(purpose, c) != NULL;
}

/* Spaces become the ASCII one, invisible characters go; the new length. */
static size_t
map_chars(uint32_t *chars, size_t len)
{
	const Stringprep_table_element *row;
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		row = find_in_profile(STRINGPREP_MAP_TABLE, chars[i]);
		if (row == NULL)
			chars[kept++] = chars[i];
		else if (row->map[0] != 0)
			chars[kept++] = row->map[0];
	}
	return kept;
}

/* RFC 3454, section 6: right-to-left texts are so from end to end. */
static bool
is_direction_clean(const uint32_t *chars, size_t len)
{
	bool has_ral = false, has_l = false;

	for (size_t i = 0; i < len; i++) {
		has_ral |= is_in(STRINGPREP_BIDI_RAL_TABLE, chars[i]);
		has_l |= is_in(STRINGPREP_BIDI_L_TABLE, chars[i]);
	}
	if (!has_ral)
		return true;
	return !has_l && is_in(STRINGPREP_BIDI_RAL_TABLE, chars[0]) &&
	       is_in(STRINGPREP_BIDI_RAL_TABLE, chars[len - 1]);
}

static bool
is_allowed(const uint32_t *chars, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (is_in(STRINGPREP_PROHIBIT_TABLE, chars[i]) ||
		    is_in(STRINGPREP_UNASSIGNED_TABLE, chars[i]))
			return false;
	}
	return len > 0 && is_direction_clean(chars, len);
}

/*
 * Unicode Corrigendum 4: five ideographs whose decomposition was wrong in the
 * version that stringprep is bound to.  PostgreSQL uses the right one.
 */
static void
correct(uint32_t *chars, size_t len)
{
	static const struct {
		uint32_t from;
		uint32_t to;
	} fixed[] = {
		{ 0x2f868, 0x36fc }, { 0x2f874, 0x5f53 }, { 0x2f91f, 0x243ab },
		{ 0x2f95f, 0x7aee }, { 0x2f9bf, 0x45d7 },
	};

	for (size_t i = 0; i < len; i++) {
		for (size_t k = 0; k < COUNT_OF(fixed); k++) {
			if (chars[i] == fixed[k].from)
				chars[i] = fixed[k].to;
		}
	}
}

/* The normal form (NFKC) of len characters as UTF-8 of our own allocator. */
static char *
normalise(const uint32_t *chars, size_t len)
{
	uint32_t *normal;
	char *utf8, *copy;
	size_t normal_len = 0, bytes = 0;

	normal = stringprep_ucs4_nfkc_normalize(chars, (ssize_t)len);
	if (normal == NULL)
		return NULL;
	while (normal[normal_len] != 0)
		normal_len++;
	utf8 = stringprep_ucs4_to_utf8(normal, (ssize_t)normal_len, NULL,
				       &bytes);
	mem_wipe(normal, normal_len * sizeof(*normal));
	idn_free(normal);
	if (utf8 == NULL)
		return NULL;
	copy = mem_strndup(utf8, bytes);
	mem_wipe(utf8, bytes);
	idn_free(utf8);
	return copy;
}

enum saslprep_result
saslprep_password(const char *password, char **out)
{
	uint32_t *chars;
	size_t len = 0, mapped;
	enum saslprep_result result = SASLPREP_REFUSED;

	*out = NULL;
	if (is_ascii(password))
		return SASLPREP_UNCHANGED;
	if (strlen(password) > PREPARE_MAX)
		return SASLPREP_REFUSED;
	chars = stringprep_utf8_to_ucs4(password, -1, &len);
	if (chars == NULL)
		return SASLPREP_REFUSED; /* not UTF-8 */
	mapped = map_chars(chars, len);
	if (is_allowed(chars, mapped)) {
		correct(chars, mapped);
		*out = normalise(chars, mapped);
		result = *out != NULL ? SASLPREP_DONE : SASLPREP_NO_MEMORY;
	}
	mem_wipe(chars, len * sizeof(*chars));
	idn_free(chars);
	return result;
}
