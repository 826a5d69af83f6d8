/*
 * The loads that pgbench and sysbench do not have.
 *
 *	load read PORT USER DATABASE TIMES SQL
 *	load write PORT USER DATABASE TIMES SQL LINE_BYTES TOTAL_BYTES
 *	load logins PORT USER DATABASE CLIENTS SECONDS LOGINS [PASSWORD]
 *	load crowd PORT USER DATABASE CLIENTS TURNS SQL
 *	load mysql PORT USER DATABASE CLIENTS text|prepared SECONDS COUNT
 *
 * Figures go to the standard output, a name and a number a line.
 */
#include "load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct load {
	const char *name;
	void (*run)(const struct target *, int, char **);
	int least, most; /* words that it takes */
} loads[] = {
	{ "read", load_read, 2, 2 },     { "write", load_write, 4, 4 },
	{ "logins", load_logins, 3, 4 }, { "crowd", load_crowd, 3, 3 },
	{ "mysql", load_mysql, 4, 4 },
};

void
die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
	exit(1);
}

double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

unsigned long
number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end != '\0' || n == 0)
		die("%s is no number above 0", text);
	return n;
}

int
main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		int words = argc - 5;

		if (argc > 1 && strcmp(argv[1], loads[i].name) == 0 &&
		    words >= loads[i].least && words <= loads[i].most) {
			struct target t = { (uint16_t)number(argv[2]), argv[3],
					    argv[4], NULL };

			loads[i].run(&t, words, argv + 5);
			return 0;
		}
	}
	die("usage: see the head of bench/load/main.c");
}
