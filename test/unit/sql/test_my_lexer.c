/* The MySQL lexer: tokens of texts, at every cut of the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sql/my_lexer.h"

#define MARIA MY_LEXER_MARIADB
#define FOREIGN (MY_LEXER_TRAIL_BYTES | MY_LEXER_HIGH_BYTES)

/*
 * Tokens one after the other: words as they are, names in `, strings as s,
 * numbers as n, variables behind @, := as it is, a comment as c, signs as they
 * are, and ! at the end of a text where the lexer is lost.
 */
static const struct row {
	const char *text;
	const char *tokens;
	unsigned bits;
} rows[] = {
	{ "select 1", "select n", 0 },
	{ "", "", 0 },
	{ "a$b $c _d", "a$b $c _d", 0 },
	{ "a.b,c", "a . b , c", 0 },
	{ "1.5 2e3 0x1f .5 1abc", "n n n . n n", 0 },
	/* quotes */
	{ "'a' \"b\" `c`", "s s `c`", 0 },
	{ "'a''b' \"c\"\"d\" `e``f`", "s s `e`f`", 0 },
	{ "'a\\'b' x", "s x", 0 },
	{ "'a\\\\' x", "s x", 0 },
	{ "\"a\\\"b\" x", "s x", 0 },
	{ "`a\\` x", "`a\\` x", 0 },
	{ "'a\\' x", "s x", MY_LEXER_NO_BACKSLASH },
	{ "\"a\"", "`a`", MY_LEXER_ANSI_QUOTES },
	{ "\"a\\\" x", "`a\\` x", MY_LEXER_ANSI_QUOTES },
	{ "'a\\'b\" ' x", "s x", MY_LEXER_ANSI_QUOTES },
	{ "'never closed; x", "", 0 },
	/* variables */
	{ "@a @b.c @`d e` @'f' @\"g\"", "@a @b.c @d e @f @g", 0 },
	{ "@@a.b @@`c`", "@@ a . b @@ `c`", 0 },
	{ "@a:=1 @b := 2 : =", "@a := n @b := n : =", 0 },
	{ "@", "@", 0 },
	{ "@:=1", "@ := n", 0 },
	{ "u@h 'u'@'h'", "u @h s @h", 0 },
	/* comments */
	{ "a # b\nc", "a c", 0 },
	{ "a -- b\nc", "a c", 0 },
	{ "a --\nc", "a c", 0 },
	{ "a --b", "a - - b", 0 },
	{ "a --- b\nc", "a - c", 0 },
	{ "a --\tb\r;\nc", "a c", 0 },
	{ "a /* b ' */ c", "a c c", 0 },
	{ "a /**/ b", "a c b", 0 },
	{ "a /*/ b */ d", "a c d", 0 },
	{ "a /* /* */ b", "a c b", 0 },
	{ "a / b * d", "a / b * d", 0 },
	{ "a --", "a", 0 },
	/* executable comments */
	{ "a /*! b */ d", "a b d", MARIA },
	{ "a /*!50503 b*/ d", "a b d", MARIA },
	{ "a /*!50700 b */ d", "a d", MARIA },
	{ "a /*!99999 b */ d", "a d", MARIA },
	{ "a /*!101119 b */ d", "a b d", MARIA },
	{ "a /*!101120 b */ d", "a d", MARIA },
	{ "a /*M!50700 b */ d", "a b d", MARIA },
	{ "a /*M! b */ d", "a b d", MARIA },
	{ "a /*M b */ d", "a c d", MARIA },
	{ "a /*M! b */ d", "a c d", 0 },
	{ "a /*!50700 b */ d", "a b d", 0 },
	{ "a /*!101120 b */ d", "a d", 0 },
	{ "a /*!99999 ' /* x */ ' */ d", "a d", MARIA },
	{ "a /*! /* x */ b */ d", "a c b d", MARIA },
	{ "a /*!12 b */ d", "a n b d", MARIA },
	{ "a /*!0100000 b */ d", "a n b d", MARIA },
	{ "a /*! b * d */ e", "a b * d e", MARIA },
	{ "a /*! '*/' */ d", "a s d", MARIA },
	/* MySQL reads quotes in hints */
	{ "a /*+ b */ d", "a d", 0 },
	{ "a /*+ `b` */ d", "a d!", 0 },
	{ "a /*+ `b` */ d", "a c d", MARIA },
	/* character sets */
	{ "'\x81\\' x", "", 0 },
	{ "'\x81\\' x", "!", FOREIGN },
	{ "'\x81'' x", "!", FOREIGN },
	{ "'\x81\x40' x", "s x", FOREIGN },
	{ "set\xa0@a", "set\xa0 @a", 0 },
	{ "set\xa0@a", "set\xa0 @a!", MY_LEXER_HIGH_BYTES },
	{ "'\xa0' x", "s x", MY_LEXER_HIGH_BYTES },
};

struct line {
	char text[256];
	size_t len;
};

static void
add(struct line *l, const char *prefix, const char *text, size_t len)
{
	l->len += text_format(l->text + l->len, sizeof(l->text) - l->len,
			      "%s%s%.*s", l->len > 0 ? " " : "", prefix,
			      (int)len, text);
}

static void
add_token(struct line *l, const struct my_lexer *lx, enum my_lexer_token token)
{
	static const char *const prefix[] = {
		[MY_LEXER_WORD] = "",      [MY_LEXER_NAME] = "`",
		[MY_LEXER_STRING] = "s",   [MY_LEXER_NUMBER] = "n",
		[MY_LEXER_VARIABLE] = "@", [MY_LEXER_SYSTEM] = "@@",
		[MY_LEXER_ASSIGN] = ":=",  [MY_LEXER_COMMENT] = "c",
		[MY_LEXER_SIGN] = "",
	};
	const char sign = (char)lx->sign;

	if (token == MY_LEXER_SIGN)
		add(l, "", &sign, 1);
	else if (token == MY_LEXER_WORD || token == MY_LEXER_NAME ||
		 token == MY_LEXER_VARIABLE)
		add(l, prefix[token], lx->text, lx->len);
	else
		add(l, prefix[token], "", 0);
	if (token == MY_LEXER_NAME)
		l->len += text_format(l->text + l->len,
				      sizeof(l->text) - l->len, "`");
}

static void
tokens_of(struct line *l, const struct row *r, size_t piece)
{
	struct my_lexer_options options = { .version = 101119,
					    .bits = r->bits };
	const uint8_t *at = (const uint8_t *)r->text;
	size_t left = strlen(r->text);
	enum my_lexer_token token;
	struct my_lexer lx;

	*l = (struct line){ .len = 0 };
	my_lexer_init(&lx, options);
	while (left > 0) {
		size_t n = left < piece ? left : piece;
		const uint8_t *end = at + n;

		while ((token = my_lexer_next(&lx, &at, end)) != MY_LEXER_MORE)
			add_token(l, &lx, token);
		left -= n;
	}
	while ((token = my_lexer_end(&lx)) != MY_LEXER_MORE)
		add_token(l, &lx, token);
	if (lx.lost)
		l->len += text_format(l->text + l->len,
				      sizeof(l->text) - l->len, "!");
}

static void
texts_are_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (size_t piece = 1; piece < 40; piece++) {
			struct line l;

			tokens_of(&l, &rows[i], piece);
			if (strcmp(l.text, rows[i].tokens) != 0)
				fail_msg("%s in %zu: %s", rows[i].text, piece,
					 l.text);
		}
	}
}

/* A version that is not known decides nothing. */
static void
unknown_servers_are_doubted(void **state)
{
	static const struct row row = { .text = "a /*!40101 b */" };
	struct my_lexer_options options = { .bits = MARIA };
	const uint8_t *at = (const uint8_t *)row.text;
	const uint8_t *end = at + strlen(row.text);
	struct my_lexer lx;

	(void)state;
	my_lexer_init(&lx, options);
	while (my_lexer_next(&lx, &at, end) != MY_LEXER_MORE)
		;
	assert_true(lx.lost);
}

static void
servers_are_told_by_their_version(void **state)
{
	static const struct {
		const char *text;
		uint32_t version;
		unsigned bits;
	} servers[] = {
		{ "5.5.5-10.11.19-MariaDB-0+deb12u1", 101119, MARIA },
		{ "11.4.2-MariaDB-log", 110402, MARIA },
		{ "8.0.36", 80036, 0 },
		{ "8.4.0-debug", 80400, 0 },
		{ "5.7.44-log", 50744, 0 },
		{ "5.5.5", 50505, 0 },
		{ "nonsense", 0, 0 },
		{ "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(servers); i++) {
		struct my_lexer_options o = my_lexer_server(servers[i].text);

		assert_int_equal(o.version, servers[i].version);
		assert_int_equal(o.bits, servers[i].bits);
	}
}

static void
character_sets_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(my_lexer_charset("utf8mb4"), 0);
	assert_int_equal(my_lexer_charset("gbk"), FOREIGN);
	assert_int_equal(my_lexer_charset("latin1"), MY_LEXER_HIGH_BYTES);
	assert_int_equal(my_lexer_charset("any other"), MY_LEXER_HIGH_BYTES);
}

/* A word longer than names can be is cut, at any place of the text. */
static void
long_words_are_cut(void **state)
{
	char text[200];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		const uint8_t *at = (const uint8_t *)text;
		size_t left = sizeof(text);
		struct my_lexer lx;

		my_lexer_init(&lx, (struct my_lexer_options){ 0 });
		while (left > 0) {
			size_t n = left < piece ? left : piece;

			assert_int_equal(my_lexer_next(&lx, &at, at + n),
					 MY_LEXER_MORE);
			left -= n;
		}
		assert_int_equal(my_lexer_end(&lx), MY_LEXER_WORD);
		assert_int_equal(lx.len, MY_LEXER_WORD_MAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_cut_anywhere),
		cmocka_unit_test(unknown_servers_are_doubted),
		cmocka_unit_test(servers_are_told_by_their_version),
		cmocka_unit_test(character_sets_are_told_apart),
		cmocka_unit_test(long_words_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
