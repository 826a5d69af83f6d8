/*
 * stepclock: moves the wall clock of a running program, for tests.
 *
 *     STEPCLOCK=/path/of/file LD_PRELOAD=stepclock.so program
 *
 * The file holds one signed number of 64 bits that the test and the program
 * share: the seconds that are added to CLOCK_REALTIME.  Other clocks stay as
 * they are, as they do when an administrator or NTP sets the time.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t *_Atomic step; /* NULL: not asked for */

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("STEPCLOCK");
	void *at;
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		_exit(125);
	at = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		_exit(125);
	step = at;
}

/* By system call: looking up the C library's function may ask for the time. */
int
clock_gettime(clockid_t clock, struct timespec *out)
{
	long result = syscall(SYS_clock_gettime, clock, out);

	if (result == 0 && step != NULL &&
	    (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		out->tv_sec += *step;
	return (int)result;
}

int
gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}
