/*
 * One asker; see asker.h.
 *
 * Nothing here waits: what is to happen later has a time in wake.  Each answer
 * that was asked for is counted once: answered, lost with its asker, or dropped
 * by an own cancel.
 */
#include "asker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROTOCOL 196608u
#define CANCEL_CODE 80877102u

static uint32_t
roll(const struct asker *a, uint32_t sides)
{
	return dice_roll(&a->load->dice, sides);
}

void
asker_init(struct asker *a, struct load *load, int id)
{
	a->load = load;
	a->fd = a->cancel_fd = -1;
	a->self.id = id;
	a->unit.self = &a->self;
	a->wake = load->now + roll(a, 50000) + 1;
}

/* ---- failures ---- */

static void
print_bytes(const char *name, const uint8_t *data, size_t len)
{
	fprintf(stderr, "  %s (%zu bytes): ", name, len);
	for (size_t i = 0; i < len && i < 300; i++) {
		if (data[i] >= ' ' && data[i] < 127)
			fputc(data[i], stderr);
		else
			fprintf(stderr, "\\%02x", data[i]);
	}
	fputc('\n', stderr);
}

void
asker_fail(const struct asker *a, const char *what, const struct message *m)
{
	const struct unit *u = &a->unit;

	fprintf(stderr,
		"asker %d: %s\n  unit %s, tags %" PRIu32 " to %" PRIu32
		", step %u of %u, message %u of %u%s%s, fault %d\n",
		a->self.id, what, kind_names[u->kind], u->first + 1,
		a->self.tag, u->step_at + 1, u->step_count, u->want_at + 1,
		u->want_count, a->is_loose ? ", loose" : "",
		a->has_canceled ? ", canceled" : "", (int)a->fault);
	if (!a->is_loose && u->want_at < u->want_count) {
		const struct want *x = &u->wants[u->want_at];

		fprintf(stderr,
			"  wanted: %c rule %d tag %" PRIu32 " count %" PRIu32
			" at %" PRIu32 " %s; application_name %s\n",
			x->type, x->rule, x->tag, x->count, x->at,
			x->text != NULL ? x->text : "", a->self.app);
	}
	if (m != NULL) {
		fprintf(stderr, "  came: %c\n", m->type);
		print_bytes("body", m->body, m->len);
	}
	print_bytes("sent", u->bytes, a->sent);
	exit(EXIT_FAILURE);
}

/* ---- sockets ---- */

static void
watch(struct asker *a, uint32_t events)
{
	struct epoll_event e = { .events = events,
				 .data.u64 = (uint64_t)a->self.id * 2 };

	if (a->events == events)
		return;
	a->events = events;
	(void)epoll_ctl(a->load->epoll, EPOLL_CTL_MOD, a->fd, &e);
}

static int
open_socket(struct asker *a, uint64_t ident, uint32_t events)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(a->load->options.port) };
	struct epoll_event e = { .events = events, .data.u64 = ident };
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)inet_pton(AF_INET, a->load->options.host, &to.sin_addr);
	if (fd < 0 || (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 &&
		       errno != EINPROGRESS))
		asker_fail(a, strerror(errno), NULL);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(a->load->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		asker_fail(a, strerror(errno), NULL);
	return fd;
}

static void
say_hello(struct asker *a)
{
	struct self *self = &a->self;
	uint8_t data[512];
	struct wire w = { .data = data, .room = sizeof(data) };
	size_t begin = wire_begin(&w, 0);

	self->zone = "UTC";
	self->app[0] = '\0';
	wire_u32(&w, PROTOCOL);
	wire_text(&w, "user");
	wire_text(&w, a->load->options.user);
	wire_text(&w, "database");
	wire_text(&w, a->load->options.database);
	if (self->id % 4 < 2) {
		self->zone = self->id % 4 == 0 ? "Asia/Tokyo" : "America/Lima";
		wire_text(&w, "TimeZone");
		wire_text(&w, self->zone);
	}
	if (self->id % 2 == 0) {
		tag_text(self->app, self->id, ++self->tag);
		wire_text(&w, "application_name");
		wire_text(&w, self->app);
	}
	wire_text(&w, "");
	wire_end(&w, begin);
	if (write(a->fd, data, w.len) != (ssize_t)w.len)
		asker_fail(a, "cannot write the startup packet", NULL);
	a->state = ASKER_LOGIN;
	a->since = a->load->now;
	watch(a, EPOLLIN);
}

static void
go_away(struct asker *a, bool with_reset)
{
	struct linger hard = { .l_onoff = 1 };

	if (with_reset)
		(void)setsockopt(a->fd, SOL_SOCKET, SO_LINGER, &hard,
				 sizeof(hard));
	close(a->fd);
	a->fd = -1;
	a->events = 0;
	a->in_len = 0;
	a->read_at = 0;
	a->state = ASKER_OFF;
	a->wake = a->load->now + 1 + roll(a, 2000);
}

/* ---- units ---- */

static void
write_ledger(const struct asker *a, bool is_sure)
{
	const struct unit *u = &a->unit;
	char tag[TAG_BYTES];

	if (a->load->ledger == NULL || u->row_tag == 0)
		return;
	tag_text(tag, a->self.id, u->row_tag);
	fprintf(a->load->ledger, "%s %" PRIu32 " %s\n", tag,
		a->is_loose ? u->row_most : u->row_count,
		is_sure ? "sure" : "maybe");
}

static uint64_t
answers_left(const struct unit *u)
{
	uint64_t n = 0;

	for (unsigned i = u->want_at; i < u->want_count; i++)
		n += u->wants[i].is_answer;
	return n;
}

static void
choose_fault(struct asker *a)
{
	const struct unit *u = &a->unit;
	uint32_t dice = roll(a, 1000), each = a->load->options.faults;

	a->fault = FAULT_NONE;
	if (dice < each) {
		a->fault = (enum fault)(FAULT_SENT + roll(a, 3));
		if (a->fault == FAULT_SENT)
			a->fault_at = 1 + roll(a, (uint32_t)u->out.len);
		else if (a->fault == FAULT_RECEIVED)
			a->fault_at = 1 + roll(a, roll(a, 2) ? 200 : 5000);
	} else if (dice < 2 * each && u->kind != KIND_DIRT) {
		/* Without its second step that would leave its state. */
		a->fault =
			roll(a, 4) == 0 ? FAULT_CANCEL : FAULT_CANCEL_RUNNING;
		a->cancel_at = a->fault == FAULT_CANCEL
				       ? a->load->now + roll(a, 6000)
				       : 0;
	} else if (dice < 2 * each + each / 4) {
		a->fault = FAULT_SLOW;
		a->fault_at = 1 + roll(a, 2000);
	}
	if (a->fault != FAULT_NONE)
		a->load->counts.faults[a->fault]++;
}

static enum kind
choose_kind(struct asker *a)
{
	const struct options *o = &a->load->options;
	enum kind kind = unit_choose(&a->load->dice);

	for (int i = 0; o->only != NULL && i < KINDS; i++)
		if (strcmp(kind_names[i], o->only) == 0)
			return (enum kind)i;
	if (kind == KIND_DIRT && !o->has_dirt)
		return KIND_STATE;
	return kind;
}

static void begin_unit(struct asker *a);

static void
say_good_bye(struct asker *a)
{
	static const uint8_t message[] = { 'X', 0, 0, 0, 4 };

	if (write(a->fd, message, sizeof(message)) < 0)
		a->state = ASKER_OFF;
	go_away(a, false);
	a->state = ASKER_DONE;
	a->wake = 0;
}

/* An own cancel of this session might still hit. */
static bool
is_cancel_due(const struct asker *a)
{
	return a->has_canceled && a->cancel_fd >= 0;
}

static void
rest(struct asker *a)
{
	uint32_t think = a->load->options.think_us;

	a->state = ASKER_IDLE;
	a->fault = FAULT_NONE;
	a->is_loose = false;
	a->wake = roll(a, 4) == 0 ? a->load->now + 1 + roll(a, think) : 0;
	if (a->wake == 0 && !is_cancel_due(a))
		begin_unit(a);
}

/* The unit is over: all of it came, or all that an own cancel left. */
static void
end_unit(struct asker *a)
{
	a->load->counts.units++;
	if (a->is_loose)
		a->load->counts.dropped += answers_left(&a->unit);
	write_ledger(a, !a->is_loose);
	rest(a);
}

static void
vanish(struct asker *a, bool with_reset)
{
	a->load->counts.units++;
	a->load->counts.lost += answers_left(&a->unit);
	write_ledger(a, false);
	a->is_loose = a->has_canceled = false;
	go_away(a, with_reset);
}

/* ---- writing ---- */

/* How far may be sent now. */
static size_t
send_limit(const struct asker *a)
{
	size_t end = a->unit.steps[a->unit.step_at].bytes;

	if (a->fault == FAULT_SENT && a->fault_at < end)
		return a->fault_at;
	return end;
}

static void
send_unit(struct asker *a)
{
	size_t end = send_limit(a);

	while (a->sent < end) {
		ssize_t n = send(a->fd, a->unit.bytes + a->sent, end - a->sent,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			/* What the server said last is read first. */
			watch(a, EPOLLIN);
			return;
		}
		a->sent += (size_t)n;
	}
	watch(a, (a->read_at == 0 ? (uint32_t)EPOLLIN : 0) |
			 (a->sent < end ? (uint32_t)EPOLLOUT : 0));
	if (a->fault == FAULT_SENT && a->sent == a->fault_at)
		vanish(a, roll(a, 2) == 0);
	else if (a->fault == FAULT_TERMINATE && a->sent == a->unit.out.len) {
		static const uint8_t message[] = { 'X', 0, 0, 0, 4 };

		(void)send(a->fd, message, sizeof(message), MSG_NOSIGNAL);
		vanish(a, false);
	}
}

static void
start_unit(struct asker *a)
{
	a->state = ASKER_BUSY;
	a->wake = 0;
	a->since = a->load->now;
	a->sent = a->received = 0;
	a->has_canceled = a->is_loose = false;
	a->load->counts.asked += answers_left(&a->unit);
}

static void
begin_unit(struct asker *a)
{
	if (a->load->is_ending) {
		say_good_bye(a);
		return;
	}
	unit_make(&a->unit, choose_kind(a), &a->load->dice,
		  a->load->options.big);
	choose_fault(a);
	if (a->fault == FAULT_CANCEL_RUNNING && roll(a, 2) == 0)
		unit_make_long(&a->unit, &a->load->dice);
	start_unit(a);
	if (a->unit.is_full || a->unit.out.is_full)
		asker_fail(a, "a unit that does not fit", NULL);
	send_unit(a);
}

/* Own steps that were not taken yet are not taken after an own cancel. */
static void
go_loose(struct asker *a)
{
	struct unit *u = &a->unit;
	const struct step *s = &u->steps[u->step_at];
	static const uint8_t sync[] = { 'S', 0, 0, 0, 4 };

	a->is_loose = true;
	a->load->counts.hits++;
	a->load->counts.hits_running += u->want_at > 0;
	a->readies = 0;
	for (unsigned i = u->want_at; i < s->wants; i++)
		a->readies += u->wants[i].type == 'Z';
	a->wake = 0;
	a->readies += s->leaves != LEAVES_NOTHING;
	if (s->leaves != LEAVES_GROUP)
		return;
	if (a->sent != s->bytes ||
	    send(a->fd, sync, sizeof(sync), MSG_NOSIGNAL) != sizeof(sync))
		asker_fail(a, "cannot send a Sync", NULL);
}

/* ---- cancels ---- */

static void
end_cancel(struct asker *a)
{
	close(a->cancel_fd);
	a->cancel_fd = -1;
	if (a->state != ASKER_BUSY)
		a->has_canceled = false;
	if (a->state == ASKER_IDLE && a->wake == 0)
		begin_unit(a);
}

static void
start_cancel(struct asker *a)
{
	a->cancel_at = 0;
	if (a->cancel_fd >= 0)
		return;
	a->load->counts.cancels++;
	a->has_canceled = true;
	a->cancel_is_sent = false;
	a->cancel_fd = open_socket(a, (uint64_t)a->self.id * 2 + 1, EPOLLOUT);
}

void
asker_on_cancel_event(struct asker *a)
{
	struct epoll_event e = { .events = EPOLLIN,
				 .data.u64 = (uint64_t)a->self.id * 2 + 1 };
	uint8_t data[64];
	struct wire w = { .data = data, .room = sizeof(data) };
	size_t begin;
	ssize_t n;

	if (a->cancel_fd < 0)
		return;
	if (!a->cancel_is_sent) {
		begin = wire_begin(&w, 0);
		wire_u32(&w, CANCEL_CODE);
		wire_bytes(&w, a->key, sizeof(a->key));
		wire_end(&w, begin);
		if (send(a->cancel_fd, data, w.len, MSG_NOSIGNAL) !=
		    (ssize_t)w.len)
			asker_fail(a, "cannot send a cancel request", NULL);
		a->cancel_is_sent = true;
		(void)epoll_ctl(a->load->epoll, EPOLL_CTL_MOD, a->cancel_fd,
				&e);
		return;
	}
	n = read(a->cancel_fd, data, sizeof(data));
	if (n > 0)
		asker_fail(a, "an answer to a cancel request", NULL);
	if (n == 0 || errno != EAGAIN)
		end_cancel(a);
}

/* ---- reading ---- */

static void
take_login(struct asker *a, const struct message *m)
{
	const char *name = (const char *)m->body;
	const char *value = name + strnlen(name, m->len) + 1;

	if (m->type == 'K' && m->len == sizeof(a->key)) {
		memcpy(a->key, m->body, sizeof(a->key));
	} else if (m->type == 'S') {
		if (strcmp(name, "application_name") == 0 &&
		    strcmp(value, a->self.app) != 0)
			asker_fail(a, "not my application_name", m);
		if (strcmp(name, "TimeZone") == 0 &&
		    strcmp(value, a->self.zone) != 0)
			asker_fail(a, "not my TimeZone", m);
	} else if (m->type == 'Z') {
		a->load->counts.logins++;
		rest(a);
	} else if (m->type != 'R' || wire_read_u32(m->body) != 0) {
		asker_fail(a, "no login", m);
	}
}

/* An own cancel's error; CopyFail has the same code. */
static bool
is_canceled(const struct asker *a, const struct message *m)
{
	const char *code, *text;

	if (m->type != 'E' || !a->has_canceled)
		return false;
	code = wire_field(m, 'C');
	text = wire_field(m, 'M');
	return code != NULL && text != NULL && strcmp(code, "57014") == 0 &&
	       strstr(text, "user request") != NULL;
}

static void
take_loosely(struct asker *a, const struct message *m)
{
	const char *wrong = unit_check_loosely(&a->unit, m);

	if (wrong != NULL)
		asker_fail(a, wrong, m);
	if (m->type != 'Z')
		return;
	if (a->readies == 0)
		asker_fail(a, "one ReadyForQuery too many", m);
	if (--a->readies > 0)
		return;
	if (a->status == 'I') {
		end_unit(a);
		return;
	}
	a->load->counts.dropped += answers_left(&a->unit);
	write_ledger(a, false);
	unit_recover(&a->unit);
	start_unit(a);
	a->fault = FAULT_NONE;
	send_unit(a);
}

/* The next step, when all before it was answered. */
static void
go_on(struct asker *a)
{
	struct unit *u = &a->unit;
	unsigned pause;

	if (u->want_at < u->steps[u->step_at].wants)
		return;
	if (u->step_at + 1 == u->step_count) {
		end_unit(a);
		return;
	}
	pause = u->steps[u->step_at + 1].pause_us;
	if (pause > 0) {
		a->wake = a->load->now + pause;
		return;
	}
	u->step_at++;
	send_unit(a);
}

static void
take(struct asker *a, const struct message *m)
{
	struct unit *u = &a->unit;
	unsigned at = u->want_at;
	const char *wrong;

	a->load->counts.messages++;
	if (m->type == 'Z' && m->len == 1)
		a->status = (char)m->body[0];
	if (a->is_loose) {
		take_loosely(a, m);
		return;
	}
	if (is_canceled(a, m)) {
		go_loose(a);
		return;
	}
	wrong = unit_check(u, m);
	if (wrong != NULL)
		asker_fail(a, wrong, m);
	if (a->fault == FAULT_CANCEL_RUNNING && at == 0 && a->cancel_at == 0)
		a->cancel_at = a->load->now + roll(a, 6000);
	if (u->want_at == at)
		return;
	if (u->wants[at].is_answer) {
		a->load->counts.answered++;
		a->load->counts.by_kind[u->kind]++;
	}
	go_on(a);
}

static void
take_messages(struct asker *a)
{
	size_t at = 0;

	while (a->fd >= 0 && at < a->in_len) {
		struct message m;
		long n = wire_message(a->in + at, a->in_len - at, &m);

		if (n < 0)
			asker_fail(a, "no message of Postgres", NULL);
		if (n == 0)
			break;
		at += (size_t)n;
		if (a->state == ASKER_LOGIN)
			take_login(a, &m);
		else if (a->state == ASKER_BUSY)
			take(a, &m);
		else
			asker_fail(a, "a message out of turn", &m);
	}
	if (a->fd < 0)
		return;
	a->in_len -= at;
	memmove(a->in, a->in + at, a->in_len);
}

/* The faults that lie on the way of what comes; true: it is gone. */
static bool
meet_fault(struct asker *a)
{
	if (a->state != ASKER_BUSY || a->received < a->fault_at)
		return false;
	if (a->fault == FAULT_RECEIVED) {
		vanish(a, roll(a, 2) == 0);
		return true;
	}
	if (a->fault == FAULT_SLOW) {
		a->fault = FAULT_NONE;
		a->read_at = a->load->now + 1000 + roll(a, 60000);
		watch(a, a->events & ~(uint32_t)EPOLLIN);
	}
	return false;
}

static void
read_answers(struct asker *a)
{
	ssize_t n;

	if (a->in_len == sizeof(a->in))
		asker_fail(a, "a message that is too large", NULL);
	n = read(a->fd, a->in + a->in_len, sizeof(a->in) - a->in_len);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		asker_fail(a, n < 0 ? strerror(errno) : "closed by carpool",
			   NULL);
	a->since = a->load->now;
	a->received += (size_t)n;
	/* Of what came behind the fault nothing is looked at. */
	if (meet_fault(a))
		return;
	a->in_len += (size_t)n;
	take_messages(a);
}

void
asker_on_event(struct asker *a)
{
	if (a->state == ASKER_CONNECTING) {
		int error = 0;
		socklen_t size = sizeof(error);

		(void)getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error != 0)
			asker_fail(a, strerror(error), NULL);
		say_hello(a);
		return;
	}
	if (a->fd >= 0 && a->read_at == 0)
		read_answers(a);
	if (a->fd >= 0 && a->state == ASKER_BUSY && (a->events & EPOLLOUT) != 0)
		send_unit(a);
}

/* ---- time ---- */

static void
wake_up(struct asker *a)
{
	a->wake = 0;
	if (a->state == ASKER_OFF) {
		if (a->load->is_ending) {
			a->state = ASKER_DONE;
			return;
		}
		a->state = ASKER_CONNECTING;
		a->since = a->load->now;
		a->events = EPOLLOUT;
		a->fd = open_socket(a, (uint64_t)a->self.id * 2, EPOLLOUT);
	} else if (a->state == ASKER_IDLE) {
		if (!is_cancel_due(a))
			begin_unit(a);
	} else if (a->state == ASKER_BUSY) {
		a->unit.step_at++;
		send_unit(a);
	}
}

void
asker_on_time(struct asker *a)
{
	int64_t now = a->load->now;

	if (a->read_at != 0 && now >= a->read_at) {
		a->read_at = 0;
		a->since = now;
		watch(a, a->events | EPOLLIN);
	}
	if (a->state == ASKER_BUSY && a->fault >= FAULT_CANCEL &&
	    a->cancel_at != 0 && now >= a->cancel_at)
		start_cancel(a);
	if (a->wake != 0 && now >= a->wake)
		wake_up(a);
	if ((a->state == ASKER_BUSY || a->state == ASKER_LOGIN ||
	     a->state == ASKER_CONNECTING) &&
	    a->read_at == 0 && now - a->since > a->load->options.patience_us)
		asker_fail(a, "an answer is missing", NULL);
}
