/* Unpredictable bytes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "auth/entropy.h"

static void
test_random(void **state)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 };
	uint8_t guarded[3] = { 7, 7, 7 };

	(void)state;
	auth_random(a, sizeof(a));
	auth_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	auth_random(guarded, 0);
	assert_int_equal(guarded[0], 7);
	auth_random(guarded + 1, 1);
	assert_int_equal(guarded[0], 7);
	assert_int_equal(guarded[2], 7);
}

static void
test_mock(void **state)
{
	struct auth_mock a, b, zero = { { 0 } };

	(void)state;
	auth_mock_init(&a);
	auth_mock_init(&b);
	assert_memory_not_equal(a.secret, b.secret, sizeof(a.secret));
	auth_mock_fini(&a);
	assert_memory_equal(&a, &zero, sizeof(a));
}

/* Ends a child that has no generator; the parent reads what it said. */
static void
test_failure_is_the_end(void **state)
{
	const struct rlimit no_core = { 0, 0 };
	char said[512] = "";
	uint8_t byte[16];
	int ends[2];
	int status;
	ssize_t n;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &no_core);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		EVP_set_default_properties(NULL, "no=where");
		auth_random(byte, sizeof(byte));
		_exit(0);
	}
	close(ends[1]);
	for (size_t have = 0; have < sizeof(said) - 1; have += (size_t)n) {
		n = read(ends[0], said + have, sizeof(said) - 1 - have);
		if (n <= 0)
			break;
	}
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_non_null(strstr(said, "RAND_bytes"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failure_is_the_end),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_mock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
