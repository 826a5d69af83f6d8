/* The lexer: what is a token, what is skipped; at every cut of the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sql/lexer.h"

/*
 * Tokens are shown as: words as they are, names in "", strings as ', numbers
 * as 0, signs as themselves, with spaces between.
 */
static const struct row {
	const char *text;
	unsigned options;
	const char *tokens;
} rows[] = {
	{ "select a1, b$2", 0, "select a1 , b$2" },
	{ "\"My \"\"x\"\"\".\"y\"", 0, "\"My \"x\"\" . \"y\"" },
	{ "'it''s' x", 0, "' x" },
	{ "'a\\' x", 0, "' x" },
	{ "'a\\' x' y", LEXER_BACKSLASHES, "' y" },
	{ "E'a\\' x' y", 0, "' y" },
	{ "e'a\\\\' y", 0, "' y" },
	{ "E'a''b' y", 0, "' y" },
	{ "ee'a\\' y", 0, "ee ' y" },
	{ "E'a'\n'b\\' c' y", 0, "' y" },
	{ "E'a' -- c\n 'b\\' c' y", 0, "' y" },
	{ "E'a' 'b\\' y", 0, "' ' y" },
	{ "E'a'-1", 0, "' - 0" },
	{ "1E'\\'' y", 0, "0 ' y" },
	{ "B'1' x'f' N'n' U&'a'", 0, "B ' x ' N ' U & '" },
	{ "$$a 'b' $ $x$$ y", 0, "' y" },
	{ "$a$ $b$ $aa$ $a$ y", 0, "' y" },
	{ "$a$$a$y", 0, "' y" },
	{ "$a$$$a$y", 0, "' y" },
	{ "$1$2", 0, "$ $" },
	{ "$1 + $23", 0, "$ + $" },
	{ "$x y", 0, "$ x y" },
	{ "a$b$c", 0, "a$b$c" },
	{ "$", 0, "$" },
	{ "a--b\nc", 0, "a c" },
	{ "a--b", 0, "a" },
	{ "a-b - -c", 0, "a - b - - c" },
	{ "a/*b*/c", 0, "a c" },
	{ "a/*b/*c*/d*/e", 0, "a e" },
	{ "a/***/b/*/ */c", 0, "a b c" },
	{ "a/b / /*x", 0, "a / b /" },
	{ "/*//**/*/ x */y", 0, "x * / y" },
	{ "1.5e10 1..2 .5", 0, "0 e10 0 . 0" },
	{ "caf\xc3\xa9 x", 0, "caf\xc3\xa9 x" },
	{ "a;b", 0, "a ; b" },
	{ "", 0, "" },
	{ "  \t\n", 0, "" },
	{ "'open", 0, "" },
};

static void
add_token(struct str *s, const struct lexer *lx, enum lexer_token token)
{
	if (s->len > 0)
		str_putc(s, ' ');
	switch (token) {
	case LEXER_WORD:
		str_add(s, lx->text, lx->len);
		break;
	case LEXER_NAME:
		str_putc(s, '"');
		str_add(s, lx->text, lx->len);
		str_putc(s, '"');
		break;
	case LEXER_STRING:
		str_putc(s, '\'');
		break;
	case LEXER_NUMBER:
		str_putc(s, '0');
		break;
	case LEXER_SIGN:
		str_putc(s, (char)lx->sign);
		break;
	case LEXER_MORE:
		break;
	}
}

/* The tokens of a text that comes in pieces of this size. */
static void
lex(const char *text, unsigned options, size_t piece, struct str *s)
{
	const uint8_t *at = (const uint8_t *)text;
	const uint8_t *end = at + strlen(text);
	struct lexer lx;
	enum lexer_token token;

	lexer_init(&lx, options);
	while (at < end) {
		size_t n =
			(size_t)(end - at) < piece ? (size_t)(end - at) : piece;
		const uint8_t *stop = at + n;

		while ((token = lexer_next(&lx, &at, stop)) != LEXER_MORE)
			add_token(s, &lx, token);
		assert_ptr_equal(at, stop);
	}
	token = lexer_end(&lx);
	if (token != LEXER_MORE)
		add_token(s, &lx, token);
}

static void
tokens_come_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (size_t piece = 1; piece < 40; piece++) {
			struct str s = { 0 };

			lex(rows[i].text, rows[i].options, piece, &s);
			if (strcmp(str_text(&s), rows[i].tokens) != 0)
				print_message("%s in %zu\n", rows[i].text,
					      piece);
			assert_string_equal(str_text(&s), rows[i].tokens);
			str_fini(&s);
		}
	}
}

static void
long_words_are_cut(void **state)
{
	char text[200];
	struct str s = { 0 }, t = { 0 };

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[100] = ' ';
	lex(text, 0, sizeof(text), &s);
	lex(text, 0, 1, &t);
	assert_int_equal(s.len, 2 * LEXER_WORD_MAX + 1);
	assert_string_equal(str_text(&s), str_text(&t));
	str_fini(&s);
	str_fini(&t);
}

static bool
is_lost(const char *text, unsigned options)
{
	const uint8_t *at = (const uint8_t *)text;
	struct lexer lx;

	lexer_init(&lx, options);
	while (lexer_next(&lx, &at, (const uint8_t *)text + strlen(text)) !=
	       LEXER_MORE)
		;
	return lx.lost;
}

static void
doubts_are_told(void **state)
{
	char tag[80];

	(void)state;
	memset(tag, 'x', sizeof(tag));
	tag[0] = tag[70] = '$';
	tag[71] = '\0';
	assert_true(is_lost(tag, 0));
	tag[0] = ' ';
	assert_false(is_lost(tag, 0));
	assert_true(is_lost("E'\x83\\ '", LEXER_TRAIL_BYTES));
	assert_false(is_lost("E'\x83 \\ '", LEXER_TRAIL_BYTES));
	assert_false(is_lost("E'\xc3\xa9\\n'", 0));
	assert_false(is_lost("'\x83\\ '", LEXER_TRAIL_BYTES));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_come_out),
		cmocka_unit_test(long_words_are_cut),
		cmocka_unit_test(doubts_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
