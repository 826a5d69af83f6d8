/*
 * One tap, with the connection and the workers played by the test: what it
 * sends, whom it answers, and whom it tells, in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../config/built.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/inner.h"
#include "control/tap.h"
#include "core/pool_inner.h"
#include "io/loop_inner.h"

/* ------------------------------------------------------------------------
 * What it stands on
 */

struct query_pg {
	const struct query_pg_events *ops;
	void *arg;
};

static struct {
	struct loop loop;
	struct control control;
	struct built built;
	struct query_pg query;
	bool is_open;
	enum channels_place place;
	uint64_t epoch;
	struct str log; /* what happened since the last look */
} t;

__attribute__((format(printf, 1, 2))) static void
note(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	str_printf(&t.log, "%s%s", t.log.len > 0 ? " " : "", text);
}

static void
happened(const char *what)
{
	assert_string_equal(str_text(&t.log), what);
	str_fini(&t.log);
}

struct query_pg *
query_pg_open(struct loop *loop, const struct query_pg_login *login,
	      const struct query_pg_events *events, void *arg)
{
	assert_ptr_equal(loop, &t.loop);
	assert_false(t.is_open);
	t.is_open = true;
	t.query = (struct query_pg){ .ops = events, .arg = arg };
	note("open:%s:%u:%s:%s:%s", login->host, login->port, login->user,
	     login->password, login->database);
	return &t.query;
}

void
query_pg_send(struct query_pg *q, const char *sql)
{
	assert_ptr_equal(q, &t.query);
	note("send:%s", sql);
}

void
query_pg_close(struct query_pg *q)
{
	if (q == NULL)
		return;
	assert_true(t.is_open);
	t.is_open = false;
	note("close");
}

const char *
query_pg_parameter(const struct query_pg *q, const char *name)
{
	(void)q;
	assert_string_equal(name, "server_encoding");
	return "LATIN1";
}

int
query_pg_version(const struct query_pg *q)
{
	(void)q;
	return 150000;
}

uint32_t
query_pg_pid(const struct query_pg *q)
{
	(void)q;
	return 9;
}

unsigned
core_worker_count(const struct core *core)
{
	(void)core;
	return 2;
}

void
channel_request_free(struct channel_request *r)
{
	mem_free(r->text);
	mem_free(r);
}

void
channels_answer(struct core *core, struct channel_request *r)
{
	(void)core;
	note("answer:%u:%s", (unsigned)r->ticket,
	     r->result == REASON_NONE ? "ok" : reason_info(r->result)->name);
	channel_request_free(r);
}

void
channels_tell(struct core *core, struct pool *pool, const bool *workers,
	      const char *server, const struct notification *n)
{
	(void)core, (void)pool;
	assert_string_equal(server, "127.0.0.1:77");
	note("tell:%s%s:%u:%s:%s", workers[0] ? "0" : "", workers[1] ? "1" : "",
	     n->pid, n->channel, n->payload);
}

void
channels_event(struct core *core, struct pool *pool, unsigned worker,
	       enum channels_event event)
{
	(void)core, (void)pool;
	note("%s:%u", event == CHANNELS_LOST ? "lost" : "back", worker);
}

enum channels_place
channels_take_place(struct pool *pool)
{
	(void)pool;
	return t.place;
}

void
channels_leave_queue(struct pool *pool)
{
	(void)pool;
	note("leave");
}

void
channels_give_place(struct pool *pool)
{
	(void)pool;
	note("give");
}

void
channels_claim_place(struct pool *pool)
{
	(void)pool;
	note("claim");
}

void
channels_place_delivered(struct mail *mail)
{
	(void)mail;
}

void
channels_pool_ref(struct pool *pool)
{
	(void)pool;
}

void
channels_pool_unref(struct pool *pool)
{
	(void)pool;
}

const char *
channels_database(const struct pool *pool)
{
	(void)pool;
	return "app";
}

const char *
channels_user(const struct pool *pool)
{
	(void)pool;
	return "u";
}

uint16_t
channels_default_port(const struct pool *pool)
{
	(void)pool;
	return 77;
}

uint64_t
channels_epoch(struct pool *pool)
{
	(void)pool;
	return t.epoch;
}

/* ------------------------------------------------------------------------
 * Moves
 */

#define SETTINGS                                                               \
	"[databases]\napp = host=127.0.0.1 port=77 user=u password=p "         \
	"dbname=real\n"                                                        \
	"[carpool]\nauth_type = any\nlisten_addr = 127.0.0.1\n"                \
	"server_connect_timeout = 5\n"
#define SETUP "send:SET client_encoding = 'LATIN1';SET idle_session_timeout = 0"
#define OPEN "open:127.0.0.1:77:u:p:real"

static struct tap *
begin(void)
{
	struct tap *tap;

	(void)log_open(&(struct log_target){ .file = "/dev/null",
					     .level = LOG_ERROR });
	memset(&t, 0, sizeof(t));
	t.loop.now = 1000 * USEC_PER_SEC;
	built_text(&t.built, SETTINGS);
	assert_non_null(t.built.s);
	t.control = (struct control){ .loop = &t.loop, .snapshot = t.built.s };
	tap = tap_new(&t.control, NULL);
	assert_non_null(tap);
	return tap;
}

static void
end(struct tap *tap)
{
	tap_free(tap);
	assert_false(t.is_open);
	str_fini(&t.log);
	built_close(&t.built);
}

static void
look(struct tap *tap)
{
	assert_true(tap_look(tap, t.loop.now));
}

/* names: channels with their NULs, but the last one's, which C gives. */
static void
want(struct tap *tap, enum channel_want what, unsigned worker, uint64_t ticket,
     const char *names, size_t len)
{
	struct channel_request *r = mem_must_zalloc(sizeof(*r) + len);

	r->want = what;
	r->worker = worker;
	r->ticket = ticket;
	r->len = len;
	memcpy(r->names, names, len);
	tap_take(tap, r);
}

#define ADD(tap, worker, ticket, names)                                        \
	want(tap, CHANNEL_ADD, worker, ticket, names, sizeof(names))
#define DROP(tap, worker, names)                                               \
	want(tap, CHANNEL_DROP, worker, 0, names, sizeof(names))
#define MARK(tap, worker, ticket) want(tap, CHANNEL_ADD, worker, ticket, "", 0)

static void
done(const char *error)
{
	t.query.ops->done(t.query.arg, error);
}

static void
hear(const char *channel, const char *payload)
{
	t.query.ops->heard(t.query.arg, 5, channel, payload);
}

/* A tap that listens to a for worker 0. */
static struct tap *
begin_up(void)
{
	struct tap *tap = begin();

	ADD(tap, 0, 1, "a");
	look(tap);
	happened(OPEN);
	t.query.ops->ready(t.query.arg);
	happened(SETUP);
	done(NULL);
	happened("send:LISTEN \"a\";");
	assert_int_equal(tap->state, TAP_UP);
	done(NULL);
	happened("answer:1:ok");
	return tap;
}

/* ------------------------------------------------------------------------
 * Tests
 */

/* What comes while a command runs goes with the next one, in order. */
static void
one_command_for_many(void **state)
{
	struct tap *tap = begin_up();

	(void)state;
	ADD(tap, 1, 2, "b\"c");
	happened("send:LISTEN \"b\"\"c\";");
	ADD(tap, 0, 3, "d");
	ADD(tap, 1, 4, "a\0d");
	happened("");
	done(NULL);
	happened("answer:2:ok send:LISTEN \"d\";");
	done(NULL);
	happened("answer:3:ok answer:4:ok");
	/* All is listened to, but not all that was told before is heard. */
	ADD(tap, 0, 5, "b\"c");
	happened("send:");
	done(NULL);
	happened("answer:5:ok");
	assert_int_equal(tap_channels(tap), 3);
	end(tap);
}

static void
told_to_who_wants_it(void **state)
{
	struct tap *tap = begin_up();

	(void)state;
	ADD(tap, 1, 2, "a\0b");
	happened("send:LISTEN \"b\";");
	/* Before the answer: its worker's own tickets decide. */
	hear("a", "1");
	hear("b", "2");
	hear("unknown", "3");
	happened("tell:01:5:a:1 tell:1:5:b:2");
	done(NULL);
	happened("answer:2:ok");
	DROP(tap, 1, "a");
	happened("");
	hear("a", "4");
	happened("tell:0:5:a:4");
	DROP(tap, 1, "a");
	DROP(tap, 0, "b");
	hear("b", "5");
	happened("tell:1:5:b:5");
	assert_int_equal(tap->heard, 4);
	end(tap);
}

static void
left_and_wanted_again(void **state)
{
	struct tap *tap = begin_up();

	(void)state;
	DROP(tap, 0, "a");
	happened("send:UNLISTEN \"a\";");
	ADD(tap, 0, 2, "a");
	done(NULL);
	happened("send:LISTEN \"a\";");
	DROP(tap, 0, "a");
	ADD(tap, 1, 3, "a");
	done(NULL);
	/* It may not be listened to: the one who left was under way. */
	happened("answer:2:ok send:LISTEN \"a\";");
	done(NULL);
	happened("answer:3:ok");
	end(tap);
}

/* Told at once, back with all channels before anything is heard. */
static void
lost_and_back(void **state)
{
	struct tap *tap = begin_up();

	(void)state;
	ADD(tap, 0, 2, "b");
	happened("send:LISTEN \"b\";");
	t.query.ops->lost(t.query.arg, "gone\n");
	happened("close lost:0");
	assert_string_equal(tap->error, "gone");
	DROP(tap, 0, "b");
	ADD(tap, 1, 3, "a");
	look(tap);
	happened(OPEN);
	t.query.ops->ready(t.query.arg);
	done(NULL);
	happened(SETUP " send:LISTEN \"a\";");
	hear("a", "1");
	happened("back:0 back:1 tell:01:5:a:1");
	done(NULL);
	happened("answer:2:ok answer:3:ok");
	assert_int_equal(tap->lost, 1);
	end(tap);
	/* Nothing waits: it says so by itself. */
	tap = begin_up();
	t.query.ops->lost(t.query.arg, "gone");
	look(tap);
	t.query.ops->ready(t.query.arg);
	done(NULL);
	happened("close lost:0 " OPEN " " SETUP " send:LISTEN \"a\";");
	done(NULL);
	happened("back:0");
	end(tap);
}

static void
an_error_is_a_loss(void **state)
{
	struct tap *tap = begin_up();

	(void)state;
	ADD(tap, 0, 2, "b");
	ADD(tap, 0, 3, "c");
	done("no");
	happened("send:LISTEN \"b\"; answer:2:listen_failed close lost:0");
	end(tap);
}

/* Who waits waits for server_connect_timeout, and the pauses grow. */
static void
no_login(void **state)
{
	static const unsigned pauses[] = { 100, 200, 400, 800, 1000, 1000 };
	struct tap *tap = begin();

	(void)state;
	ADD(tap, 0, 1, "a");
	look(tap);
	happened(OPEN);
	for (size_t i = 0; i < COUNT_OF(pauses); i++) {
		t.query.ops->lost(t.query.arg, "no");
		happened("close");
		t.loop.now += pauses[i] * USEC_PER_MSEC - 1;
		look(tap);
		happened("");
		t.loop.now++;
		look(tap);
		happened(OPEN);
	}
	t.loop.now += 2 * USEC_PER_SEC;
	look(tap);
	happened("answer:1:listen_failed");
	/* The login's own time. */
	t.loop.now += 3 * USEC_PER_SEC;
	look(tap);
	happened("close");
	end(tap);
}

static void
waits_for_a_place(void **state)
{
	struct tap *tap = begin();

	(void)state;
	t.place = PLACE_LATER;
	ADD(tap, 0, 1, "a");
	look(tap);
	happened("claim");
	assert_string_equal(tap_state_names[tap->state], "waiting");
	look(tap);
	happened("claim");
	assert_true(tap_place(tap));
	happened(OPEN);
	assert_false(tap_place(tap));
	end(tap);
	tap = begin();
	t.place = PLACE_LATER;
	look(tap);
	tap_free(tap);
	happened("claim leave");
	built_close(&t.built);
	tap = begin();
	t.place = PLACE_NEVER;
	ADD(tap, 0, 1, "a");
	look(tap);
	happened("answer:1:listen_failed");
	end(tap);
}

/* Requests for no channels: behind what was told before, or for nothing. */
static void
marks(void **state)
{
	struct tap *tap = begin();

	(void)state;
	MARK(tap, 0, 1);
	happened("answer:1:ok");
	end(tap);
	tap = begin_up();
	MARK(tap, 0, 2);
	happened("send:");
	MARK(tap, 1, 3);
	hear("a", "1");
	happened("tell:0:5:a:1");
	done(NULL);
	happened("answer:2:ok send:");
	t.loop.now += USEC_PER_SEC - 1;
	look(tap);
	happened("");
	t.loop.now++;
	look(tap);
	happened("answer:3:ok");
	ADD(tap, 0, 4, "b");
	MARK(tap, 0, 5);
	t.query.ops->lost(t.query.arg, "gone");
	happened("close lost:0 answer:5:ok");
	end(tap);
	happened("");
}

static void
goes_when_nobody_wants_it(void **state)
{
	struct tap *tap = begin_up();

	(void)state;
	DROP(tap, 0, "a");
	done(NULL);
	t.loop.now += USEC_PER_SEC - 1;
	look(tap);
	MARK(tap, 0, 2);
	t.loop.now++;
	look(tap);
	happened("send:UNLISTEN \"a\"; send:");
	done(NULL);
	assert_false(tap_look(tap, t.loop.now));
	tap_free(tap);
	happened("answer:2:ok close give");
	built_close(&t.built);
}

static void
another_configuration(void **state)
{
	struct tap *tap = begin_up();

	(void)state;
	t.epoch++;
	look(tap);
	happened("close lost:0 " OPEN);
	ADD(tap, 0, 2, "b");
	tap_free(tap);
	happened("close answer:2:listen_failed give");
	built_close(&t.built);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_command_for_many),
		cmocka_unit_test(told_to_who_wants_it),
		cmocka_unit_test(left_and_wanted_again),
		cmocka_unit_test(lost_and_back),
		cmocka_unit_test(an_error_is_a_loss),
		cmocka_unit_test(no_login),
		cmocka_unit_test(waits_for_a_place),
		cmocka_unit_test(marks),
		cmocka_unit_test(goes_when_nobody_wants_it),
		cmocka_unit_test(another_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
