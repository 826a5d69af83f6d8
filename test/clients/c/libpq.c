/*
 * libpq runs scenarios: see ../matrix.py.
 */
#include <stdio.h>
#include <string.h>

#include "client.h"

static void
version(char *seen)
{
	sprintf(seen, "\"libpq %d\"", PQlibVersion());
}

static const struct {
	const char *name;
	void (*run)(char *seen);
} scenarios[] = {
	{ "version", version },
	{ "storm", storm },
	{ "interleave", interleave },
	{ "reuse", reuse },
	{ "errors", errors },
	{ "rollback", rollback },
	{ "pipeline", pipeline },
	{ "cursor", cursor },
	{ "copy", copy },
	{ "settings", settings },
	{ "startup", startup },
	{ "listen", listen_notify },
	{ "cancel", cancel },
	{ "schema", schema },
	{ "advisory", advisory },
	{ "temp", temp },
	{ "prepare", prepare },
	{ "discard", discard },
};

static void
answer(const char *name)
{
	static char seen[8192];

	scenario = name;
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
		if (strcmp(scenarios[i].name, name) == 0) {
			scenarios[i].run(seen);
			printf("ok %s %s\n", name, seen);
			fflush(stdout);
			return;
		}
	fail("no such scenario");
}

int
main(int count, char **args)
{
	char line[64];

	for (int i = 2; i < count; i++)
		answer(args[i]);
	if (count > 2)
		return 0;
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		answer(line);
	}
	return 0;
}
