/*
 * Clients that listen: when a subscription begins, what is told, in which
 * order, and what the control thread is asked for; and whose process a
 * notification came from.  See stage.h.
 */
#include "stage.h"

#include "core/cancel.h"
#include "core/hearer.h"
#include "core/notifier.h"

static bool
put_text(struct buf *out, char type, const char *text)
{
	size_t len = strlen(text);
	uint8_t head[TINY_HEADER] = { (uint8_t)type, (uint8_t)(len >> 8),
				      (uint8_t)len };

	return buf_append(out, head, sizeof(head)) &&
	       (len == 0 || buf_append(out, text, len));
}

static bool
notify(struct turn *t, const struct notification *n)
{
	char text[64];

	(void)text_format(text, sizeof(text), "%u:%s:%.20s", n->pid, n->channel,
			  n->payload);
	return put_text(t->out, 'A', text);
}

static bool
subscribed(struct turn *t)
{
	return put_text(t->out, 'J', "");
}

/* ------------------------------------------------------------------------
 * The control thread
 */

static struct front_ops front;
static const struct front_ops *fronts[PROTOCOLS];
static struct channel_request *asked; /* the last ADD, not yet answered */
static struct str asked_for;          /* what was asked for */

static void
submit(void *arg, struct channel_request *r)
{
	const char *at = r->names, *end = at + r->len;

	(void)arg;
	str_puts(&asked_for, r->want == CHANNEL_ADD ? "+" : "-");
	for (; at < end; at += strlen(at) + 1)
		str_printf(&asked_for, "%s,", at);
	if (r->want == CHANNEL_DROP) {
		channel_request_free(r);
		return;
	}
	assert_null(asked);
	asked = r;
}

static void
was_asked(const char *what)
{
	assert_string_equal(str_text(&asked_for), what);
	str_fini(&asked_for);
}

static void
answer(enum reason reason)
{
	struct channel_request *r = asked;

	assert_non_null(r);
	asked = NULL;
	r->result = reason;
	channels_answer(stage.core, r);
	settle();
}

static void
open_ears(const char *more)
{
	open_stage(1, more);
	front = tiny_front;
	front.notify = notify;
	front.subscribed = subscribed;
	for (unsigned i = 0; i < PROTOCOLS; i++)
		fronts[i] = &front;
	stage.core->fronts = fronts;
	stage.core->channel_submit = submit;
}

/* ------------------------------------------------------------------------
 * Clients
 */

/* The n-th that logged in. */
static struct client *
client_at(unsigned n)
{
	struct worker *w = stage_worker(0);
	struct client *c = w->slots[n].client;

	assert_non_null(c);
	return c;
}

static void
change(struct client *c, struct listen_change change)
{
	struct order o = order_plain(ORDER_LISTEN);

	o.listen = change;
	(void)hearer_on_order(c, c->server, &o);
	settle();
}

#define ADD(names) .is_waiting = true, .add = names, .add_len = sizeof(names)
#define DROP(names) .drop = names, .drop_len = sizeof(names)

static void
tell(const char *channel, const char *payload)
{
	struct note *note = note_new(5, channel, payload);

	assert_non_null(note);
	hearer_tell(stage_worker(0), stage_pool("a"), note);
	note_unref(note);
	settle();
}

/* A client, the first one, that listens to a and b. */
static int
listener(const char *more, int *server)
{
	int fd;

	open_ears(more);
	fd = first_login("a", "", server);
	change(client_at(0), (struct listen_change){ ADD("a\0b") });
	was_asked("+a,b,");
	answer(REASON_NONE);
	expect(fd, 'J', "");
	return fd;
}

/* Another one, that logs in on what is there. */
static int
another(void)
{
	return login_as("a", "");
}

static void
leave(int fd)
{
	close(fd);
	settle();
}

static void
end(void)
{
	assert_int_equal(client_count(), 0);
	channel_request_free(asked);
	asked = NULL;
	close_stage();
	str_fini(&asked_for);
}

/* ------------------------------------------------------------------------
 * Tests
 */

static void
begins_with_the_answer(void **state)
{
	int server, fd, other;

	(void)state;
	open_ears("");
	fd = first_login("a", "", &server);
	change(client_at(0), (struct listen_change){ ADD("a\0b") });
	tell("a", "early");
	expect_nothing(fd);
	answer(REASON_NONE);
	expect(fd, 'J', "");
	expect_nothing(fd);
	tell("a", "1");
	tell("b", "2");
	tell("c", "3");
	expect(fd, 'A', "5:a:1");
	expect(fd, 'A', "5:b:2");
	was_asked("+a,b,");
	/* The second one waits by itself. */
	other = another();
	change(client_at(1), (struct listen_change){ ADD("b\0c") });
	tell("b", "4");
	expect(fd, 'A', "5:b:4");
	expect_nothing(other);
	answer(REASON_NONE);
	expect(other, 'J', "");
	was_asked("+b,c,");
	/* What is there already is in place at once. */
	change(client_at(1), (struct listen_change){ ADD("b") });
	expect(other, 'J', "");
	was_asked("");
	leave(fd);
	was_asked("-a,");
	leave(other);
	was_asked("-b,-c,");
	end();
}

static void
who_leaves_is_not_answered(void **state)
{
	int server, fd;

	(void)state;
	open_ears("");
	fd = first_login("a", "", &server);
	change(client_at(0), (struct listen_change){ ADD("a") });
	leave(fd);
	was_asked("+a,-a,");
	answer(REASON_NONE);
	/* Nor is who has its place. */
	fd = another();
	change(client_at(0), (struct listen_change){ ADD("b") });
	asked->ticket--;
	answer(REASON_NONE);
	expect_nothing(fd);
	leave(fd);
	was_asked("+b,-b,");
	end();
}

static void
dropped(void **state)
{
	int server, fd = listener("", &server);

	(void)state;
	change(client_at(0), (struct listen_change){ DROP("x\0a") });
	was_asked("-a,");
	tell("a", "1");
	tell("b", "2");
	expect(fd, 'A', "5:b:2");
	/* First what it drops. */
	change(client_at(0),
	       (struct listen_change){ .drops_all = true, ADD("c") });
	was_asked("-b,+c,");
	answer(REASON_NONE);
	expect(fd, 'J', "");
	change(client_at(0), (struct listen_change){ .drops_all = true });
	was_asked("-c,");
	assert_false(client_at(0)->is_hearer);
	expect_nothing(fd);
	leave(fd);
	end();
}

/* What was told waits for the transaction's end; who waits comes behind it. */
static void
between_transactions(void **state)
{
	int server, fd = listener("", &server);

	(void)state;
	say(fd, 'B', "");
	settle();
	expect(server, 'B', "");
	say(server, 'Z', "T");
	settle();
	expect(fd, 'Z', "T");
	assert_false(hearer_has_news(client_at(0)));
	tell("a", "1");
	tell("a", "2");
	expect_nothing(fd);
	assert_true(hearer_has_news(client_at(0)));
	change(client_at(0), (struct listen_change){ .is_waiting = true });
	expect_nothing(fd);
	say(fd, 'C', "");
	settle();
	expect(server, 'C', "");
	say(server, 'Z', "I");
	settle();
	expect(fd, 'Z', "I");
	expect(fd, 'A', "5:a:1");
	expect(fd, 'A', "5:a:2");
	expect(fd, 'J', "");
	assert_false(hearer_has_news(client_at(0)));
	leave(fd);
	end();
}

/* Behind what a client told itself there is an answer for nothing. */
static void
told_oneself(void **state)
{
	const struct listen_change mark = { .is_waiting = true,
					    .has_notified = true };
	int server, fd = listener("", &server);

	(void)state;
	change(client_at(0), mark);
	was_asked("+");
	tell("a", "1");
	expect(fd, 'A', "5:a:1");
	expect_nothing(fd);
	answer(REASON_NONE);
	expect(fd, 'J', "");
	/* Nothing depends on it. */
	change(client_at(0), mark);
	was_asked("+");
	answer(REASON_LISTEN_FAILED);
	expect(fd, 'J', "");
	/* It comes with what is added. */
	change(client_at(0),
	       (struct listen_change){ .has_notified = true, ADD("c") });
	was_asked("+c,");
	answer(REASON_NONE);
	expect(fd, 'J', "");
	/* Who hears nothing need not wait. */
	change(client_at(0), (struct listen_change){ .is_waiting = true,
						     .has_notified = true,
						     .drops_all = true });
	expect(fd, 'J', "");
	assert_null(asked);
	leave(fd);
	end();
}

static void
nobody_listens_for_it(void **state)
{
	int server, fd = listener("", &server);

	(void)state;
	change(client_at(0), (struct listen_change){ ADD("c") });
	answer(REASON_LISTEN_FAILED);
	expect(fd, 'E', NULL);
	leave(fd);
	was_asked("+c,-a,-b,-c,");
	end();
}

static void
too_many_channels(void **state)
{
	int server, fd = listener("listen_channels = 2\n", &server), other;

	(void)state;
	change(client_at(0), (struct listen_change){ DROP("a"), ADD("b\0c") });
	was_asked("-a,+b,c,");
	answer(REASON_NONE);
	expect(fd, 'J', "");
	other = another();
	change(client_at(1), (struct listen_change){ ADD("a\0b\0c") });
	expect(other, 'E',
	       "cthis session listens to too many channels "
	       "(listen_channels)");
	leave(other);
	was_asked("-a,");
	tell("b", "1");
	expect(fd, 'A', "5:b:1");
	leave(fd);
	end();
}

static void
too_much_waits(void **state)
{
	int server, fd = listener("listen_queue = 16384\n", &server), other;
	char payload[4001] = { 0 };

	(void)state;
	memset(payload, 'x', 4000);
	other = another();
	change(client_at(1), (struct listen_change){ ADD("a") });
	answer(REASON_NONE);
	expect(other, 'J', "");
	say(fd, 'B', "");
	settle();
	say(server, 'Z', "T");
	settle();
	expect(fd, 'Z', "T");
	for (unsigned i = 0; i < 4; i++)
		tell("a", payload);
	expect_nothing(fd);
	tell("a", payload);
	expect(fd, 'E',
	       "ctoo many notifications wait for this session "
	       "(listen_queue)");
	for (unsigned i = 0; i < 5; i++)
		expect(other, 'A', "5:a:xxxxxxxxxxxxxxxxxxxx");
	leave(fd);
	leave(other);
	end();
}

static void
lost(void **state)
{
	int server, fd = listener("", &server), other, deaf = another();

	(void)state;
	other = another();
	change(client_at(2), (struct listen_change){ ADD("a") });
	hearer_event(stage_worker(0), stage_pool("a"), CHANNELS_LOST);
	hearer_event(stage_worker(0), stage_pool("a"), CHANNELS_BACK);
	settle();
	expect(fd, 'N', NULL);
	expect(fd, 'N', NULL);
	expect_nothing(fd);
	expect_nothing(deaf);
	/* Its LISTEN was not confirmed: it is later than the gap. */
	expect_nothing(other);
	answer(REASON_NONE);
	expect(other, 'J', "");
	stage_reload("listen_lost = close\n");
	hearer_event(stage_worker(0), stage_pool("a"), CHANNELS_BACK);
	settle();
	expect_nothing(fd);
	hearer_event(stage_worker(0), stage_pool("a"), CHANNELS_LOST);
	settle();
	expect(fd, 'E', NULL);
	expect(other, 'E', NULL);
	expect_nothing(deaf);
	leave(fd);
	leave(other);
	leave(deaf);
	was_asked("+a,-b,-a,");
	end();
}

/* What the client's own server tells counts until its subscription begins. */
static void
told_by_the_own_server(void **state)
{
	const struct notification n = { .pid = 77,
					.channel = "c",
					.payload = "own" };
	struct order o = order_plain(ORDER_LISTEN);
	int server, fd = listener("", &server);
	struct client *c = client_at(0);

	(void)state;
	say(fd, 'B', "");
	settle();
	say(server, 'Z', "T");
	settle();
	expect(fd, 'Z', "T");
	o.listen = (struct listen_change){ .told = &n };
	assert_true(hearer_on_order(c, c->server, &o));
	change(c, (struct listen_change){ ADD("c") });
	assert_true(hearer_on_order(c, c->server, &o));
	answer(REASON_NONE);
	assert_true(hearer_on_order(c, c->server, &o));
	say(fd, 'C', "");
	settle();
	say(server, 'Z', "I");
	settle();
	expect(fd, 'Z', "I");
	expect(fd, 'A', "77:c:own");
	expect(fd, 'A', "77:c:own");
	expect(fd, 'J', "");
	expect_nothing(fd);
	leave(fd);
	end();
}

/* A query during which the server tells something. */
static void
notifying(unsigned n, int fd, int server)
{
	const struct server *s;

	say(fd, 'Q', "one");
	settle();
	expect(server, 'Q', "one");
	s = client_at(n)->server;
	assert_non_null(s);
	s->ops->view(s->back)->has_notified = true;
	say(server, 'Z', "I");
	settle();
	expect(fd, 'Z', "I");
}

/* The server is the notifier's until what it told has been heard. */
static void
fenced(void **state)
{
	int server, fd = listener("", &server), one, two;

	(void)state;
	one = another();
	two = another();
	notifying(1, one, server);
	was_asked("+");
	assert_true(client_at(1)->is_fenced);
	assert_non_null(client_at(1)->server);
	/* Its own next request waits as well, so that all take their turn. */
	say(one, 'Q', "two");
	say(two, 'Q', "three");
	settle();
	expect_nothing(server);
	assert_int_equal(stage_pool("a")->waiting, 1);
	answer(REASON_NONE);
	expect(server, 'Q', "three");
	say(server, 'Z', "I");
	settle();
	expect(two, 'Z', "I");
	expect(server, 'Q', "two");
	say(server, 'Z', "I");
	settle();
	expect(one, 'Z', "I");
	assert_false(client_at(1)->is_hearer);
	assert_at_rest("a", 1);
	/* Who goes, goes then; a server takes its client along. */
	notifying(1, one, server);
	leave(one);
	answer(REASON_NONE);
	assert_at_rest("a", 1);
	notifying(2, two, server);
	close(server);
	settle();
	expect(two, 'E', NULL);
	leave(two);
	answer(REASON_NONE);
	was_asked("++");
	leave(fd);
	was_asked("-a,-b,");
	end();
}

/* Who waits for what it told anyhow asks once. */
static void
fenced_and_waiting(void **state)
{
	int server, fd = listener("", &server);
	const struct server *s;

	(void)state;
	say(fd, 'Q', "one");
	settle();
	expect(server, 'Q', "one");
	s = client_at(0)->server;
	s->ops->view(s->back)->has_notified = true;
	change(client_at(0), (struct listen_change){ .is_waiting = true,
						     .has_notified = true });
	say(server, 'Z', "I");
	settle();
	expect(fd, 'Z', "I");
	was_asked("+");
	assert_true(client_at(0)->is_fenced);
	expect_nothing(fd);
	answer(REASON_NONE);
	expect(fd, 'J', "");
	assert_at_rest("a", 1);
	leave(fd);
	was_asked("-a,-b,");
	end();
}

/* Where nobody listens nothing waits. */
static void
not_fenced(void **state)
{
	int server, fd;

	(void)state;
	open_ears("");
	fd = first_login("a", "", &server);
	notifying(0, fd, server);
	was_asked("");
	assert_at_rest("a", 1);
	leave(fd);
	end();
}

/* ------------------------------------------------------------------------
 * Whose it is
 */

static uint32_t
pid_of(const struct client *c)
{
	uint8_t key[CANCEL_KEY_BYTES];

	cancel_key_of(c, key);
	return (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 |
	       (uint32_t)key[2] << 8 | key[3];
}

/* The server that a client is given; it gets this process number. */
static struct server *
begin_query(unsigned n, int fd, uint32_t pid)
{
	struct server *s;

	say(fd, 'Q', "one");
	settle();
	s = client_at(n)->server;
	assert_non_null(s);
	notifier_close(s);
	s->ops->view(s->back)->remote_pid = pid;
	notifier_open(s);
	notifier_link(s, client_at(n));
	return s;
}

static void
whose_process(void **state)
{
	int one, two, first, second;
	char at[NOTIFIER_SERVER_MAX];
	struct server *a, *b;

	(void)state;
	open_stage(1, "default_pool_size = 2\n");
	notifier_server("127.0.0.1", stage.port, at);
	one = first_login("a", "", &first);
	two = another();
	assert_int_equal(notifier_client(stage.core, at, 77), 77);
	a = begin_query(0, one, 77);
	assert_int_equal(notifier_client(stage.core, at, 77),
			 pid_of(client_at(0)));
	assert_int_equal(notifier_client(stage.core, at, 78), 78);
	assert_int_equal(notifier_client(stage.core, "127.0.0.1:1", 77), 77);
	/* A process that ended, and another with its number. */
	say(two, 'Q', "one");
	settle();
	second = serve();
	b = begin_query(1, two, 77);
	assert_ptr_not_equal(a, b);
	notifier_close(a);
	assert_int_equal(notifier_client(stage.core, at, 77),
			 pid_of(client_at(1)));
	/* The one that it is linked to, or was last. */
	say(second, 'Z', "I");
	say(second, 'Z', "I");
	settle();
	assert_int_equal(notifier_client(stage.core, at, 77),
			 pid_of(client_at(1)));
	notifier_link(b, client_at(0));
	assert_int_equal(notifier_client(stage.core, at, 77),
			 pid_of(client_at(0)));
	close(second);
	settle();
	assert_int_equal(notifier_client(stage.core, at, 77), 77);
	say(first, 'Z', "I");
	settle();
	leave(one);
	leave(two);
	close(first);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_with_the_answer),
		cmocka_unit_test(who_leaves_is_not_answered),
		cmocka_unit_test(dropped),
		cmocka_unit_test(between_transactions),
		cmocka_unit_test(told_oneself),
		cmocka_unit_test(nobody_listens_for_it),
		cmocka_unit_test(too_many_channels),
		cmocka_unit_test(too_much_waits),
		cmocka_unit_test(lost),
		cmocka_unit_test(told_by_the_own_server),
		cmocka_unit_test(fenced),
		cmocka_unit_test(fenced_and_waiting),
		cmocka_unit_test(not_fenced),
		cmocka_unit_test(whose_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
