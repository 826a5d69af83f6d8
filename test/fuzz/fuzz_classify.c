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

/* Beside enum lexer_option: nobody asks what is tracked. */
#define UNTRACKED 4u

static struct classify_options
options_of(unsigned lexer)
{
	return (struct classify_options){
		.lexer = lexer & ~UNTRACKED,
		.is_tracked = lexer & UNTRACKED ? NULL : is_tracked,
	};
}

static unsigned
classify(const uint8_t *text, size_t len, unsigned lexer, unsigned cuts)
{
	struct classify_options options = options_of(lexer);
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
	struct classify_options options = options_of(lexer);
	char name[LEXER_WORD_MAX + 1];
	unsigned found = sql_quick(text, len, &options, name);

	ASSERT(sql_quick(text, len, &options, NULL) == found);
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
	lexer = data[0] & 7;
	flags = classify(data + 1, size - 1, lexer, 0);
	check_quick(data + 1, size - 1, lexer, flags);
	for (unsigned seed = 1; seed < 4; seed++)
		ASSERT(classify(data + 1, size - 1, lexer, seed) == flags);
}
