/*
 * Settings by name.  Constant; any thread.
 */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/settings.h"

/* No name is longer; a longer text cannot be one. */
#define NAME_ROOM 64

static const struct setting *
find_alias(const char *name)
{
	size_t i;

	for (i = 0; i < settings_count; i++)
		if (settings_table[i].alias != NULL &&
		    strcmp(settings_table[i].alias, name) == 0)
			return &settings_table[i];
	return NULL;
}

const struct setting *
settings_find(const char *name)
{
	size_t low = 0, high = settings_count, middle, i;
	char lower[NAME_ROOM];
	int order;

	for (i = 0; name[i] != '\0'; i++) {
		if (i == sizeof(lower) - 1)
			return NULL;
		lower[i] = text_lower(name[i]);
	}
	lower[i] = '\0';
	while (low < high) {
		middle = low + (high - low) / 2;
		order = strcmp(lower, settings_table[middle].name);
		if (order == 0)
			return &settings_table[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return find_alias(lower);
}
