/*
 * Scripts: what clients and a server say in turn, and what each side and the
 * core is told of it.
 *
 * Each runs whole, byte by byte, at random cuts, and with every packet cut once
 * at each place; then with each allocation of carpool's failing once: the
 * client hears then what it should, or the beginning of it and an error, and
 * nothing is left behind.
 *
 * A client says (several with '|' go out at once, the number behind '@' is that
 * of the packet):
 *
 *	q:TEXT  i:SCHEMA  p (ping)  r (reset connection)  k:ID (process kill)
 *	o:N (set option)  x (quit)  z:LEN,TEXT (a text filled up with blanks)
 *	n:COMMAND (of one byte, as a number)
 *
 * A server's answer is the packets of one answer, with '|' between them:
 *
 *	ok WORDS   an OK; words: tx manual (autocommit is off) warn=N id=N
 *	           rows=N more, and changes of the session: var=NAME:VALUE
 *schema=NAME changed once=TEXT lock unlock end WORDS  the same in the place of
 *an EOF eof WORDS  an EOF err N      col   row TEXT   raw TEXT
 *
 * What came out is shown the same way, with the packets' numbers in front.
 */
#ifndef CARPOOL_TEST_UNIT_MYSQL_SCRIPT_H
#define CARPOOL_TEST_UNIT_MYSQL_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drive.h"
#include "fault.h"
#include "mysql/my_error.h"

enum who {
	NOBODY,
	CLIENT,
	SERVER,
	GONE,     /* the client, without a word */
	NEXT,     /* it is gone, and another one comes */
	LOST,     /* the server */
	CANCELED, /* what waits for a server */
	REFUSED,  /* the client's connection, from outside */
	WAITERS,  /* others wait */
	BUSY,     /* there is no server, or there is one again */
	RELOAD,   /* another policy */
};

struct move {
	enum who who;
	const char *say;
};

#define MOVES 24

/* The answer to what makes a server forget its warnings. */
#define FORGOTTEN "raw \001|col|row 1|end"

struct script {
	const char *name;
	enum pool_mode mode;
	bool has_eof;    /* the old ends of rows */
	bool has_memo;   /* what is set at connect is remembered */
	bool may_differ; /* where memory was out: leaks alone are looked for */
	const char *connect_query;
	const char *schema;      /* of all, at their login; NULL: none */
	const char *start[2];    /* a setting that only the client has */
	uint8_t on[STATE_KINDS]; /* enum state_policy */
	struct move moves[MOVES];
	const char *to_client;
	const char *to_server; /* NULL: depends on the cuts */
	const char *log;
};

/* ---- saying ---- */

static inline bool
script_word(const char **at, char *word, size_t size)
{
	size_t len;

	*at += strspn(*at, " ");
	len = strcspn(*at, " |");
	if (len == 0)
		return false;
	ASSERT(len < size);
	memcpy(word, *at, len);
	word[len] = '\0';
	*at += len;
	return true;
}

static inline void
script_tracker(struct str *s, uint8_t type, const char *text)
{
	struct str body = { 0 };

	my_put_text(&body, text, strlen(text));
	my_put_u8(s, type);
	my_put_text(s, str_text(&body), body.len);
	str_fini(&body);
}

/* One word of an OK; changes go to *s. */
static inline void
script_ok_word(struct my_ok *ok, struct str *s, char *word)
{
	char *value = strchr(word, '='), *behind;

	if (value != NULL)
		*value++ = '\0';
	if (strcmp(word, "tx") == 0) {
		ok->status |= MY_STATUS_IN_TRANS;
	} else if (strcmp(word, "manual") == 0) {
		ok->status &= (uint16_t)~MY_STATUS_AUTOCOMMIT;
	} else if (strcmp(word, "more") == 0) {
		ok->status |= MY_STATUS_MORE_RESULTS;
	} else if (strcmp(word, "warn") == 0) {
		ok->warnings = (uint16_t)atoi(value);
	} else if (strcmp(word, "id") == 0) {
		ok->insert_id = (uint64_t)atoi(value);
	} else if (strcmp(word, "rows") == 0) {
		ok->affected = (uint64_t)atoi(value);
	} else if (strcmp(word, "var") == 0) {
		behind = strchr(value, ':');
		ASSERT(behind != NULL);
		*behind++ = '\0';
		my_put_variable(s, value, behind);
	} else if (strcmp(word, "schema") == 0) {
		my_put_schema(s, value);
	} else if (strcmp(word, "once") == 0) {
		script_tracker(s, MY_TRACKER_CHARACTERISTICS, value);
	} else if (strcmp(word, "lock") == 0) {
		script_tracker(s, MY_TRACKER_TRANSACTION, "_______L");
	} else if (strcmp(word, "unlock") == 0) {
		script_tracker(s, MY_TRACKER_TRANSACTION, "________");
	} else {
		ASSERT(strcmp(word, "changed") == 0);
		my_put_u8(s, MY_TRACKER_STATE);
		my_put_text(s, "1", 1);
	}
}

static inline void
script_put_ok(struct buf *out, uint8_t *seq, const char *words, uint8_t first)
{
	struct my_ok ok = { .first = first, .status = MY_STATUS_AUTOCOMMIT };
	struct str trackers = { 0 };
	char word[64];

	while (script_word(&words, word, sizeof(word)))
		script_ok_word(&ok, &trackers, word);
	ok.trackers = (struct my_text){ trackers.data, trackers.len };
	if (trackers.len > 0)
		ok.status |= MY_STATUS_STATE_CHANGED;
	ASSERT(my_ok_put(out, seq, &ok));
	str_fini(&trackers);
}

static inline void
script_put_eof(struct buf *out, uint8_t *seq, const char *words)
{
	struct my_ok ok = { .status = MY_STATUS_AUTOCOMMIT };
	struct str trackers = { 0 };
	char word[64];

	while (script_word(&words, word, sizeof(word)))
		script_ok_word(&ok, &trackers, word);
	if (trackers.len > 0)
		ok.status |= MY_STATUS_STATE_CHANGED;
	ASSERT(my_packet_put_eof(out, seq, ok.status, ok.warnings));
	str_fini(&trackers);
}

/* One packet of a server. */
static inline void
script_server_packet(struct buf *out, uint8_t *seq, const char *say)
{
	size_t len = strcspn(say, "|");
	struct str s = { 0 };
	const char *at = say;
	char word[64];

	ASSERT(script_word(&at, word, sizeof(word)));
	at += *at == ' ';
	len -= (size_t)(at - say);
	if (strcmp(word, "ok") == 0) {
		script_put_ok(out, seq, at, 0x00);
		return;
	}
	if (strcmp(word, "end") == 0) {
		script_put_ok(out, seq, at, 0xfe);
		return;
	}
	if (strcmp(word, "eof") == 0) {
		script_put_eof(out, seq, at);
		return;
	}
	if (strcmp(word, "err") == 0) {
		ASSERT(my_put_error(out, seq, (unsigned)atoi(at), "no"));
		return;
	}
	if (strcmp(word, "col") == 0) {
		my_put_text(&s, "def", 3);
	} else if (strcmp(word, "row") == 0) {
		my_put_text(&s, at, len);
	} else {
		ASSERT(strcmp(word, "raw") == 0);
		str_add(&s, at, len);
	}
	ASSERT(my_packet_flush(&s, out, seq));
}

/* One command of a client; its number is *seq if it says none. */
static inline void
script_client_packet(struct buf *out, const char *say)
{
	size_t len = strcspn(say, "|"), wanted;
	const char *text = len > 2 ? say + 2 : "";
	struct str s = { 0 };
	uint8_t seq = 0;

	if (say[0] == '@') {
		seq = (uint8_t)(say[1] - '0');
		say += 2;
		len -= 2;
		text += 2;
	}
	switch (say[0]) {
	case 'q':
		str_putc(&s, MY_COM_QUERY);
		str_add(&s, text, len - 2);
		break;
	case 'z':
		wanted = (size_t)atoi(text);
		text = strchr(text, ',') + 1;
		str_putc(&s, MY_COM_QUERY);
		str_add(&s, text, len - (size_t)(text - say));
		while (s.len <= wanted)
			str_putc(&s, ' ');
		break;
	case 'i':
		str_putc(&s, MY_COM_INIT_DB);
		str_add(&s, text, len - 2);
		break;
	case 'k':
		my_put_u8(&s, MY_COM_PROCESS_KILL);
		my_put_u32(&s, (uint32_t)atoi(text));
		break;
	case 'o':
		my_put_u8(&s, MY_COM_SET_OPTION);
		my_put_u16(&s, (uint16_t)atoi(text));
		break;
	case 'n':
		my_put_u8(&s, (uint8_t)atoi(text));
		break;
	case 'r':
		my_put_u8(&s, MY_COM_RESET_CONNECTION);
		break;
	case 'x':
		my_put_u8(&s, MY_COM_QUIT);
		break;
	default:
		ASSERT(say[0] == 'p');
		my_put_u8(&s, MY_COM_PING);
		break;
	}
	ASSERT(my_packet_flush(&s, out, &seq));
}

static inline void
script_say(struct drive *d, bool is_server, const char *say)
{
	struct str bytes = { 0 };
	struct buf out;
	uint8_t seq = 1;

	if (is_server ? d->is_server_over : d->is_over || d->front == NULL)
		return;
	buf_init(&out, &d->blocks);
	for (;;) {
		if (is_server)
			script_server_packet(&out, &seq, say);
		else
			script_client_packet(&out, say);
		say += strcspn(say, "|");
		if (*say == '\0')
			break;
		say++;
	}
	drive_drain(&out, &bytes);
	drive_feed(d, is_server ? &d->s_in : &d->c_in, str_text(&bytes),
		   bytes.len);
	str_fini(&bytes);
}

/* ---- showing ---- */

static inline void
script_show_answer(struct str *s, const uint8_t *p, size_t len)
{
	struct my_error e;
	struct my_ok ok;

	if (len > 0 && p[0] == 0xff && my_error_parse(&e, p, len)) {
		str_printf(s, "err%u", e.code);
	} else if (len == 5 && p[0] == 0xfe) {
		str_puts(s, "eof");
		if ((my_get_u16(p + 3) & MY_STATUS_AUTOCOMMIT) == 0)
			str_puts(s, ",manual");
	} else if (len > 6 && (p[0] == 0 || p[0] == 0xfe) &&
		   my_ok_parse(&ok, p, len)) {
		str_puts(s, p[0] == 0 ? "ok" : "end");
		if ((ok.status & MY_STATUS_IN_TRANS) != 0)
			str_puts(s, ",tx");
		if ((ok.status & MY_STATUS_AUTOCOMMIT) == 0)
			str_puts(s, ",manual");
		if (ok.insert_id != 0)
			str_printf(s, ",id=%u", (unsigned)ok.insert_id);
		if (ok.warnings != 0)
			str_printf(s, ",warn=%u", ok.warnings);
		if (ok.trackers.len > 0)
			str_puts(s, ",changes");
	} else {
		str_puts(s, "data");
	}
}

static inline void
script_show_command(struct str *s, const uint8_t *p, size_t len)
{
	static const char trackers[] = MY_STATE_TRACKERS;
	static const char blind[] = MY_STATE_TRACKERS_BLIND;
	const char *text = (const char *)p + 1;

	if (len == 0) {
		str_puts(s, "empty");
	} else if (p[0] == MY_COM_QUERY && len == sizeof(trackers) &&
		   memcmp(text, trackers, len - 1) == 0) {
		str_puts(s, "trackers");
	} else if (p[0] == MY_COM_QUERY && len == sizeof(blind) &&
		   memcmp(text, blind, len - 1) == 0) {
		str_puts(s, "blind");
	} else if (p[0] == MY_COM_QUERY) {
		while (len > 1 && p[len - 1] == ' ')
			len--;
		str_printf(s, "[%.*s]", (int)len - 1, text);
	} else if (p[0] == MY_COM_INIT_DB) {
		str_printf(s, "use:%.*s", (int)len - 1, text);
	} else if (p[0] == MY_COM_RESET_CONNECTION) {
		str_puts(s, "reset");
	} else if (p[0] == MY_COM_PING) {
		str_puts(s, "ping");
	} else {
		str_printf(s, "com%u", p[0]);
	}
}

static inline void
script_show(struct str *s, const struct str *bytes, bool is_answer)
{
	const uint8_t *p = (const uint8_t *)bytes->data;
	size_t at = 0, len;

	for (; bytes->len - at >= MY_HEADER; at += MY_HEADER + len) {
		len = my_get_u24(p + at);
		if (at > 0)
			str_putc(s, ' ');
		if (bytes->len - at < MY_HEADER + len) {
			str_puts(s, "half");
			return;
		}
		str_printf(s, "%u:", p[at + 3]);
		if (is_answer)
			script_show_answer(s, p + at + MY_HEADER, len);
		else
			script_show_command(s, p + at + MY_HEADER, len);
	}
	ASSERT(at == bytes->len);
}

/* ---- running ---- */

static inline void
script_learn_schema(const struct script *s, struct drive *d,
		    struct my_session *session)
{
	if (s->schema != NULL)
		ASSERT(my_session_learn_schema(
			       d->shared, session,
			       (struct my_text){ s->schema,
						 strlen(s->schema) }) ==
		       MY_CHANGE_DONE);
}

static inline void
script_client_comes(const struct script *s, struct drive *d)
{
	struct my_front *f = my_front_open();

	ASSERT(f != NULL);
	my_front_login_free(f->login);
	f->login = NULL;
	f->seq = 1;
	f->caps = d->back->caps;
	f->is_bare = s->schema == NULL;
	f->is_multi = true;
	f->status = f->start_status = MY_STATUS_AUTOCOMMIT;
	f->server = my_lexer_server("5.5.5-10.11.19-MariaDB");
	f->view.is_at_rest = true;
	d->front = f;
	script_learn_schema(s, d, &f->session);
	if (s->start[0] != NULL)
		drive_start_value(d, s->start[0], s->start[1]);
	my_session_copy(&f->start, &f->session);
}

/* What comes next finds it as it is then: no step is made. */
static inline void
script_refuse(struct drive *d, enum fail_scope scope, enum reason reason)
{
	struct refusal refusal = { .scope = scope, .reason = reason };

	if (d->is_over || d->front == NULL)
		return;
	if (scope == FAIL_CONNECTION) {
		drive_over(d, &refusal);
	} else if (d->is_waiting) {
		d->is_waiting = false;
		drive_refuse(d, &refusal);
	}
}

static inline void
script_move(const struct script *s, struct drive *d, const struct move *m)
{
	switch (m->who) {
	case CLIENT:
	case SERVER:
		script_say(d, m->who == SERVER, m->say);
		break;
	case GONE:
	case NEXT:
		if (d->front != NULL)
			drive_abandon(d);
		if (m->who == GONE)
			break;
		buf_clear(&d->c_in);
		d->is_over = false;
		script_client_comes(s, d);
		drive_pump(d);
		break;
	case LOST:
		d->is_server_over = true;
		break;
	case CANCELED:
		script_refuse(d, FAIL_STATEMENT, REASON_CANCELED);
		break;
	case REFUSED:
		script_refuse(d, FAIL_CONNECTION, REASON_KILLED);
		drive_pump(d);
		break;
	case WAITERS:
		d->has_waiters = !d->has_waiters;
		drive_pump(d);
		break;
	case BUSY:
		d->is_busy = !d->is_busy;
		drive_pump(d);
		break;
	case RELOAD:
		d->policy.id++;
		break;
	case NOBODY:
		break;
	}
}

static inline void
script_play(const struct script *s, struct drive *d, enum drive_cut cut,
	    unsigned seed)
{
	drive_init(d, s->mode, cut,
		   (s->has_eof ? 0 : MY_CLIENT_DEPRECATE_EOF) |
			   MY_CLIENT_SESSION_TRACK |
			   MY_CLIENT_MULTI_STATEMENTS);
	d->seed = seed;
	d->tells = true;
	d->around = fault.fails > 0 ? fault_around : NULL;
	d->policy.id = s->has_memo ? 1 : 0;
	memcpy(d->policy.on_state, s->on, sizeof(s->on));
	if (s->connect_query != NULL)
		d->policy.connect_query = s->connect_query;
	script_learn_schema(s, d, &d->back->session);
	my_front_close(d->front);
	script_client_comes(s, d);
	for (size_t i = 0; i < MOVES && s->moves[i].who != NOBODY; i++)
		script_move(s, d, &s->moves[i]);
}

static inline void
script_run(const struct script *s, enum drive_cut cut, unsigned seed)
{
	struct str client = { 0 }, server = { 0 };
	struct drive d;

	fault_begin(0);
	script_play(s, &d, cut, seed);
	script_show(&client, &d.to_client, true);
	script_show(&server, &d.to_server, false);
	if (strcmp(str_text(&client), s->to_client) != 0 ||
	    (s->to_server != NULL &&
	     strcmp(str_text(&server), s->to_server) != 0) ||
	    strcmp(str_text(&d.log), s->log) != 0)
		print_message("%s, cut %d, seed %u:\n client %s\n server %s\n "
			      "orders %s\n",
			      s->name, (int)cut, seed, str_text(&client),
			      str_text(&server), str_text(&d.log));
	assert_string_equal(str_text(&client), s->to_client);
	if (s->to_server != NULL)
		assert_string_equal(str_text(&server), s->to_server);
	assert_string_equal(str_text(&d.log), s->log);
	str_fini(&client);
	str_fini(&server);
	drive_fini(&d);
}

/* Is it the end of what is told, and an error that nobody else should get? */
static inline bool
script_is_own_error(const char *token, const char *wanted)
{
	char code[16];
	size_t len;

	token += strcspn(token, ":");
	len = strcspn(token, " ");
	if (strncmp(token, ":err", 4) != 0 || token[len] != '\0' ||
	    len >= sizeof(code))
		return false;
	memcpy(code, token, len + 1);
	/* The last one may come for want of those before. */
	wanted = strstr(wanted, code);
	return wanted == NULL || strcmp(wanted, code) == 0;
}

/* Is it what it should be, up to an error of carpool's own at the end? */
static inline bool
script_is_beginning(const char *got, const char *wanted)
{
	const char *all = wanted;

	while (*got != '\0') {
		size_t a = strcspn(got, " "), b = strcspn(wanted, " ");

		if (a != b || strncmp(got, wanted, a) != 0)
			return strcmp(got, "half") == 0 ||
			       script_is_own_error(got, all);
		got += a + (got[a] == ' ');
		wanted += b + (wanted[b] == ' ');
	}
	return true;
}

/* False: it was over before this allocation. */
static inline bool
script_run_without(const struct script *s, unsigned fails)
{
	struct str client = { 0 };
	long held = fault.held;
	struct drive d;
	bool is_right;

	fault_begin(fails);
	script_play(s, &d, DRIVE_WHOLE, 1);
	script_show(&client, &d.to_client, true);
	is_right = s->may_differ ||
		   script_is_beginning(str_text(&client), s->to_client);
	if (!is_right)
		print_message("%s, allocation %u failed: %s\n orders %s\n",
			      s->name, fails, str_text(&client),
			      str_text(&d.log));
	assert_true(is_right);
	str_fini(&client);
	drive_fini(&d);
	assert_int_equal(fault.held, held);
	return fault.seen >= fails;
}

/* The longest piece that is cut at each of its places. */
#define SCRIPT_CUTS 120u

static inline void
script_check(const struct script *s)
{
	unsigned n = 1;

	script_run(s, DRIVE_WHOLE, 1);
	script_run(s, DRIVE_BYTES, 1);
	for (unsigned seed = 1; seed <= 20; seed++)
		script_run(s, DRIVE_RANDOM, seed);
	for (unsigned at = 1; at < SCRIPT_CUTS; at++)
		script_run(s, DRIVE_ONCE, at);
	while (script_run_without(s, n))
		n++;
	assert_true(n < 10000);
}

#define SCRIPT_CHECK_ALL(scripts)                                              \
	do {                                                                   \
		for (size_t i_ = 0; i_ < COUNT_OF(scripts); i_++)              \
			script_check(&(scripts)[i_]);                          \
	} while (0)

#endif
