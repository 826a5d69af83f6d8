/*
 * Texts for MySQL: any cut of a text gives the same flags, and so does the
 * quick look, where it tells any.  The input's first byte chooses the lexer's
 * options.
 */
#include <string.h>

#include "base/mem.h"
#include "fuzz_main.h"
#include "sql/my_classify.h"
#include "sql/my_quick.h"

static uint64_t
classify(const uint8_t *text, size_t len, struct my_lexer_options options,
	 unsigned cuts)
{
	struct my_classify c;

	my_classify_init(&c, options);
	while (len > 0) {
		size_t n = cuts == 0 ? len : 1 + (size_t)rand_r(&cuts) % 9;

		if (n > len)
			n = len;
		my_classify_feed(&c, text, n);
		text += n;
		len -= n;
	}
	return my_classify_end(&c);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	struct my_lexer_options options = { .version = 101119 };
	char name[MY_LEXER_WORD_MAX + 1];
	uint64_t flags, quick;

	if (size == 0)
		return;
	options.bits = data[0] & 31;
	flags = classify(data + 1, size - 1, options, 0);
	quick = my_quick(data + 1, size - 1, options);
	ASSERT(quick == MY_SQL_UNSURE || quick == flags);
	for (unsigned seed = 1; seed < 4; seed++)
		ASSERT(classify(data + 1, size - 1, options, seed) == flags);
	if (my_classify_collation(data + 1, size - 1, options, name))
		ASSERT(strlen(name) <= MY_LEXER_WORD_MAX);
	(void)my_classify_kill(data + 1, size - 1, options);
}
