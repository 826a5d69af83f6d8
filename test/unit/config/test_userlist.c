/* The auth_file. */
#include "scratch.h"

#include "base/mem.h"
#include "config/userlist.h"

static const struct {
	const char *line;
	const char *name; /* NULL: nothing comes of the line */
	const char *secret;
	const char *wrong; /* NULL: nothing is reported */
} cases[] = {
	{ "\"u\" \"p\"", "u", "p", NULL },
	{ "  \"u\"\t \"p\"  ", "u", "p", NULL },
	{ "\"u\"\"p\" \"q\"", "u\"p", "q", NULL },
	{ "\"u\" \"a\"\"b\"", "u", "a\"b", NULL },
	{ "\"u\" \"\"", "u", "", NULL },
	{ "\"u\" \"\"\"\"", "u", "\"", NULL },
	{ "\"u\" \"p\" \"2030-01-01\" whatever", "u", "p", NULL },
	{ "\"u\" \"p\"; comment", "u", "p", NULL },
	{ "\"u v\" \"p ; q # = '\"", "u v", "p ; q # = '", NULL },
	{ "\"u\" \"SCRAM-SHA-256$4096:c2FsdA==$aa=:bb=\"", "u",
	  "SCRAM-SHA-256$4096:c2FsdA==$aa=:bb=", NULL },
	{ "\"u\" \"md5d41d8cd98f00b204e9800998ecf8427e\"", "u",
	  "md5d41d8cd98f00b204e9800998ecf8427e", NULL },
	{ "", NULL, NULL, NULL },
	{ "   ", NULL, NULL, NULL },
	{ "; \"u\" \"p\"", NULL, NULL, NULL },
	{ "  ;x", NULL, NULL, NULL },
	{ "u p", NULL, NULL, "no user name in double quotes" },
	{ "# comment", NULL, NULL, "no user name in double quotes" },
	{ "\"u", NULL, NULL, "no user name in double quotes" },
	{ "\"u\"", NULL, NULL, "no secret in double quotes" },
	{ "\"u\" p", NULL, NULL, "no secret in double quotes" },
	{ "\"u\" \"p", NULL, NULL, "no secret in double quotes" },
	{ "\"u\" x \"p\"", NULL, NULL, "no secret in double quotes" },
	{ "\"\" \"p\"", NULL, NULL, "empty user name" },
};

static void
test_lines(void **state)
{
	static const char *const ends[] = { "", "\n", "\r\n" };
	struct scratch s;
	struct pile pile = { 0 };
	struct userlist list;
	struct config_report report = { 0 };
	struct str text = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(cases) * COUNT_OF(ends); i++) {
		size_t c = i / COUNT_OF(ends);

		scratch_open(&s);
		list = (struct userlist){ 0 };
		str_printf(&text, "\n%s%s", cases[c].line,
			   ends[i % COUNT_OF(ends)]);
		assert_int_equal(userlist_read(&list,
					       scratch_file(&s, "users",
							    str_text(&text)),
					       &pile, &report),
				 0);
		assert_int_equal(list.count, cases[c].name != NULL ? 1 : 0);
		if (cases[c].name != NULL) {
			assert_string_equal(list.entries[0].name,
					    cases[c].name);
			assert_string_equal(list.entries[0].secret,
					    cases[c].secret);
			assert_int_equal(list.entries[0].at.line, 2);
		}
		assert_int_equal(report.count, cases[c].wrong != NULL ? 1 : 0);
		if (cases[c].wrong != NULL)
			assert_non_null(
				report_find(&report, 2, cases[c].wrong));
		config_report_fini(&report);
		str_fini(&text);
		scratch_close(&s);
	}
	pile_fini(&pile);
}

static void
test_lengths(void **state)
{
	struct scratch s;
	struct pile pile = { 0 };
	struct userlist list = { 0 };
	struct config_report report = { 0 };
	struct str text = { 0 };

	(void)state;
	scratch_open(&s);
	str_printf(&text, "\"%0127d\" \"%02000d\"\n\"%0128d\" \"p\"\n", 0, 0,
		   0);
	assert_int_equal(
		userlist_read(&list, scratch_file(&s, "users", str_text(&text)),
			      &pile, &report),
		0);
	assert_int_equal(list.count, 1);
	assert_int_equal(strlen(list.entries[0].secret), 2000);
	assert_non_null(report_find(&report, 2, "more than 127 bytes"));
	config_report_fini(&report);
	str_fini(&text);
	scratch_close(&s);
	pile_fini(&pile);
}

static void
test_access(void **state)
{
	struct scratch s;
	struct pile pile = { 0 };
	struct userlist list = { 0 };
	struct config_report report = { 0 };
	const char *path;

	(void)state;
	scratch_open(&s);
	path = scratch_file(&s, "users", "\"u\" \"p\"\n");
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(userlist_read(&list, path, &pile, &report), 0);
	assert_int_equal(report.count, 1);
	assert_non_null(report_find(&report, 0, "chmod o-r"));
	assert_int_equal(report.errors, 0);
	assert_int_equal(userlist_read(&list, "/nonexistent", &pile, &report),
			 2 /* ENOENT */);
	config_report_fini(&report);
	scratch_close(&s);
	pile_fini(&pile);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
