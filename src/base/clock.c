/*
 * The two clocks.  Owns nothing; runs on every thread.  Knows no loop: who
 * needs the time of a turn asks the loop, which reads it once.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/text.h"

static usec_t
read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

usec_t
clock_now(void)
{
	/* Counted from 1, because 0 means "never" wherever a time is kept. */
	return read_clock(CLOCK_MONOTONIC) + 1;
}

usec_t
clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

const char *
clock_text(usec_t wall, char out[CLOCK_TEXT_MAX])
{
	time_t seconds = (time_t)(wall / USEC_PER_SEC);
	unsigned msec = (unsigned)(wall % USEC_PER_SEC / USEC_PER_MSEC);
	struct tm tm;
	char zone[12];
	size_t n;

	if (localtime_r(&seconds, &tm) == NULL ||
	    (n = strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm)) ==
		    0) {
		text_copy(out, CLOCK_TEXT_MAX, "-");
		return out;
	}
	if (strftime(zone, sizeof(zone), "%Z", &tm) == 0)
		text_copy(zone, sizeof(zone), "UTC");
	text_format(out + n, CLOCK_TEXT_MAX - n, ".%03u %s", msec, zone);
	return out;
}
