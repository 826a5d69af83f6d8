/*
 * How many CPUs the process really has: those it may run on, or fewer where a
 * container's quota says so.
 */
#ifndef CARPOOL_CONTROL_CPUS_H
#define CARPOOL_CONTROL_CPUS_H

#include <stdint.h>

/* The number of CPUs, at least 1.  Any thread; reads files. */
unsigned cpus_available(void);

/*
 * CPUs that a quota allows, rounded up: text is what cpu.max of cgroup v2
 * holds, "max 100000" or "150000 100000", in microseconds of each period.
 * 0 = no limit, or not to be understood.  Pure.
 */
unsigned cpus_of_quota(const char *text);

#endif
