/*
 * Headers from strangers: every type, in every state, on both sides, with
 * lengths that are too short, at the limits, and beyond what fits in a signed
 * or unsigned number, of messages that never come.
 *
 * What must hold for each: a length that is not allowed ends the connection at
 * once with an error, any other is waited for; nothing is kept but the bytes
 * that came, and no step spins.  Whole, and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/scram.h"
#include "drive.h"
#include "postgres/pg_console.h"

#define PACKET_MAX 100000u  /* the policy's */
#define INSPECT_MAX 65536u  /* of what is read whole */
#define PASSWORD_MAX 65535u /* of a password */
#define SASL_MAX 2048u      /* of a SASL message */
#define STARTUP_MAX 10004u  /* of a startup packet, with its length */

/* Steps that five bytes may cost, one by one. */
#define STEPS_MAX 16u

static const uint32_t lengths[] = {
	0,
	1,
	2,
	3,
	4,
	5,
	SASL_MAX - 1,
	SASL_MAX,
	SASL_MAX + 1,
	PASSWORD_MAX - 1,
	PASSWORD_MAX,
	INSPECT_MAX,
	INSPECT_MAX + 1,
	PACKET_MAX - 1,
	PACKET_MAX,
	PACKET_MAX + 1,
	INT32_MAX,
	UINT32_C(0x80000000),
	UINT32_MAX,
};

/* Types that nobody has behave alike whatever the length. */
static bool
is_worth_it(unsigned type, uint32_t length)
{
	bool is_known = (type >= '1' && type <= '3') ||
			(type >= 'A' && type <= 'Z') ||
			(type >= 'a' && type <= 'z');

	return is_known || length == 3 || length == 4 || length == UINT32_MAX;
}

static const char *
name_case(const char *state, unsigned type, uint32_t length)
{
	static char text[100];

	(void)text_format(text, sizeof(text), "%s, type %u, length %u", state,
			  type, length);
	return text;
}

#define CHECK(what, state, type, length)                                       \
	do {                                                                   \
		if (!(what))                                                   \
			fail_msg("%s: %s", name_case(state, type, length),     \
				 #what);                                       \
	} while (0)

static void
make_header(uint8_t header[PG_HEADER], unsigned type, uint32_t length)
{
	header[0] = (uint8_t)type;
	for (unsigned i = 0; i < 4; i++)
		header[1 + i] = (uint8_t)(length >> (24 - 8 * i));
}

/* Has the word come up in the log? */
static bool
has_said(const struct drive *d, const char *word)
{
	return d->log.len > 0 && strstr(d->log.data, word) != NULL;
}

/* ------------------------------------------------------------------------
 * Clients that are logged in
 */

struct client_state {
	const char *name;
	enum pool_mode mode;
	const char *client; /* said by the client ... */
	const char *server; /* ... and by the server, before */
};

static const struct client_state client_states[] = {
	{ "at rest", POOL_TRANSACTION, "", "" },
	{ "in a transaction", POOL_TRANSACTION, "Q:begin", "C:BEGIN|Z:T" },
	{ "in a failed one", POOL_TRANSACTION, "Q:begin|Q:x",
	  "C:BEGIN|Z:T|E:ERROR:42601:no|Z:E" },
	{ "behind a query", POOL_TRANSACTION, "Q:sel", "" },
	{ "in a group", POOL_TRANSACTION, "P::a|B::", "" },
	{ "behind a failed message", POOL_TRANSACTION, "P::a|H",
	  "E:ERROR:42601:no" },
	{ "in COPY by Query", POOL_TRANSACTION, "Q:copy", "G" },
	{ "in COPY by Execute", POOL_TRANSACTION, "P::copy|B::|E:|S", "1|2|G" },
	{ "in COPY to the client", POOL_TRANSACTION, "Q:copy", "H|d:x" },
	{ "in a refused group", POOL_TRANSACTION, "P:name:a", "" },
	{ "in a session", POOL_SESSION, "P:name:a|S", "1|Z:I" },
};

enum verdict { WAITS, SHORT, LARGE, TOO_LARGE, UNKNOWN };

/* What the manual and our limits say of a client's header. */
static enum verdict
judge_client(unsigned type, uint32_t length)
{
	bool is_long = type != 0 && type < 128 && strchr("BFPQd", (int)type);

	if (type == 0 || type >= 128 || !strchr("BCDEFHPQSXcdf", (int)type))
		return UNKNOWN;
	if (length < 4)
		return SHORT;
	if (is_long)
		return length > PACKET_MAX ? TOO_LARGE : WAITS;
	return length > INSPECT_MAX ? LARGE : WAITS;
}

static void
check_client(const struct client_state *s, unsigned type, uint32_t length,
	     enum drive_cut cut)
{
	enum verdict v = judge_client(type, length);
	uint8_t header[PG_HEADER];
	struct drive d;
	size_t steps;

	drive_init(&d, s->mode, cut);
	d.policy.max_packet_bytes = PACKET_MAX;
	drive_client(&d, s->client);
	drive_server(&d, s->server);
	CHECK(!d.is_over && !d.is_server_over, s->name, type, length);
	str_fini(&d.log);
	steps = d.steps;
	d.is_strict = true;
	make_header(header, type, length);
	drive_feed(&d, &d.c_in, (char *)header, sizeof(header));
	CHECK(d.steps - steps <= STEPS_MAX, s->name, type, length);
	CHECK(d.c_in.len <= PG_HEADER, s->name, type, length);
	CHECK(d.blocks.used_blocks <= 4, s->name, type, length);
	CHECK(!d.is_server_over, s->name, type, length);
	if (v == WAITS)
		CHECK(!d.is_over || type == 'X', s->name, type, length);
	else if (v == TOO_LARGE)
		CHECK(has_said(&d, "client:packet_too_large"), s->name, type,
		      length);
	else
		CHECK(has_said(&d, "client:protocol_violation"), s->name, type,
		      length);
	CHECK((v == UNKNOWN) == has_said(&d, "invalid frontend message type"),
	      s->name, type, length);
	drive_fini(&d);
}

static void
clients_headers(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT_OF(client_states); s++)
		for (unsigned type = 0; type < 256; type++)
			for (size_t i = 0; i < COUNT_OF(lengths); i++)
				if (is_worth_it(type, lengths[i]))
					check_client(&client_states[s], type,
						     lengths[i],
						     type % 2 ? CUT_BYTES
							      : CUT_NONE);
}

/* Whole messages at the limit pass, and one byte more does not. */
static void
clients_messages_at_the_limit(void **state)
{
	static const char types[] = "BFPQd";
	static char body[PACKET_MAX];

	(void)state;
	memset(body, 'x', sizeof(body));
	for (const char *type = types; *type != '\0'; type++) {
		for (uint32_t n = PACKET_MAX - 1; n <= PACKET_MAX + 1; n++) {
			uint8_t header[PG_HEADER];
			struct drive d;

			drive_init(&d, POOL_SESSION, CUT_NONE);
			d.policy.max_packet_bytes = PACKET_MAX;
			drive_client(&d, "Q:copy");
			drive_server(&d, *type == 'd' ? "G" : "H|c|C:x|Z:T");
			str_fini(&d.to_server);
			body[0] = '\0';
			body[n - 5] = '\0';
			make_header(header, (uint8_t)*type, n);
			drive_feed(&d, &d.c_in, (char *)header, PG_HEADER);
			drive_feed(&d, &d.c_in, body, n - 4);
			CHECK(d.is_over == (n > PACKET_MAX), "whole",
			      (unsigned)*type, n);
			CHECK(n > PACKET_MAX || d.to_server.len == n + 1,
			      "whole", (unsigned)*type, n);
			body[n - 5] = 'x';
			drive_fini(&d);
		}
	}
}

/* ------------------------------------------------------------------------
 * Clients at the door
 */

struct door_state {
	const char *name;
	enum auth_method method;
	const char *before; /* what the client sent before, a message */
	size_t before_len;
	uint32_t max;
};

#define FIRST "n,,n=,r=abcdefghijkl"

static const struct door_state door_states[] = {
	{ "clear-text password", AUTH_PLAIN, "", 0, PASSWORD_MAX },
	{ "md5 password", AUTH_MD5, "", 0, PASSWORD_MAX },
	{ "first SASL message", AUTH_SCRAM, "", 0, SASL_MAX },
	{ "SASL without data", AUTH_SCRAM,
	  "p\0\0\0\26SCRAM-SHA-256\0\377\377\377\377", 23, SASL_MAX },
	{ "last SASL message", AUTH_SCRAM,
	  "p\0\0\0\52SCRAM-SHA-256\0\0\0\0\24" FIRST, 43, SASL_MAX },
};

/* Feeds the login, answers what it asks, and logs how it ends. */
static void
knock(struct drive *d, enum auth_method method, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t n; len > 0 && !d->is_over; p += n, len -= n) {
		struct answer a = { 0 };
		bool goes_on = true;

		n = d->cut == CUT_NONE ? len : 1;
		assert_true(buf_append(&d->c_in, p, n));
		while (goes_on) {
			struct turn t = drive_turn(d, false);
			struct order o;

			t.answer = a;
			o = pg_front_ops.step(&t);
			a = (struct answer){ 0 };
			d->steps++;
			goes_on = o.kind != ORDER_NEED_MORE;
			if (o.kind == ORDER_DISCARD) {
				assert_true(o.bytes <= d->c_in.len);
				buf_drop(&d->c_in, o.bytes);
			} else if (o.kind == ORDER_ROUTE) {
				a.kind = ANSWER_ROUTE;
			} else if (o.kind == ORDER_VERIFY) {
				a.kind = ANSWER_VERIFY;
				a.method = method;
				a.secret = method == AUTH_SCRAM ? NULL : "pw";
			} else if (o.kind == ORDER_NEED_MORE) {
				assert_true(o.bytes > d->c_in.len);
			} else {
				assert_int_equal(o.kind, ORDER_FAIL);
				drive_log(d, "%s", reason_info(o.reason)->name);
				d->is_over = true;
				goes_on = false;
			}
		}
	}
}

static void
open_door(struct drive *d, enum drive_cut cut)
{
	drive_init(d, POOL_TRANSACTION, cut);
	pg_front_ops.close(d->front);
	d->front = pg_front_ops.open();
	assert_non_null(d->front);
}

static void
check_door(const struct door_state *s, unsigned type, uint32_t length,
	   enum drive_cut cut)
{
	bool is_wrong = type != 'p' || length <= 4 || length > s->max;
	uint8_t header[PG_HEADER];
	struct drive d;
	size_t steps;

	open_door(&d, cut);
	knock(&d, s->method, "\0\0\0\22\0\3\0\0user\0joe\0", 18);
	knock(&d, s->method, s->before, s->before_len);
	CHECK(!d.is_over && d.c_in.len == 0, s->name, type, length);
	steps = d.steps;
	make_header(header, type, length);
	knock(&d, s->method, header, sizeof(header));
	CHECK(d.steps - steps <= STEPS_MAX, s->name, type, length);
	CHECK(d.is_over == is_wrong, s->name, type, length);
	CHECK(!is_wrong || has_said(&d, "protocol_violation"), s->name, type,
	      length);
	CHECK(d.c_in.len <= PG_HEADER && d.blocks.used_blocks <= 2, s->name,
	      type, length);
	drive_fini(&d);
}

static void
headers_at_the_door(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT_OF(door_states); s++)
		for (unsigned type = 0; type < 256; type++)
			for (size_t i = 0; i < COUNT_OF(lengths); i++)
				if (is_worth_it(type, lengths[i]))
					check_door(&door_states[s], type,
						   lengths[i],
						   type % 2 ? CUT_NONE
							    : CUT_BYTES);
}

/* The first packet has no type. */
static void
startup_lengths(void **state)
{
	static const uint32_t more[] = { 6,     7,     8,     9,     9999,
					 10000, 10001, 10003, 10004, 10005 };

	(void)state;
	for (size_t i = 0; i < 2 * (COUNT_OF(lengths) + COUNT_OF(more)); i++) {
		size_t k = i / 2;
		uint32_t n = k < COUNT_OF(lengths)
				     ? lengths[k]
				     : more[k - COUNT_OF(lengths)];
		uint8_t header[PG_HEADER];
		struct drive d;

		open_door(&d, (enum drive_cut)(i % 2));
		make_header(header, 0, n);
		knock(&d, AUTH_TRUST, header + 1, 4);
		CHECK(d.is_over == (n < 8 || n > STARTUP_MAX), "startup", 0, n);
		CHECK(d.steps <= 4, "startup", 0, n);
		drive_fini(&d);
	}
}

/* ------------------------------------------------------------------------
 * Servers
 */

struct server_state {
	const char *name;
	const char *client, *server;
	enum { STAYS, LEAVES } client_fate;
};

static const struct server_state server_states[] = {
	{ "idle", "Q:sel", "C:SELECT|Z:I", STAYS },
	{ "behind a query", "Q:sel", "", STAYS },
	{ "in a result", "Q:sel", "T|D:x", STAYS },
	{ "in a transaction", "Q:begin", "C:BEGIN|Z:T", STAYS },
	{ "behind a group", "P::a|B::|DP:|E:|S", "", STAYS },
	{ "behind an error", "P::a|B::|E:|S", "1|E:ERROR:42601:no", STAYS },
	{ "in COPY from the client", "Q:copy", "G", STAYS },
	{ "in COPY to the client", "Q:copy", "H|d:x", STAYS },
	{ "left in a query", "Q:sel", "T", LEAVES },
	{ "left in a transaction", "Q:begin", "C:BEGIN|Z:T", LEAVES },
};

static bool
is_server_type(unsigned type)
{
	return type != 0 && type < 128 &&
	       strchr("123ACDEGHINSTVZcdnst", (int)type) != NULL;
}

static void
check_server(const struct server_state *s, unsigned type, uint32_t length,
	     enum drive_cut cut)
{
	bool is_wrong =
		length < 4 || length > INT32_MAX || !is_server_type(type);
	uint8_t header[PG_HEADER];
	struct drive d;
	size_t steps;

	drive_init(&d, POOL_TRANSACTION, cut);
	drive_client(&d, s->client);
	drive_server(&d, s->server);
	if (s->client_fate == LEAVES)
		drive_abandon(&d);
	CHECK(!d.is_server_over, s->name, type, length);
	str_fini(&d.log);
	steps = d.steps;
	d.is_strict = true;
	make_header(header, type, length);
	drive_feed(&d, &d.s_in, (char *)header, sizeof(header));
	CHECK(d.steps - steps <= STEPS_MAX, s->name, type, length);
	CHECK(d.s_in.len <= PG_HEADER && d.blocks.used_blocks <= 4, s->name,
	      type, length);
	CHECK(!is_wrong || d.is_server_over, s->name, type, length);
	CHECK(d.is_server_over == has_said(&d, "server:server_protocol"),
	      s->name, type, length);
	drive_fini(&d);
}

static void
servers_headers(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT_OF(server_states); s++)
		for (unsigned type = 0; type < 256; type++)
			for (size_t i = 0; i < COUNT_OF(lengths); i++)
				if (is_worth_it(type, lengths[i]))
					check_server(&server_states[s], type,
						     lengths[i],
						     type % 2 ? CUT_BYTES
							      : CUT_NONE);
}

/* ---- at their login ---- */

struct login_state {
	const char *name;
	const char *before;
	size_t before_len;
	const char *connect_query;
};

#define REQUEST_OK "R\0\0\0\10\0\0\0\0"
#define REQUEST_SASL "R\0\0\0\27\0\0\0\12SCRAM-SHA-256\0\0"

static const struct login_state login_states[] = {
	{ "authentication", "", 0, "" },
	{ "SASL challenge", REQUEST_SASL, sizeof(REQUEST_SASL) - 1, "" },
	{ "parameters", REQUEST_OK, sizeof(REQUEST_OK) - 1, "" },
	{ "connect_query", REQUEST_OK "Z\0\0\0\5I", sizeof(REQUEST_OK) + 5,
	  "select 1" },
};

static void
check_login(const struct login_state *s, unsigned type, uint32_t length,
	    enum drive_cut cut)
{
	static const uint8_t key[SCRAM_KEY_BYTES] = { 1 };
	struct credential cred = { .user = "u", .secret = "" };
	bool is_wrong = length < 4 || length > INSPECT_MAX;
	uint8_t header[PG_HEADER];
	struct drive d;
	size_t steps;

	cred.client_key = cred.server_key = key;
	drive_init(&d, POOL_TRANSACTION, cut);
	d.has_client = false;
	d.policy.connect_query = s->connect_query;
	pg_back_ops.close(d.back);
	d.back = pg_back_ops.open(&cred, "db", (struct startup_words){ 0 },
				  &d.policy);
	assert_non_null(d.back);
	drive_pump(&d);
	drive_feed(&d, &d.s_in, s->before, s->before_len);
	CHECK(!d.is_server_over && d.s_in.len == 0, s->name, type, length);
	steps = d.steps;
	d.is_strict = true;
	make_header(header, type, length);
	drive_feed(&d, &d.s_in, (char *)header, sizeof(header));
	CHECK(d.steps - steps <= STEPS_MAX, s->name, type, length);
	CHECK(d.s_in.len <= PG_HEADER && d.blocks.used_blocks <= 2, s->name,
	      type, length);
	CHECK(!is_wrong || has_said(&d, "server:server_protocol"), s->name,
	      type, length);
	/* A whole message without a body is no login's end. */
	CHECK(!has_said(&d, "ready"), s->name, type, length);
	CHECK(is_wrong || length == 4 || !d.is_server_over, s->name, type,
	      length);
	drive_fini(&d);
}

static void
headers_at_the_servers_login(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT_OF(login_states); s++)
		for (unsigned type = 0; type < 256; type++)
			for (size_t i = 0; i < COUNT_OF(lengths); i++)
				if (is_worth_it(type, lengths[i]))
					check_login(&login_states[s], type,
						    lengths[i],
						    type % 2 ? CUT_BYTES
							     : CUT_NONE);
}

/* ------------------------------------------------------------------------
 * Reports without end
 */

/* Reports of ever new settings, with names and values of that many bytes. */
static void
report_more(struct drive *d, unsigned first, unsigned count, unsigned size)
{
	static char text[PG_WHOLE_MAX];
	struct str s = { 0 };
	size_t mark;

	ASSERT(size < sizeof(text));
	memset(text, 'x', size);
	text[size] = '\0';
	for (unsigned i = first; i < first + count; i++) {
		mark = pg_put_begin(&s, 'S');
		str_printf(&s, "setting_%u", i);
		str_putc(&s, '\0');
		pg_put_text(&s, text);
		pg_put_end(&s, mark);
	}
	drive_feed(d, &d->s_in, s.data, s.len);
	str_fini(&s);
}

/* A server has some dozens of settings; one that reports thousands is ended,
 * before and after its login, and one that repeats itself is not. */
static void
reports_are_bounded(void **state)
{
	(void)state;
	for (unsigned size = 0; size <= 4000; size += 800) {
		struct credential cred = { .user = "u", .secret = "" };
		struct drive d;

		drive_init(&d, POOL_TRANSACTION, CUT_NONE);
		drive_client(&d, "Q:sel");
		for (unsigned i = 0; i < 2000; i++)
			report_more(&d, 1, 1, size);
		assert_false(d.is_server_over);
		report_more(&d, 1, 3000, size);
		assert_true(has_said(&d, "server:server_protocol"));
		assert_true(
			pg_params_size(((struct pg_back *)d.back)->params) <=
			PG_PARAMS_MAX);
		drive_fini(&d);

		drive_init(&d, POOL_TRANSACTION, CUT_NONE);
		d.has_client = false;
		pg_back_ops.close(d.back);
		d.back = pg_back_ops.open(
			&cred, "db", (struct startup_words){ 0 }, &d.policy);
		drive_server(&d, "R:0");
		report_more(&d, 1, 3, size);
		assert_false(d.is_server_over);
		report_more(&d, 1, 3000, size);
		assert_true(has_said(&d, "server:server_protocol"));
		assert_true(
			pg_params_size(((struct pg_back *)d.back)->params) <=
			PG_PARAMS_MAX);
		drive_fini(&d);
	}
}

/* ------------------------------------------------------------------------
 * The console
 */

static void
check_console(unsigned type, uint32_t length)
{
	struct drive d;
	struct pg_front *f;
	uint8_t header[PG_HEADER];
	struct turn t;
	struct order o;

	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	f = d.front;
	f->console = pg_console_new();
	assert_non_null(f->console);
	make_header(header, type, length);
	for (unsigned i = 0; i < PG_HEADER; i++) {
		assert_true(buf_append(&d.c_in, header + i, 1));
		t = drive_turn(&d, false);
		o = pg_front_ops.step(&t);
		CHECK(i + 1 == PG_HEADER || (o.kind == ORDER_NEED_MORE &&
					     o.bytes == PG_HEADER),
		      "console", type, length);
	}
	CHECK((o.kind == ORDER_FAIL && o.reason == REASON_PACKET_TOO_LARGE) ==
		      (length > INSPECT_MAX),
	      "console", type, length);
	CHECK(length >= 4 ||
		      (o.kind == ORDER_FAIL && o.reason == REASON_PROTOCOL),
	      "console", type, length);
	CHECK((length > 4 && length <= INSPECT_MAX) ==
		      (o.kind == ORDER_NEED_MORE),
	      "console", type, length);
	drive_fini(&d);
}

static void
headers_at_the_console(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++)
		for (size_t i = 0; i < COUNT_OF(lengths); i++)
			check_console(type, lengths[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_headers),
		cmocka_unit_test(clients_messages_at_the_limit),
		cmocka_unit_test(headers_at_the_door),
		cmocka_unit_test(startup_lengths),
		cmocka_unit_test(servers_headers),
		cmocka_unit_test(headers_at_the_servers_login),
		cmocka_unit_test(reports_are_bounded),
		cmocka_unit_test(headers_at_the_console),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
