/*
 * The control groups that the process is in.  Reads files; any thread.
 */
#ifndef CARPOOL_CONTROL_CGROUP_H
#define CARPOOL_CONTROL_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

/* A path below a group's directory fits with this much more. */
#define CGROUP_PATH_BYTES 4096

/*
 * Calls look(arg, directory) for the process's group and each one above it, in
 * version 2 and, for this controller, in version 1 (mounted where `mounts`
 * says, ended by NULL).
 */
void cgroup_each(const char *controller, const char *const *mounts,
		 void (*look)(void *arg, const char *directory), void *arg);

/* The first line of a file without its end; false when there is none. */
bool cgroup_read_line(const char *path, char *out, size_t size);

#endif
