/* Lists of key=value. */
#include "scratch.h"

#include "base/mem.h"
#include "config/pairs.h"

static const struct {
	const char *text;
	const char *shown; /* each pair as [key|value], then what is wrong */
} cases[] = {
	{ "", "" },
	{ "  \t ", "" },
	{ "host=h", "[host|h]" },
	{ " host=h  port=1 ", "[host|h][port|1]" },
	{ "host = h port\t=\t1", "[host|h][port|1]" },
	{ "password='a b'", "[password|a b]" },
	{ "password='it''s' x=y", "[password|it's][x|y]" },
	{ "password=''''", "[password|']" },
	{ "password='' x=y", "[password|][x|y]" },
	{ "password=a'b", "[password|a'b]" },
	{ "password=a=b;c#d\"", "[password|a=b;c#d\"]" },
	{ "connect_query='set a = ''b''; select 1'",
	  "[connect_query|set a = 'b'; select 1]" },
	/* as in libpq and PgBouncer */
	{ "password= user=bob", "[password|user=bob]" },
	{ "host=", "a key without a value" },
	{ "a=b host=", "[a|b]a key without a value" },
	{ "host", "a word that is no \"key=value\"" },
	{ "a=b host port=1", "[a|b]a word that is no \"key=value\"" },
	{ "=b", "a word that is no \"key=value\"" },
	{ "a='b", "a value without closing quote" },
	{ "a='b''", "a value without closing quote" },
	{ "a='b'c", "text directly behind a closing quote" },
};

static void
test_pairs(void **state)
{
	struct str shown = { 0 };
	struct pile pile = { 0 };
	struct pair_walk walk;
	struct pair pair;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(cases); i++) {
		walk = (struct pair_walk){ .at = cases[i].text, .pile = &pile };
		while (pair_next(&walk, &pair))
			str_printf(&shown, "[%s|%s]", pair.key, pair.value);
		str_puts(&shown, walk.why != NULL ? walk.why : "");
		assert_string_equal(str_text(&shown), cases[i].shown);
		str_fini(&shown);
	}
	pile_fini(&pile);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
