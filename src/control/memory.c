/*
 * The watch over memory_limit: what the process has in memory is read ten times
 * a second, and the core told when it reaches the limit and when it is well
 * below again.  Control thread; without a limit nothing is read.
 *
 * What counts is what the kernel counts before it kills: resident pages,
 * whatever took them (proc(5), /proc/pid/statm).
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cgroup.h"
#include "inner.h"
#include "io/loop.h"

#define LOOK_TIME TIMER_TICK

/* While memory is short, each so many looks. */
#define TRIM_LOOKS 10

/* Memory is plenty again when this part of the limit is free. */
#define FREE_PART 16

static uint64_t
page_bytes(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Resident bytes; 0 when they cannot be read. */
static uint64_t
resident(const struct control *c)
{
	char text[128];
	char *second;
	ssize_t n = pread(c->memory_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	(void)strtoull(text, &second, 10);
	return strtoull(second, NULL, 10) * page_bytes();
}

static void
change(struct control *c, enum memory_state state, uint64_t bytes)
{
	bool is_short = state == MEMORY_SHORT;

	c->is_memory_short = is_short;
	core_set_memory(c->core, state);
	log_event(is_short ? LOG_WARNING : LOG_INFO,
		  is_short ? "memory_limit_reached" : "memory_limit_left",
		  "resident=%llu memory_limit=%llu", (unsigned long long)bytes,
		  (unsigned long long)c->memory_limit);
}

static void
on_look(struct timer *timer)
{
	struct control *c = LIST_ENTRY(timer, struct control, memory_timer);
	uint64_t bytes = resident(c);
	uint64_t low = c->memory_limit - c->memory_limit / FREE_PART;

	if (!c->is_memory_short && bytes >= c->memory_limit)
		change(c, MEMORY_SHORT, bytes);
	else if (c->is_memory_short && bytes < low)
		change(c, MEMORY_PLENTY, bytes);
	/* What clients that left gave back stays with the allocator. */
	if (c->is_memory_short && ++c->memory_looks % TRIM_LOOKS == 0)
		mem_trim();
	timer_set(c->loop, timer, loop_now(c->loop) + LOOK_TIME);
}

static void
look_at_file(uint64_t *least, const char *directory, const char *name)
{
	char path[CGROUP_PATH_BYTES + 32], text[40];
	uint64_t bytes;

	text_format(path, sizeof(path), "%s/%s", directory, name);
	if (cgroup_read_line(path, text, sizeof(text)) &&
	    text_to_u64(text, 10, &bytes) && bytes > 0 && bytes < *least)
		*least = bytes;
}

static void
look_at_group(void *arg, const char *directory)
{
	look_at_file(arg, directory, "memory.max");
	look_at_file(arg, directory, "memory.limit_in_bytes");
}

/* What the process could have: the machine's memory, or what a container's
 * limit leaves of it. */
static uint64_t
available(void)
{
	static const char *const mounts[] = { "/sys/fs/cgroup/memory", NULL };
	uint64_t least = (uint64_t)sysconf(_SC_PHYS_PAGES) * page_bytes();

	cgroup_each("memory", mounts, look_at_group, &least);
	return least;
}

void
memory_init(struct control *c)
{
	c->memory_timer.fire = on_look;
	/* Kept open: it is needed when descriptors are out, too. */
	c->memory_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

void
memory_apply(struct control *c)
{
	uint64_t limit = snapshot_settings(c->snapshot)->memory_limit;

	if (limit > 0 && limit <= MEMORY_PERCENT)
		limit = available() / 100 * limit;
	c->memory_limit = limit;
	timer_clear(c->loop, &c->memory_timer);
	if (limit > 0 && c->memory_fd >= 0)
		on_look(&c->memory_timer);
	else if (c->is_memory_short)
		change(c, MEMORY_PLENTY, 0);
}

void
memory_fini(struct control *c)
{
	if (c->memory_fd >= 0)
		close(c->memory_fd);
}
