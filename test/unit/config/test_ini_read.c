/* The grammar of ini files, long lines, includes. */
#include "scratch.h"

#include "base/mem.h"
#include "config/ini_read.h"

static const char *const sections[] = { "carpool", "databases", NULL };

struct read {
	struct scratch scratch;
	struct ini ini;
	struct config_report report;
};

static void
read_begin(struct read *r)
{
	memset(r, 0, sizeof(*r));
	scratch_open(&r->scratch);
}

static void
read_end(struct read *r)
{
	ini_fini(&r->ini);
	config_report_fini(&r->report);
	scratch_close(&r->scratch);
}

static void
read_bytes(struct read *r, const char *text, size_t len)
{
	read_begin(r);
	ini_read(&r->ini, scratch_bytes(&r->scratch, "a.ini", text, len),
		 sections, &r->report);
}

static const struct {
	const char *text;
	const char *key; /* NULL: nothing comes of it */
	const char *value;
	unsigned line;
} grammar[] = {
	{ "[carpool]\nkey = value\n", "key", "value", 2 },
	{ "[carpool]\nkey=value", "key", "value", 2 },
	{ "[carpool]\r\nkey = value\r\n", "key", "value", 2 },
	{ "\xef\xbb\xbf[carpool]\nkey = value\n", "key", "value", 2 },
	{ "[carpool]\n\t  key \t=\t value \t\n", "key", "value", 2 },
	{ "  [ Carpool ]  \nkey = value\n", "key", "value", 2 },
	{ "[carpool] ; comment\nkey = value\n", "key", "value", 2 },
	{ "[carpool]\nkey = \n", "key", "", 2 },
	{ "[carpool]\nkey=\n", "key", "", 2 },
	{ "[carpool]\n;key = a\n # key = b\n\n", NULL, NULL, 0 },
	/* no comments behind values */
	{ "[carpool]\nkey = password=a;b\n", "key", "password=a;b", 2 },
	{ "[carpool]\nkey = a ; b # c\n", "key", "a ; b # c", 2 },
	{ "[carpool]\nkey = a=b = c\n", "key", "a=b = c", 2 },
	{ "[carpool]\nkey = a:b\n", "key", "a:b", 2 },
	{ "[carpool]\nkey = [x]\n", "key", "[x]", 2 },
	{ "[carpool]\nkey = \"quoted\"\n", "key", "\"quoted\"", 2 },
	{ "[carpool]\nkey = caf\xc3\xa9\n", "key", "caf\xc3\xa9", 2 },
	{ "[databases]\n* = host=h\n", "*", "host=h", 2 },
	{ "[databases]\na:b = c\n", "a:b", "c", 2 },
	{ "[databases]\n\"a \"\"b\"\" =c\" = d\n", "a \"b\" =c", "d", 2 },
	{ "[databases]\n'it''s' = d\n", "it's", "d", 2 },
	{ "[databases]\n\"x\"=d\n", "x", "d", 2 },
};

static void
test_grammar(void **state)
{
	struct read r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(grammar); i++) {
		read_bytes(&r, grammar[i].text, strlen(grammar[i].text));
		report_show(&r.report);
		assert_int_equal(r.report.count, 0);
		assert_int_equal(r.ini.count, grammar[i].key != NULL ? 1 : 0);
		if (grammar[i].key != NULL) {
			assert_string_equal(r.ini.entries[0].key,
					    grammar[i].key);
			assert_string_equal(r.ini.entries[0].value,
					    grammar[i].value);
			assert_int_equal(r.ini.entries[0].at.line,
					 grammar[i].line);
			assert_string_equal(r.ini.entries[0].at.file,
					    r.scratch.paths[0]);
		}
		read_end(&r);
	}
}

static const struct {
	const char *text;
	unsigned line;
	const char *words;
} broken[] = {
	{ "key = value\n", 1, "before any [section]" },
	{ "\n\n[nowhere]\n", 3, "unknown section [nowhere]" },
	{ "[carpool\nkey = a\n", 1, "without ']'" },
	{ "[carpool] key = a\n", 1, "behind a section header" },
	{ "[carpool]\n\nword\n", 3, "neither a comment" },
	{ "[carpool]\ntwo words = a\n", 2, "neither a comment" },
	{ "[carpool]\n= a\n", 2, "no name before" },
	{ "[carpool]\n\"\" = a\n", 2, "no name before" },
	{ "[carpool]\n\"a = b\n", 2, "closing quote" },
	{ "[carpool]\n\"a\" b = c\n", 2, "neither a comment" },
	{ "[carpool]\n%include\n", 2, "without a file name" },
	{ "[carpool]\n%includefile\n", 2, "without a file name" },
	{ "[carpool]\n%require x\n", 2, "only %include" },
	{ "[carpool]\n%include /nonexistent/x.ini\n", 2,
	  "cannot read /nonexistent/x.ini: No such file" },
};

static void
test_broken(void **state)
{
	const struct config_problem *p;
	struct read r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(broken); i++) {
		read_bytes(&r, broken[i].text, strlen(broken[i].text));
		p = report_find(&r.report, broken[i].line, broken[i].words);
		if (p == NULL) {
			report_show(&r.report);
			fail_msg("%s", broken[i].text);
		} else {
			assert_string_equal(p->file, r.scratch.paths[0]);
			assert_int_equal(p->kind, PROBLEM_ERROR);
		}
		read_end(&r);
	}
}

static void
test_zero_byte(void **state)
{
	static const char text[] = "[carpool]\nkey = a\0b\nother = c\n";
	struct read r;

	(void)state;
	read_bytes(&r, text, sizeof(text) - 1);
	assert_non_null(report_find(&r.report, 2, "zero byte"));
	assert_int_equal(r.ini.count, 1);
	assert_string_equal(r.ini.entries[0].key, "other");
	read_end(&r);
}

/* Every length round the sizes at which inih itself would cut. */
static void
test_long_lines(void **state)
{
	static const size_t lengths[] = {
		1,   49,  50,  51,  196, 197,  198,
		199, 200, 201, 400, 401, 5000, 70000
	};
	struct str text = { 0 };
	struct read r;
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT_OF(lengths); i++) {
		str_puts(&text, "[carpool]\n");
		for (n = 0; n < lengths[i]; n++)
			str_putc(&text, 'k');
		str_puts(&text, " = ");
		for (n = 0; n < lengths[i]; n++)
			str_putc(&text, n % 10 == 9 ? '=' : 'v');
		str_puts(&text, "\nnext = 1\n");
		read_bytes(&r, str_text(&text), text.len);
		assert_int_equal(r.report.count, 0);
		assert_int_equal(r.ini.count, 2);
		assert_int_equal(strlen(r.ini.entries[0].key), lengths[i]);
		assert_int_equal(strlen(r.ini.entries[0].value), lengths[i]);
		assert_string_equal(r.ini.entries[1].key, "next");
		assert_int_equal(r.ini.entries[1].at.line, 3);
		read_end(&r);
		str_fini(&text);
	}
}

static void
test_order(void **state)
{
	static const char text[] = "[carpool]\na = 1\na = 2\n[databases]\n"
				   "b = 3\n[carpool]\nc = 4\n";
	struct read r;

	(void)state;
	read_bytes(&r, text, strlen(text));
	assert_int_equal(r.ini.count, 4);
	assert_string_equal(r.ini.entries[0].value, "1");
	assert_string_equal(r.ini.entries[1].value, "2");
	assert_ptr_equal(r.ini.entries[2].section, sections[1]);
	assert_ptr_equal(r.ini.entries[3].section, sections[0]);
	assert_int_equal(r.ini.entries[3].at.line, 7);
	read_end(&r);
}

static void
include(struct str *out, const char *path)
{
	str_printf(out, "%%include %s\n", path);
}

static void
test_include(void **state)
{
	struct str text = { 0 };
	struct read r;
	const char *inner;

	(void)state;
	read_begin(&r);
	inner = scratch_file(&r.scratch, "inner.ini",
			     "\nb = 2\nbroken\n[databases]\nc = 3\n");
	str_puts(&text, "[carpool]\na = 1\n");
	include(&text, inner);
	str_puts(&text, "d = 4\n");
	ini_read(&r.ini, scratch_file(&r.scratch, "a.ini", str_text(&text)),
		 sections, &r.report);
	assert_int_equal(r.ini.count, 4);
	assert_string_equal(r.ini.entries[1].at.file, inner);
	assert_int_equal(r.ini.entries[1].at.line, 2);
	/* the section goes on behind the included file, as in PgBouncer */
	assert_ptr_equal(r.ini.entries[3].section, sections[1]);
	assert_int_equal(r.ini.entries[3].at.line, 4);
	assert_int_equal(r.report.errors, 1);
	assert_true(report_is_about(&r.report, inner, 3, "neither a comment"));
	str_fini(&text);
	read_end(&r);
}

static void
test_include_loop(void **state)
{
	struct str text = { 0 };
	struct read r;
	const char *one, *two;

	(void)state;
	read_begin(&r);
	one = scratch_path(&r.scratch, "one.ini");
	include(&text, one);
	two = scratch_file(&r.scratch, "two.ini", str_text(&text));
	str_fini(&text);
	str_puts(&text, "[carpool]\n");
	include(&text, two);
	scratch_file(&r.scratch, "one.ini", str_text(&text));
	ini_read(&r.ini, one, sections, &r.report);
	assert_int_equal(r.report.errors, 1);
	assert_true(report_is_about(&r.report, two, 1, "includes itself"));
	str_fini(&text);
	read_end(&r);
}

static void
test_include_depth(void **state)
{
	struct str text = { 0 };
	struct read r;
	const char *path = "/dev/null";
	char name[16];
	unsigned depth;

	(void)state;
	read_begin(&r);
	for (depth = 0; depth < 12; depth++) {
		str_puts(&text, "[carpool]\n");
		include(&text, path);
		text_format(name, sizeof(name), "%u.ini", depth);
		path = scratch_file(&r.scratch, name, str_text(&text));
		str_fini(&text);
	}
	ini_read(&r.ini, path, sections, &r.report);
	assert_int_equal(r.report.errors, 1);
	assert_non_null(report_find(&r.report, 2, "more than 10 files"));
	read_end(&r);
}

/* The same file twice, but not within itself, is allowed. */
static void
test_include_twice(void **state)
{
	struct str text = { 0 };
	struct read r;
	const char *inner;

	(void)state;
	read_begin(&r);
	inner = scratch_file(&r.scratch, "inner.ini", "b = 2\n");
	str_puts(&text, "[carpool]\n");
	include(&text, inner);
	include(&text, inner);
	ini_read(&r.ini, scratch_file(&r.scratch, "a.ini", str_text(&text)),
		 sections, &r.report);
	assert_int_equal(r.report.count, 0);
	assert_int_equal(r.ini.count, 2);
	str_fini(&text);
	read_end(&r);
}

static void
test_unreadable(void **state)
{
	struct read r;

	(void)state;
	read_begin(&r);
	ini_read(&r.ini, "/nonexistent.ini", sections, &r.report);
	ini_read(&r.ini, r.scratch.dir, sections, &r.report);
	assert_int_equal(r.report.errors, 2);
	assert_string_equal(r.report.problems[0].file, "/nonexistent.ini");
	assert_non_null(report_find(&r.report, 0, "Is a directory"));
	read_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_zero_byte),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_include_loop),
		cmocka_unit_test(test_include_depth),
		cmocka_unit_test(test_include_twice),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
