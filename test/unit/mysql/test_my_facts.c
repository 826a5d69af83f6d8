/* What servers say of themselves, one by one and together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "mysql/my_caps.h"
#include "mysql/my_facts.h"
#include "mysql/my_greeting.h"

static const struct my_facts_words maria = {
	.version = "5.5.5-10.11.19-MariaDB-0+deb12u1",
	.schema = "app",
	.caps = 0x81fff7fe,
	.ext = 0x1d,
	.collation = 8,
	.status = 2,
	.is_tracked = true,
};

static const struct my_facts_words mysql = {
	.version = "8.4.3",
	.schema = "app",
	.caps = 0xdfffffff,
	.collation = 255,
	.status = 2,
	.is_sha2 = true,
	.is_tracked = true,
};

static void
test_texts_are_copied(void **state)
{
	char version[] = "8.0.1", schema[] = "s";
	char variables[] = "a\0"
			   "1\0b\0\0";
	struct my_facts_words w = { .version = version,
				    .schema = schema,
				    .variables = variables,
				    .variables_len = sizeof(variables) - 1 };
	struct my_facts_variable at = { 0 };
	const struct my_facts *f = my_facts_new(&w);

	(void)state;
	memset(version, 'x', sizeof(version) - 1);
	memset(schema, 'x', sizeof(schema) - 1);
	memset(variables, 'x', sizeof(variables) - 1);
	assert_true(my_facts_next(f, &at));
	assert_string_equal(at.name, "a");
	assert_string_equal(at.value, "1");
	assert_true(my_facts_next(f, &at));
	assert_string_equal(at.name, "b");
	assert_string_equal(at.value, "");
	assert_false(my_facts_next(f, &at));
	assert_false(my_facts_next(f, &at));
	assert_string_equal(my_facts_words(f)->version, "8.0.1");
	assert_string_equal(my_facts_words(f)->schema, "s");
	assert_ptr_equal(my_facts_ref(f), f);
	my_facts_unref(f);
	assert_string_equal(my_facts_words(f)->version, "8.0.1");
	my_facts_unref(f);
	assert_null(my_facts_ref(NULL));
	my_facts_unref(NULL);
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *version;
		uint32_t number;
	} rows[] = {
		{ "5.5.5-10.11.19-MariaDB-0+deb12u1", 101119 },
		{ "11.8.2-MariaDB", 110802 },
		{ "8.4.3", 80403 },
		{ "8.0", 80000 },
		{ "5.5.5", 50505 },
		{ "5.5.5-log", 50505 },
		{ "", 0 },
		{ "x", 0 },
		{ "99999999999999999999.1", 990100 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(my_facts_number(rows[i].version),
				 rows[i].number);
}

/* Nobody is offered what one of the servers lacks. */
static void
test_meet(void **state)
{
	struct my_facts_words other = maria;
	const struct my_facts *a = my_facts_new(&maria), *b, *both;
	const struct my_facts_words *w;

	(void)state;
	other.version = "5.5.5-10.6.1-MariaDB";
	other.schema = "other";
	other.caps &= ~MY_CLIENT_DEPRECATE_EOF;
	other.ext = 0x0c;
	other.collation = 45;
	other.is_tracked = false;
	other.variables = "x\0";
	other.variables_len = 3;
	b = my_facts_new(&other);
	for (unsigned turned = 0; turned < 2; turned++) {
		both = my_facts_meet(turned ? b : a, turned ? a : b);
		w = my_facts_words(both);
		assert_string_equal(w->version, other.version);
		assert_string_equal(w->schema, "");
		assert_int_equal(w->caps, other.caps);
		assert_int_equal(w->ext, 0x0c);
		assert_int_equal(w->collation, MY_LOGIN_COLLATION);
		assert_false(w->is_tracked);
		assert_int_equal(w->variables_len, 0);
		assert_true(my_facts_is_mariadb(both));
		my_facts_unref(both);
	}
	both = my_facts_meet(a, a);
	assert_true(my_facts_equal(both, a));
	assert_false(my_facts_equal(b, a));
	my_facts_unref(both);
	my_facts_unref(b);
	b = my_facts_new(&mysql);
	both = my_facts_meet(a, b);
	w = my_facts_words(both);
	/* Both kinds: MariaDB's second word is not for MySQL's clients. */
	assert_false(my_facts_is_mariadb(both));
	assert_int_equal(w->ext, 0);
	assert_false(w->is_sha2);
	assert_string_equal(w->version, "8.4.3");
	my_facts_unref(both);
	my_facts_unref(a);
	my_facts_unref(b);
}

static void
test_equal(void **state)
{
	const struct my_facts *a = my_facts_new(&mysql);
	struct my_facts_words w;

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		const struct my_facts *b;

		w = mysql;
		switch (i) {
		case 0:
			w.version = "8.4.4";
			break;
		case 1:
			w.caps ^= MY_CLIENT_FOUND_ROWS;
			break;
		case 2:
			w.ext = 1;
			break;
		case 3:
			w.collation = 1;
			break;
		case 4:
			w.is_sha2 = false;
			break;
		case 5: /* what only a login tells */
			w.schema = "";
			w.status = 0;
			w.is_tracked = false;
			w.variables = "x\0y";
			w.variables_len = 4;
			break;
		default:
			break;
		}
		b = my_facts_new(&w);
		assert_int_equal(my_facts_equal(a, b), i >= 5);
		my_facts_unref(b);
	}
	my_facts_unref(a);
}

/* A greeting tells all that clients are greeted with. */
static void
test_of_greeting(void **state)
{
	struct my_greeting g = { .version = "8.4.3",
				 .plugin = "caching_sha2_password",
				 .caps = 0xdfffffff,
				 .collation = 255,
				 .status = 2 };
	const struct my_facts *a = my_facts_of(&g), *b = my_facts_new(&mysql);

	(void)state;
	assert_true(my_facts_equal(a, b));
	assert_string_equal(my_facts_words(a)->schema, "");
	assert_int_equal(my_facts_words(a)->status, 2);
	my_facts_unref(a);
	g.plugin = "mysql_native_password";
	a = my_facts_of(&g);
	assert_false(my_facts_words(a)->is_sha2);
	my_facts_unref(a);
	my_facts_unref(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_are_copied),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_meet),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_of_greeting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
