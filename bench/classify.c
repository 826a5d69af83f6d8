/*
 * Classifies each statement of a file once, for callgrind to count what that
 * costs: bench/classify runs this and says whether it is within the bound.
 * Statements are parted by lines of "%%"; prints the length of each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/classify.h"

#define PART "\n%%\n"

unsigned classify_one(const char *text, size_t len,
		      const struct classify_options *options);

/* What callgrind counts; not inlined, so that it has a name. */
__attribute__((noinline)) unsigned
classify_one(const char *text, size_t len,
	     const struct classify_options *options)
{
	return classify_text(text, len, options);
}

static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);
	size_t n = f == NULL || text == NULL ? 0
					     : fread(text, 1, (1 << 20) - 1, f);

	if (f != NULL)
		fclose(f);
	if (n > 0)
		return text;
	free(text);
	return NULL;
}

int
main(int argc, char **argv)
{
	char *text = argc == 2 ? read_file(argv[1]) : NULL, *at, *end;
	struct classify_options options = { 0 };

	if (text == NULL) {
		fprintf(stderr, "classify: no statements\n");
		return 1;
	}
	for (at = text; *at != '\0'; at = end + strlen(PART)) {
		end = strstr(at, PART);
		if (end == NULL)
			end = at + strlen(at) - 1;
		printf("%zu %x\n", (size_t)(end - at),
		       classify_one(at, (size_t)(end - at), &options));
		if (strlen(end) < strlen(PART))
			break;
	}
	free(text);
	return 0;
}
