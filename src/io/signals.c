/*
 * Signals as events.  Owns the signalfd; runs on the thread of its loop.  Knows
 * no signal's meaning.
 */
#include "io/signals.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop_inner.h"

struct signals {
	struct watch watch;
	int fd; /* owns */
	void (*on_signal)(void *arg, int number);
	void *arg;         /* borrows, until signals_free */
	struct loop *loop; /* borrows; outlives this */
};

static void
on_readable(struct watch *watch, uint32_t events)
{
	struct signals *s = LIST_ENTRY(watch, struct signals, watch);
	struct signalfd_siginfo info;

	(void)events;
	while (read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		s->on_signal(s->arg, (int)info.ssi_signo);
}

struct signals *
signals_new(struct loop *loop, const int *numbers, size_t count,
	    void (*on_signal)(void *arg, int number), void *arg)
{
	struct signals *s = mem_zalloc(sizeof(*s));
	sigset_t set;

	if (s == NULL)
		return NULL;
	sigemptyset(&set);
	for (size_t i = 0; i < count; i++)
		sigaddset(&set, numbers[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	s->on_signal = on_signal;
	s->arg = arg;
	s->loop = loop;
	s->watch.fire = on_readable;
	s->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->fd >= 0 &&
	    loop_watch(loop, &s->watch, s->fd, EPOLLIN | EPOLLET) == 0)
		return s;
	signals_free(s);
	return NULL;
}

void
signals_free(struct signals *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0) {
		loop_forget(s->loop, &s->watch);
		close(s->fd);
	}
	mem_free(s);
}
