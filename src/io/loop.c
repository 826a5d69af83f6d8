/*
 * The event loop: one libevent base, used by one thread and so without locks.
 *
 * The wheel's wake-up is a timerfd and not a timer of libevent's, which would
 * cost clock calls in every turn.  Both descriptors are edge-triggered and so
 * need not be read.  The mail lock covers the queue alone: whoever posts to an
 * empty queue wakes the loop after giving the lock back.
 *
 * Owns the base, the descriptors, the blocks, undelivered mail.
 */
#include "io/loop.h"

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

static void
on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)fd, (void)what;
	loop_enter(loop);
	deliver_mail(loop);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)fd, (void)what;
	loop_enter(loop);
	loop->wheel.wake = WHEEL_NEVER;
	timer_advance(loop, loop->now);
	loop->wheel.wanted = wheel_next(&loop->wheel);
}

static struct event_base *
new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	if (event_config_set_flag(config,
				  EVENT_BASE_FLAG_NOLOCK |
					  EVENT_BASE_FLAG_NO_CACHE_TIME |
					  EVENT_BASE_FLAG_IGNORE_ENV) == 0 &&
	    event_config_require_features(config,
					  EV_FEATURE_ET | EV_FEATURE_O1 |
						  EV_FEATURE_EARLY_CLOSE) == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

/* Watches a descriptor of the loop's own; false when memory is out. */
static bool
watch(struct loop *loop, struct event *event, int fd, event_callback_fn fn)
{
	return event_assign(event, loop->base, fd, EV_READ | EV_PERSIST | EV_ET,
			    fn, loop) == 0 &&
	       event_add(event, NULL) == 0;
}

struct loop *
loop_new(void)
{
	struct loop *loop = mem_zalloc(sizeof(*loop));

	if (loop == NULL)
		return NULL;
	loop->now = clock_now();
	list_init(&loop->ready);
	list_init(&loop->suspects);
	block_pool_init(&loop->blocks, KEEP_BLOCKS);
	wheel_init(&loop->wheel, loop->now);
	lock_init(&loop->mail_lock);
	loop->mail_last = &loop->mail_first;
	loop->base = new_base();
	loop->mail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop->wake_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->base == NULL || loop->mail_fd < 0 || loop->wake_fd < 0 ||
	    !watch(loop, &loop->mail_event, loop->mail_fd, on_mail) ||
	    !watch(loop, &loop->wake_event, loop->wake_fd, on_wake)) {
		loop_free(loop);
		return NULL;
	}
	return loop;
}

void
loop_drain(struct loop *loop)
{
	loop->now = clock_now();
	while (loop->mail_first != NULL)
		deliver_mail(loop);
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	loop_drain(loop);
	if (event_initialized(&loop->mail_event))
		event_del(&loop->mail_event);
	if (event_initialized(&loop->wake_event))
		event_del(&loop->wake_event);
	if (loop->base != NULL)
		event_base_free(loop->base);
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
	struct list tasks;

	if (list_is_empty(&loop->ready))
		return;
	tasks.head = loop->ready.head;
	tasks.head.next->prev = &tasks.head;
	tasks.head.prev->next = &tasks.head;
	list_init(&loop->ready);
	while ((n = list_pop_front(&tasks)) != NULL) {
		struct task *task = LIST_ENTRY(n, struct task, node);

		task->run(task);
	}
}

void
loop_run(struct loop *loop, void (*after_turn)(void *arg), void *arg)
{
	do {
		int flags = EVLOOP_ONCE;

		if (!list_is_empty(&loop->ready))
			flags |= EVLOOP_NONBLOCK;
		arm_wake(loop);
		loop->is_timely = false;
		event_base_loop(loop->base, flags);
		loop_enter(loop);
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
loop_ready(struct loop *loop, struct task *task)
{
	if (!list_is_linked(&task->node))
		list_push_back(&loop->ready, &task->node);
}

void
loop_unready(struct task *task)
{
	list_remove(&task->node);
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

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}
