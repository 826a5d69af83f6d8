/* The command line. */
#include "scratch.h"

#include "base/mem.h"
#include "config/cli.h"

#define ARGS_MAX 12

struct run {
	char *argv[ARGS_MAX];
	char texts[ARGS_MAX][160];
	struct cli cli;
	struct str message;
	enum cli_result result;
};

/* words: the arguments, separated by single blanks. */
static void
run(struct run *r, const char *words, const char *database_url)
{
	int argc = 0;
	size_t len;

	memset(r, 0, sizeof(*r));
	for (;; words += len + 1) {
		len = strcspn(words, " ");
		assert_true(argc < ARGS_MAX - 1 && len < sizeof(r->texts[0]));
		memcpy(r->texts[argc], words, len);
		r->argv[argc] = r->texts[argc];
		argc++;
		if (words[len] == '\0')
			break;
	}
	r->result =
		cli_parse(&r->cli, argc, r->argv, database_url, &r->message);
}

static void
test_good(void **state)
{
	struct run r;

	(void)state;
	run(&r, "carpool a.ini", "postgresql://h");
	assert_int_equal(r.result, CLI_OK);
	assert_string_equal(r.cli.file, "a.ini");
	assert_null(r.cli.url);
	assert_int_equal(r.cli.override_count, 0);
	run(&r, "carpool -d -q a.ini -vv --verbose -u joe", NULL);
	assert_int_equal(r.result, CLI_OK);
	assert_true(r.cli.daemonize);
	assert_true(r.cli.quiet);
	assert_int_equal(r.cli.verbose, 3);
	assert_string_equal(r.cli.user, "joe");
	assert_int_equal(r.cli.override_count, 2);
	assert_string_equal(r.cli.overrides[0], "verbose=3");
	assert_string_equal(r.cli.overrides[1], "user=joe");
	run(&r, "carpool --daemon --quiet --user=joe a.ini", NULL);
	assert_true(r.cli.daemonize);
	assert_true(r.cli.quiet);
	assert_string_equal(r.cli.overrides[0], "user=joe");
	run(&r, "carpool --url postgresql://h", "postgresql://other");
	assert_string_equal(r.cli.url, "postgresql://h");
	assert_null(r.cli.file);
	run(&r, "carpool", "postgresql://other");
	assert_string_equal(r.cli.url, "postgresql://other");
	run(&r, "carpool --check a.ini", "postgresql://other");
	assert_string_equal(r.cli.check_file, "a.ini");
	assert_string_equal(r.cli.file, "a.ini");
	assert_null(r.cli.url);
	run(&r, "carpool --print-config -- -a.ini", NULL);
	assert_true(r.cli.print_config);
	assert_string_equal(r.cli.file, "-a.ini");
	run(&r, "carpool -V", NULL);
	assert_true(r.cli.show_version);
	run(&r, "carpool --help", NULL);
	assert_true(r.cli.show_help);
	assert_int_equal(r.result, CLI_OK);
	run(&r, "carpool --print-settings-man", NULL);
	assert_true(r.cli.print_man);
	assert_int_equal(r.result, CLI_OK);
}

static void
test_wrong(void **state)
{
	static const struct {
		const char *words;
		const char *message;
	} cases[] = {
		{ "carpool", "carpool: neither FILE nor --url" },
		{ "carpool a.ini b.ini", "only one FILE can be given, not "
					 "also b.ini" },
		{ "carpool -R a.ini", "-R (--reboot) does not work" },
		{ "carpool --reboot a.ini", "-R (--reboot) does not work" },
		{ "carpool -x a.ini", "unknown option -x" },
		{ "carpool --nonsense a.ini", "unknown option --nonsense" },
		{ "carpool a.ini -u", "-u needs a value" },
		{ "carpool a.ini --url", "--url needs a value" },
		{ "carpool --check", "--check needs a value" },
		{ "carpool --url postgresql://h a.ini", "exclude each other" },
		{ "carpool --check a.ini b.ini", "exclude each other" },
		{ "carpool --check a.ini --url x", "exclude each other" },
		{ "carpool --user= a.ini", "-u: no such user" },
	};
	struct run r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(cases); i++) {
		run(&r, cases[i].words, NULL);
		if (r.result != CLI_WRONG ||
		    strstr(str_text(&r.message), cases[i].message) == NULL)
			fail_msg("%s: %s", cases[i].words,
				 str_text(&r.message));
		str_fini(&r.message);
	}
	run(&r, "carpool", "");
	assert_int_equal(r.result, CLI_WRONG);
	str_fini(&r.message);
}

static void
test_usage(void **state)
{
	static const char *const options[] = {
		"-d",
		"-q",
		"-u",
		"-v",
		"--url",
		"--check",
		"--print-config",
		"-V",
		"-h",
		"DATABASE_URL",
	};
	const char *line = cli_usage();
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT_OF(options); i++)
		assert_non_null(strstr(cli_usage(), options[i]));
	for (; *line != '\0'; line += len + 1) {
		len = strcspn(line, "\n");
		assert_true(len <= 79);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
