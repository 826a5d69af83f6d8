/*
 * The event loop: one epoll instance, used by one thread.
 *
 * The wheel's wake-up is a timerfd, so that a turn without timers costs none of
 * their calls.  It and the mailbox's eventfd are edge-triggered and so need not
 * be read.  The mail lock covers the queue alone: whoever posts to an empty
 * queue wakes the loop after giving the lock back.
 *
 * Epoll is used as it is: its errors and hang-ups must be told apart from plain
 * readiness (see stream.c), and an idle connection must not cost more than its
 * own structs.
 *
 * Owns the descriptors, the blocks, undelivered mail.
 */
#include "io/loop.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop_inner.h"

/* Free blocks that a loop keeps: 4 MiB. */
#define KEEP_BLOCKS 256

/* Takes the whole queue and delivers it, in order of posting. */
static void
deliver_mail(struct loop *loop)
{
	struct mail *mail, *next;

	lock_take(&loop->mail_lock);
	mail = loop->mail_first;
	loop->mail_first = NULL;
	loop->mail_last = &loop->mail_first;
	lock_give(&loop->mail_lock);
	for (; mail != NULL; mail = next) {
		next = mail->next;
		mail->deliver(mail);
	}
}

_Static_assert((uint32_t)LOOP_READABLE == (uint32_t)EPOLLIN &&
		       (uint32_t)LOOP_WRITABLE == (uint32_t)EPOLLOUT,
	       "the names are epoll's");

static void
on_mail(struct watch *watch, uint32_t events)
{
	(void)events;
	deliver_mail(LIST_ENTRY(watch, struct loop, mail_watch));
}

static void
on_wake(struct watch *watch, uint32_t events)
{
	struct loop *loop = LIST_ENTRY(watch, struct loop, wake_watch);

	(void)events;
	loop->wheel.wake = WHEEL_NEVER;
	timer_advance(loop, loop->now);
	loop->wheel.wanted = wheel_next(&loop->wheel);
}

static int
control(struct loop *loop, int op, struct watch *watch, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(loop->epoll_fd, op, fd, &event) == 0 ? 0 : errno;
}

int
loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, watch, fd, events);
}

int
loop_watch_again(struct loop *loop, struct watch *watch, int fd,
		 uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, watch, fd, events);
}

void
loop_forget(struct loop *loop, const struct watch *watch)
{
	/* What the kernel told already and nobody was told yet. */
	for (int i = loop->batch_at; i < loop->batch_end; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
}

void
loop_unwatch(struct loop *loop, struct watch *watch, int fd)
{
	loop_forget(loop, watch);
	(void)control(loop, EPOLL_CTL_DEL, watch, fd, 0);
}

struct loop *
loop_new(void)
{
	struct loop *loop = mem_zalloc(sizeof(*loop));

	if (loop == NULL)
		return NULL;
	loop->now = clock_now();
	list_init(&loop->ready);
	block_pool_init(&loop->blocks, KEEP_BLOCKS);
	wheel_init(&loop->wheel, loop->now);
	lock_init(&loop->mail_lock);
	loop->mail_last = &loop->mail_first;
	loop->mail_watch.fire = on_mail;
	loop->wake_watch.fire = on_wake;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->mail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop->wake_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop_watch(loop, &loop->mail_watch, loop->mail_fd,
		       EPOLLIN | EPOLLET) != 0 ||
	    loop_watch(loop, &loop->wake_watch, loop->wake_fd,
		       EPOLLIN | EPOLLET) != 0) {
		loop_free(loop);
		return NULL;
	}
	return loop;
}

static bool
has_mail(struct loop *loop)
{
	bool has;

	lock_take(&loop->mail_lock);
	has = loop->mail_first != NULL;
	lock_give(&loop->mail_lock);
	return has;
}

void
loop_drain(struct loop *loop)
{
	loop->now = clock_now();
	while (has_mail(loop))
		deliver_mail(loop);
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	loop_drain(loop);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	if (loop->mail_fd >= 0)
		close(loop->mail_fd);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	lock_fini(&loop->mail_lock);
	block_pool_fini(&loop->blocks);
	mem_free(loop);
}

/* Sets the kernel's timer where a timer was set before its wake-up. */
static void
arm_wake(struct loop *loop)
{
	struct wheel *w = &loop->wheel;
	struct itimerspec when = { 0 };
	uint64_t next;
	usec_t at;

	if (w->wanted >= w->wake)
		return;
	w->wanted = WHEEL_NEVER;
	next = wheel_next(w);
	if (next >= w->wake)
		return;
	w->wake = next;
	at = next * TIMER_TICK;
	when.it_value.tv_sec = (time_t)(at / USEC_PER_SEC);
	when.it_value.tv_nsec = (long)(at % USEC_PER_SEC * 1000);
	ASSERT(timerfd_settime(loop->wake_fd, TFD_TIMER_ABSTIME, &when, NULL) ==
	       0);
}

/* Runs what stands on the ready list now; what comes there meanwhile waits. */
static void
run_ready(struct loop *loop)
{
	struct list_node *n;
	struct list due;

	if (list_is_empty(&loop->ready))
		return;
	due.head = loop->ready.head;
	due.head.next->prev = &due.head;
	due.head.prev->next = &due.head;
	list_init(&loop->ready);
	while ((n = list_pop_front(&due)) != NULL) {
		struct watch *watch = LIST_ENTRY(n, struct watch, ready);

		watch->fire(watch, 0);
	}
}

/* Waits for so many microseconds; -1 = for as long as it takes. */
static int
wait_events(struct loop *loop, int64_t usec)
{
	struct timespec time = { .tv_nsec = (long)usec * 1000 };
	int n;

	if (usec > 0) {
		n = epoll_pwait2(loop->epoll_fd, loop->batch, LOOP_BATCH, &time,
				 NULL);
		if (n >= 0 || errno == EINTR)
			return n;
		/* Not to be had here: a millisecond is the least. */
		usec = 1;
	}
	return epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, (int)usec);
}

/* Waits for events, unless something is ready, and tells them. */
static void
poll_events(struct loop *loop)
{
	int n = wait_events(
		loop, list_is_empty(&loop->ready) ? loop_late_wait(loop) : 0);

	ASSERT(n >= 0 || errno == EINTR);
	loop->now = clock_now();
	loop->batch_at = 0;
	loop->batch_end = n;
	while (loop->batch_at < loop->batch_end) {
		struct epoll_event *e = &loop->batch[loop->batch_at++];
		struct watch *watch = e->data.ptr;

		if (watch != NULL)
			watch->fire(watch, e->events);
	}
	loop_late_fire(loop);
}

void
loop_run(struct loop *loop, void (*after_turn)(void *arg), void *arg)
{
	do {
		arm_wake(loop);
		poll_events(loop);
		run_ready(loop);
		if (after_turn != NULL)
			after_turn(arg);
	} while (!atomic_load(&loop->is_stopping));
	atomic_store(&loop->is_stopping, false);
}

static void
wake_up(struct loop *loop)
{
	uint64_t one = 1;

	/* It fails only where the counter is full, and so the loop awake. */
	(void)!write(loop->mail_fd, &one, sizeof(one));
}

void
loop_stop(struct loop *loop)
{
	atomic_store(&loop->is_stopping, true);
	wake_up(loop);
}

void
loop_post(struct loop *loop, struct mail *mail)
{
	bool was_empty;

	mail->next = NULL;
	lock_take(&loop->mail_lock);
	was_empty = loop->mail_first == NULL;
	*loop->mail_last = mail;
	loop->mail_last = &mail->next;
	lock_give(&loop->mail_lock);
	if (was_empty)
		wake_up(loop);
}

void
loop_ready(struct loop *loop, struct watch *watch)
{
	if (!list_is_linked(&watch->ready))
		list_push_back(&loop->ready, &watch->ready);
}

void
loop_unready(struct watch *watch)
{
	list_remove(&watch->ready);
}

usec_t
loop_now(const struct loop *loop)
{
	return loop->now;
}

struct block_pool *
loop_blocks(struct loop *loop)
{
	return &loop->blocks;
}
