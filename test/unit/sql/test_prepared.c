/*
 * Where a text names prepared statements, and where their statements end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "sql/prepared.h"

/* Each name as kind, number of its statement, name, and where it stands. */
static void
show(const struct prepared *p, const char *text, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < p->count; i++) {
		const struct prepared_ref *r = &p->refs[i];

		n += text_format(out + n, size - n, "%c%u %s [%.*s][%.*s] ",
				 "-PEDA"[r->kind], (unsigned)r -> statement,
				 r -> name, (int)r -> len, text + r -> at,
				 (int)(r->end - r->at - r->len),
				 text + r -> at + r -> len);
	}
}

static void
names_and_ends(void **state)
{
	static const struct row {
		const char *text, *found;
		unsigned statements;
	} rows[] = {
		{ "prepare a as select 1", "P1 a [a][ as select 1] ", 1 },
		{ " ; select 1; ; execute A (1) ;deallocate \"B;\" ",
		  "E2 a [A][ (1) ] D3 B; [\"B;\"][ ] ", 3 },
		{ "deallocate all;deallocate prepare x",
		  "A1 all [all][] D2 x [x][] ", 2 },
		{ "prepare a as select ';' /* ; */;execute a -- ;",
		  "P1 a [a][ as select ';' /* ; */] E2 a [a][ -- ;] ", 2 },
		{ "explain execute a; create table t as execute b",
		  "E1 a [a][] E2 b [b][] ", 2 },
		{ "prepare \"\" as select 1; execute \"\"", "", 2 },
		{ "prepare transaction 'x'; commit prepared 'x'", "", 2 },
		{ "select $$;execute a;$$", "", 1 },
		{ "execute;deallocate;prepare", "", 3 },
	};
	char found[300];
	struct prepared p;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *text = rows[i].text;

		prepared_find(&p, text, strlen(text), 0);
		show(&p, text, found, sizeof(found));
		assert_string_equal(found, rows[i].found);
		assert_int_equal(p.statements, rows[i].statements);
		assert_false(p.is_full || p.is_lost);
	}
}

static void
so_many_and_no_more(void **state)
{
	char text[16 * (PREPARED_REFS + 1)] = "";
	struct prepared p;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i <= PREPARED_REFS; i++) {
		n += text_format(text + n, sizeof(text) - n, "execute s%u;", i);
		prepared_find(&p, text, n, 0);
		assert_int_equal(p.is_full, i == PREPARED_REFS);
		assert_false(p.is_lost);
	}
	assert_int_equal(p.count, PREPARED_REFS);
	assert_string_equal(p.refs[PREPARED_REFS - 1].name, "s31");
}

/* Whatever the one finds behind a semicolon the quick look has not missed. */
static void
the_quick_look_misses_none(void **state)
{
	static const struct row {
		const char *text;
		bool may;
	} rows[] = {
		{ "select 1; execute a", true },
		{ "select 1;EXECUTE a", true },
		{ "a;b;c;d deAllocate", true },
		{ ";Prepare", true },
		{ ";prepar", false },
		{ "execute a", false },
		{ "execute a; select 1", false },
		{ "select 'execute'; select 1", false },
		{ "select 1;", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(
			prepared_may_follow(rows[i].text, strlen(rows[i].text)),
			rows[i].may);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_ends),
		cmocka_unit_test(so_many_and_no_more),
		cmocka_unit_test(the_quick_look_misses_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
