/*
 * Counting CPUs: the affinity mask and the quotas of control groups, version 2
 * and 1 (kernel documentation, "cgroup-v2", cpu.max, and "CFS Bandwidth
 * Control").  Reads files; any thread.
 */
#include "control/cpus.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define GROUP_ROOT "/sys/fs/cgroup"
#define PATH_BYTES 4096

unsigned
cpus_of_quota(const char *text)
{
	char copy[80], *rest = copy;
	const char *quota_text, *period_text;
	uint64_t quota, period;

	text_copy(copy, sizeof(copy), text);
	quota_text = strsep(&rest, " \t\n");
	period_text = strsep(&rest, " \t\n");
	if (period_text == NULL || !text_to_u64(quota_text, 10, &quota) ||
	    !text_to_u64(period_text, 10, &period) || quota == 0 ||
	    period == 0 || quota > UINT32_MAX)
		return 0;
	return (unsigned)((quota + period - 1) / period);
}

/* The first line of a file without its end; false when there is none. */
static bool
read_line(const char *path, char *out, size_t size)
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

/* One group's own limit, in either version; 0 = none. */
static unsigned
limit_of(const char *directory)
{
	char path[PATH_BYTES + 32], quota[40], period[40], both[96];

	text_format(path, sizeof(path), "%s/cpu.max", directory);
	if (read_line(path, both, sizeof(both)))
		return cpus_of_quota(both);
	text_format(path, sizeof(path), "%s/cpu.cfs_quota_us", directory);
	if (!read_line(path, quota, sizeof(quota)))
		return 0;
	text_format(path, sizeof(path), "%s/cpu.cfs_period_us", directory);
	if (!read_line(path, period, sizeof(period)))
		return 0;
	text_format(both, sizeof(both), "%s %s", quota, period);
	return cpus_of_quota(both);
}

static unsigned
smaller(unsigned a, unsigned b)
{
	return b != 0 && b < a ? b : a;
}

/* The lowest limit of a group and those above it, at most cpus. */
static unsigned
limit_upwards(const char *root, const char *group, unsigned cpus)
{
	char path[PATH_BYTES];
	size_t root_len = text_copy(path, sizeof(path), root);
	char *slash;

	text_copy(path + root_len, sizeof(path) - root_len, group);
	for (;;) {
		cpus = smaller(cpus, limit_of(path));
		slash = strrchr(path + root_len, '/');
		if (slash == NULL)
			return cpus;
		*slash = '\0';
	}
}

/* A line of /proc/self/cgroup is "number:controllers:group". */
static unsigned
limit_of_line(char *line, unsigned cpus)
{
	char *rest = line;
	const char *number = strsep(&rest, ":");
	const char *names = strsep(&rest, ":");

	if (names == NULL || rest == NULL)
		return cpus;
	rest[strcspn(rest, "\n")] = '\0';
	if (strcmp(number, "0") == 0 && names[0] == '\0')
		return limit_upwards(GROUP_ROOT, rest, cpus);
	if (!text_in_list("cpu", names))
		return cpus;
	/* In a container the group's own name may not be visible. */
	cpus = limit_upwards(GROUP_ROOT "/cpu", rest, cpus);
	return limit_upwards(GROUP_ROOT "/cpu,cpuacct", rest, cpus);
}

static unsigned
limit_by_groups(unsigned cpus)
{
	char line[PATH_BYTES];
	FILE *f = fopen("/proc/self/cgroup", "re");

	if (f == NULL)
		return cpus;
	while (fgets(line, sizeof(line), f) != NULL)
		cpus = limit_of_line(line, cpus);
	fclose(f);
	return cpus;
}

static unsigned
allowed_by_mask(void)
{
	cpu_set_t *set;
	size_t size;
	unsigned count = 1;

	/* The kernel refuses masks smaller than its own. */
	for (unsigned cpus = 1024; cpus <= 1u << 16; cpus *= 2) {
		size = CPU_ALLOC_SIZE(cpus);
		set = mem_must_zalloc(size);
		if (sched_getaffinity(0, size, set) == 0) {
			count = (unsigned)CPU_COUNT_S(size, set);
			mem_free(set);
			break;
		}
		mem_free(set);
		if (errno != EINVAL)
			break;
	}
	return count > 0 ? count : 1;
}

unsigned
cpus_available(void)
{
	return limit_by_groups(allowed_by_mask());
}
