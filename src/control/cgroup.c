/*
 * Control groups, version 2 and 1 (kernel documentation, "cgroup-v2", and
 * cgroups(7), /proc/pid/cgroup).  Reads files; any thread.
 */
#include "cgroup.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define GROUP_ROOT "/sys/fs/cgroup"

struct walk {
	const char *controller;
	const char *const *mounts;
	void (*look)(void *arg, const char *directory);
	void *arg; /* borrows */
};

bool
cgroup_read_line(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok;

	if (f == NULL)
		return false;
	ok = fgets(out, (int)size, f) != NULL;
	fclose(f);
	if (ok)
		out[strcspn(out, "\n")] = '\0';
	return ok;
}

/* A group and those above it. */
static void
walk_upwards(const struct walk *w, const char *root, const char *group)
{
	char path[CGROUP_PATH_BYTES];
	size_t root_len = text_copy(path, sizeof(path), root);
	char *slash;

	text_copy(path + root_len, sizeof(path) - root_len, group);
	for (;;) {
		w->look(w->arg, path);
		slash = strrchr(path + root_len, '/');
		if (slash == NULL)
			return;
		*slash = '\0';
	}
}

/* A line of /proc/self/cgroup is "number:controllers:group". */
static void
walk_line(const struct walk *w, char *line)
{
	char *rest = line;
	const char *number = strsep(&rest, ":");
	const char *names = strsep(&rest, ":");

	if (names == NULL || rest == NULL)
		return;
	rest[strcspn(rest, "\n")] = '\0';
	if (strcmp(number, "0") == 0 && names[0] == '\0')
		walk_upwards(w, GROUP_ROOT, rest);
	else if (text_in_list(w->controller, names))
		/* In a container the group's own name may not be visible. */
		for (size_t i = 0; w->mounts[i] != NULL; i++)
			walk_upwards(w, w->mounts[i], rest);
}

void
cgroup_each(const char *controller, const char *const *mounts,
	    void (*look)(void *arg, const char *directory), void *arg)
{
	const struct walk w = { controller, mounts, look, arg };
	char line[CGROUP_PATH_BYTES];
	FILE *f = fopen("/proc/self/cgroup", "re");

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		walk_line(&w, line);
	fclose(f);
}
