/*
 * A snapshot of a configuration that a test has as a text.
 */
#ifndef TEST_CORE_SNAPSHOT_OF_H
#define TEST_CORE_SNAPSHOT_OF_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/snapshot.h"

static inline struct snapshot *
snapshot_of(const char *text)
{
	char path[] = "/tmp/carpool-core-XXXXXX";
	int fd = mkstemp(path);
	struct config_source source = { .file = path };
	struct config_report report = { 0 };
	struct snapshot *s;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	s = snapshot_build(&source, &report);
	for (size_t i = 0; i < report.count && s == NULL; i++)
		print_message("%u: %s\n", report.problems[i].line,
			      report.problems[i].text);
	config_report_fini(&report);
	unlink(path);
	assert_non_null(s);
	return s;
}

#endif
