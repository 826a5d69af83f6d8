/* The pid file: written, held, taken over when stale, removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "control/pidfile.h"

struct place {
	char dir[64];
	char path[96];
};

static int
set_up(void **state)
{
	static struct place place;

	text_copy(place.dir, sizeof(place.dir), "/tmp/test_pidfile.XXXXXX");
	if (mkdtemp(place.dir) == NULL)
		return -1;
	text_format(place.path, sizeof(place.path), "%s/pid", place.dir);
	*state = &place;
	return 0;
}

static int
tear_down(void **state)
{
	const struct place *place = *state;

	unlink(place->path);
	return rmdir(place->dir);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void
assert_holds_our_id(const char *path)
{
	char text[64] = "", want[64];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	text_format(want, sizeof(want), "%d\n", (int)getpid());
	assert_string_equal(text, want);
}

static void
it_is_written_and_removed(void **state)
{
	const struct place *place = *state;
	char error[256] = "";
	struct pidfile *p = pidfile_open(place->path, error, sizeof(error));

	assert_non_null(p);
	assert_holds_our_id(place->path);
	pidfile_close(p);
	assert_int_not_equal(access(place->path, F_OK), 0);
	pidfile_close(NULL);
}

static void
a_held_one_is_refused(void **state)
{
	const struct place *place = *state;
	char error[256] = "", id[32];
	struct pidfile *p = pidfile_open(place->path, error, sizeof(error));

	assert_non_null(p);
	assert_null(pidfile_open(place->path, error, sizeof(error)));
	text_format(id, sizeof(id), "(%d)", (int)getpid());
	assert_non_null(strstr(error, id));
	assert_non_null(strstr(error, place->path));
	assert_holds_our_id(place->path);
	pidfile_close(p);
}

/* The id may be that of any living process: it says nothing. */
static void
a_stale_one_is_taken_over(void **state)
{
	const struct place *place = *state;
	char error[256] = "";
	struct pidfile *p;

	write_file(place->path, "1\nlonger than what comes\n");
	p = pidfile_open(place->path, error, sizeof(error));
	assert_non_null(p);
	assert_holds_our_id(place->path);
	pidfile_close(p);
}

static void
another_ones_file_stays(void **state)
{
	const struct place *place = *state;
	char error[256] = "";
	struct pidfile *p = pidfile_open(place->path, error, sizeof(error));

	assert_non_null(p);
	assert_int_equal(unlink(place->path), 0);
	write_file(place->path, "7\n");
	pidfile_close(p);
	assert_int_equal(access(place->path, F_OK), 0);
}

static void
errors_name_the_file(void **state)
{
	char error[256] = "";

	(void)state;
	assert_null(pidfile_open("/nonexistent/pid", error, sizeof(error)));
	assert_non_null(strstr(error, "/nonexistent/pid"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_written_and_removed,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_held_one_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_stale_one_is_taken_over,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_ones_file_stays, set_up,
						tear_down),
		cmocka_unit_test(errors_name_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
