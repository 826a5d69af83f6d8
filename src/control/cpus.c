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
#include "cgroup.h"

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

/* One group's own limit, in either version; 0 = none. */
static unsigned
limit_of(const char *directory)
{
	char path[CGROUP_PATH_BYTES + 32], quota[40], period[40], both[96];

	text_format(path, sizeof(path), "%s/cpu.max", directory);
	if (cgroup_read_line(path, both, sizeof(both)))
		return cpus_of_quota(both);
	text_format(path, sizeof(path), "%s/cpu.cfs_quota_us", directory);
	if (!cgroup_read_line(path, quota, sizeof(quota)))
		return 0;
	text_format(path, sizeof(path), "%s/cpu.cfs_period_us", directory);
	if (!cgroup_read_line(path, period, sizeof(period)))
		return 0;
	text_format(both, sizeof(both), "%s %s", quota, period);
	return cpus_of_quota(both);
}

static unsigned
smaller(unsigned a, unsigned b)
{
	return b != 0 && b < a ? b : a;
}

static void
look_at_group(void *arg, const char *directory)
{
	unsigned *cpus = arg;

	*cpus = smaller(*cpus, limit_of(directory));
}

static unsigned
limit_by_groups(unsigned cpus)
{
	static const char *const mounts[] = { "/sys/fs/cgroup/cpu",
					      "/sys/fs/cgroup/cpu,cpuacct",
					      NULL };

	cgroup_each("cpu", mounts, look_at_group, &cpus);
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
