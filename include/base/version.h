/*
 * The version of the program.  The build may give another one.
 */
#ifndef CARPOOL_BASE_VERSION_H
#define CARPOOL_BASE_VERSION_H

#ifndef CARPOOL_VERSION
#define CARPOOL_VERSION "0.1.0"
#endif

/* "0.1.0"; constant.  Any thread. */
static inline const char *
carpool_version(void)
{
	return CARPOOL_VERSION;
}

#endif
