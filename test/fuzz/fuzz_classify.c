/*
 * Statement texts: any cut of a text gives the same tokens and flags, and so
 * does the quick look, where it tells any.
 * The input's first byte chooses the lexer's options.
 */
#include <string.h>

#include "base/mem.h"
#include "fuzz_main.h"
#include "sql/classify.h"
#include "sql/quick.h"

static bool
is_tracked(const void *context, const char *name)
{
	(void)context;
	ASSERT(strlen(name) <= LEXER_WORD_MAX);
	return (name[0] & 1) != 0;
}

static unsigned
classify(const uint8_t *text, size_t len, unsigned lexer, unsigned cuts)
{
	struct classify_options options = { .lexer = lexer,
					    .is_tracked = is_tracked };
	struct classify c;

	classify_init(&c, &options);
	while (len > 0) {
		size_t n = cuts == 0 ? len : 1 + (size_t)rand_r(&cuts) % 9;

		if (n > len)
			n = len;
		classify_feed(&c, text, n);
		text += n;
		len -= n;
	}
	return classify_end(&c);
}

static void
check_quick(const uint8_t *text, size_t len, unsigned lexer, unsigned flags)
{
	struct classify_options options = { .lexer = lexer,
					    .is_tracked = is_tracked };
	char name[LEXER_WORD_MAX + 1];
	unsigned found = sql_quick(text, len, &options, name);

	/* Where the lexer lost its way the quick look did not need it. */
	if (found != SQL_UNSURE)
		ASSERT(found == (flags & ~(unsigned)CLASSIFY_LOST));
	if (found != SQL_UNSURE && (found & CLASSIFY_NAMED))
		ASSERT(strlen(name) <= LEXER_WORD_MAX);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	unsigned flags, lexer;

	if (size == 0)
		return;
	lexer = data[0] & 3;
	flags = classify(data + 1, size - 1, lexer, 0);
	check_quick(data + 1, size - 1, lexer, flags);
	for (unsigned seed = 1; seed < 4; seed++)
		ASSERT(classify(data + 1, size - 1, lexer, seed) == flags);
}
