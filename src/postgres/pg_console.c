/*
 * The console's side of the protocol: commands by simple Query, or by Parse,
 * Bind, Describe and Execute for drivers that know nothing else.
 *
 * Each command becomes one QUERY order that consumes nothing; when the answer
 * was written (pg_rows.c) the message is dropped.  There are no transactions
 * and no parameters.  Owns the console's state.
 */
#include "pg_console.h"

#include <string.h>

#include "base/mem.h"

#define MESSAGE_MAX PG_INSPECT_MAX
/* Named statements, and portals, that one client may keep. */
#define KEPT_MAX 64u

static void
portal_free(struct console_portal *p)
{
	if (p == NULL)
		return;
	mem_free(p->text);
	mem_free(p);
}

struct pg_console *
pg_console_new(void)
{
	struct pg_console *c = mem_zalloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	c->statements = map_new();
	c->portals = map_new();
	if (c->statements == NULL || c->portals == NULL) {
		pg_console_free(c);
		return NULL;
	}
	return c;
}

void
pg_console_free(struct pg_console *c)
{
	size_t at = 0;
	void *p;

	if (c == NULL)
		return;
	while (c->statements != NULL &&
	       (p = map_next(c->statements, &at, NULL, NULL)) != NULL)
		mem_free(p);
	at = 0;
	while (c->portals != NULL &&
	       (p = map_next(c->portals, &at, NULL, NULL)) != NULL)
		portal_free(p);
	map_free(c->statements);
	map_free(c->portals);
	mem_free(c->query);
	mem_free(c);
}

/* ------------------------------------------------------------------------
 * Answers of our own
 */

static struct order
no_memory(void)
{
	return order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
}

static struct order
done(struct turn *t, struct str *s, size_t total)
{
	return pg_put_flush(s, t->out) ? order_bytes(ORDER_DISCARD, total)
				       : no_memory();
}

/* A message with nothing in it but its type, for the one that is dropped. */
static struct order
reply(struct turn *t, char type, size_t total)
{
	struct str s = { 0 };

	pg_put_end(&s, pg_put_begin(&s, type));
	return done(t, &s, total);
}

static struct order
ready(struct turn *t, size_t total)
{
	return pg_append_ready(t->out) ? order_bytes(ORDER_DISCARD, total)
				       : no_memory();
}

/* An error in an extended group: the rest of it is dropped. */
static struct order
refuse(struct pg_console *c, struct turn *t, size_t total, const char *state,
       const char *text)
{
	struct str s = { 0 };

	c->is_skipping = true;
	pg_put_error(&s, &(struct pg_error_words){ .sqlstate = state,
						   .text = text });
	return done(t, &s, total);
}

/* ------------------------------------------------------------------------
 * Messages
 */

static struct order
ask(struct pg_console *c, enum console_wait wait, size_t total,
    const char *text)
{
	struct order o = order_plain(ORDER_QUERY);

	c->wait = wait;
	c->total = total;
	c->is_begun = c->has_failed = false;
	o.query.text = text;
	o.query.describe_only = wait == CONSOLE_DESCRIBE_STATEMENT ||
				wait == CONSOLE_DESCRIBE_PORTAL;
	return o;
}

static bool
is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n\f\v;")] == '\0';
}

static struct order
on_query(struct pg_console *c, struct turn *t, struct pg_body *b, size_t total)
{
	const char *text = pg_body_text(b);
	struct str s = { 0 };

	if (text == NULL)
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	if (is_blank(text)) {
		pg_put_end(&s, pg_put_begin(&s, 'I'));
		if (!pg_put_flush(&s, t->out))
			return no_memory();
		return ready(t, total);
	}
	mem_free(c->query);
	c->query = mem_strdup(text);
	if (c->query == NULL)
		return no_memory();
	c->portal = NULL;
	return ask(c, CONSOLE_QUERY, total, c->query);
}

static struct order
on_parse(struct pg_console *c, struct turn *t, struct pg_body *b, size_t total)
{
	const char *name = pg_body_text(b);
	const char *text = name == NULL ? NULL : pg_body_text(b);
	char *copy, *old;

	if (text == NULL)
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	if (name[0] != '\0' &&
	    map_find(c->statements, name, strlen(name)) != NULL)
		return refuse(c, t, total, "42P05",
			      "prepared statement already exists");
	if (name[0] != '\0' && map_count(c->statements) >= KEPT_MAX)
		return refuse(c, t, total, "53400",
			      "too many prepared statements on the console");
	copy = mem_strdup(text);
	if (copy == NULL)
		return no_memory();
	old = map_remove(c->statements, name, strlen(name));
	mem_free(old);
	if (!map_put(c->statements, name, strlen(name), copy)) {
		mem_free(copy);
		return no_memory();
	}
	return reply(t, '1', total);
}

/* The result formats at the end of a Bind; false: malformed. */
static bool
read_formats(struct console_portal *p, struct pg_body *b)
{
	const uint8_t *n = pg_body_bytes(b, 2);

	if (n == NULL || pg_get_u16(n) > CONSOLE_FORMATS)
		return false;
	p->format_count = pg_get_u16(n);
	for (size_t i = 0; i < p->format_count; i++) {
		n = pg_body_bytes(b, 2);
		if (n == NULL || pg_get_u16(n) > 1)
			return false;
		p->formats[i] = pg_get_u16(n);
	}
	return b->left == 0;
}

/* Parameter formats and values: there are none to be given. */
static bool
has_no_parameters(struct pg_body *b)
{
	const uint8_t *n = pg_body_bytes(b, 2);

	if (n == NULL || pg_body_bytes(b, (size_t)pg_get_u16(n) * 2) == NULL)
		return false;
	n = pg_body_bytes(b, 2);
	return n != NULL && pg_get_u16(n) == 0;
}

static struct order
on_bind(struct pg_console *c, struct turn *t, struct pg_body *b, size_t total)
{
	const char *name = pg_body_text(b);
	const char *statement = name == NULL ? NULL : pg_body_text(b);
	struct console_portal *p;
	const char *text;

	if (statement == NULL)
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	text = map_find(c->statements, statement, strlen(statement));
	if (text == NULL)
		return refuse(c, t, total, "26000",
			      "prepared statement does not exist");
	if (!has_no_parameters(b))
		return refuse(c, t, total, "08P01",
			      "console commands take no parameters");
	if (name[0] != '\0' && map_count(c->portals) >= KEPT_MAX &&
	    map_find(c->portals, name, strlen(name)) == NULL)
		return refuse(c, t, total, "53400",
			      "too many portals on the console");
	p = mem_zalloc(sizeof(*p));
	if (p == NULL || (p->text = mem_strdup(text)) == NULL) {
		mem_free(p);
		return no_memory();
	}
	if (!read_formats(p, b)) {
		portal_free(p);
		return refuse(c, t, total, "08P01", "malformed Bind message");
	}
	portal_free(map_remove(c->portals, name, strlen(name)));
	if (!map_put(c->portals, name, strlen(name), p)) {
		portal_free(p);
		return no_memory();
	}
	return reply(t, '2', total);
}

static struct order
on_describe(struct pg_console *c, struct turn *t, struct pg_body *b,
	    size_t total)
{
	const uint8_t *kind = pg_body_bytes(b, 1);
	const char *name = kind == NULL ? NULL : pg_body_text(b);
	const char *text;

	if (name == NULL)
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	if (*kind == 'S') {
		text = map_find(c->statements, name, strlen(name));
		c->portal = NULL;
		if (text == NULL)
			return refuse(c, t, total, "26000",
				      "prepared statement does not exist");
		return ask(c, CONSOLE_DESCRIBE_STATEMENT, total, text);
	}
	c->portal = map_find(c->portals, name, strlen(name));
	if (c->portal == NULL)
		return refuse(c, t, total, "34000", "portal does not exist");
	return ask(c, CONSOLE_DESCRIBE_PORTAL, total, c->portal->text);
}

static struct order
on_execute(struct pg_console *c, struct turn *t, struct pg_body *b,
	   size_t total)
{
	const char *name = pg_body_text(b);

	if (name == NULL)
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	c->portal = map_find(c->portals, name, strlen(name));
	if (c->portal == NULL)
		return refuse(c, t, total, "34000", "portal does not exist");
	if (is_blank(c->portal->text))
		return reply(t, 'I', total);
	return ask(c, CONSOLE_EXECUTE, total, c->portal->text);
}

static struct order
on_close(struct pg_console *c, struct turn *t, struct pg_body *b, size_t total)
{
	const uint8_t *kind = pg_body_bytes(b, 1);
	const char *name = kind == NULL ? NULL : pg_body_text(b);

	if (name == NULL)
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	if (*kind == 'S')
		mem_free(map_remove(c->statements, name, strlen(name)));
	else
		portal_free(map_remove(c->portals, name, strlen(name)));
	return reply(t, '3', total);
}

/* ------------------------------------------------------------------------
 * Steps
 */

static struct order
on_message(struct pg_front *f, struct turn *t, uint8_t type, struct pg_body *b,
	   size_t total)
{
	struct pg_console *c = f->console;

	if (type == 'X')
		return order_plain(ORDER_CLOSE);
	if (type == 'S') {
		c->is_skipping = false;
		f->view.is_at_rest = true;
		return ready(t, total);
	}
	if (c->is_skipping || type == 'H' || type == 'd' || type == 'c' ||
	    type == 'f')
		return order_bytes(ORDER_DISCARD, total);
	if (type == 'Q')
		return on_query(c, t, b, total);
	f->view.is_at_rest = false;
	switch (type) {
	case 'P':
		return on_parse(c, t, b, total);
	case 'B':
		return on_bind(c, t, b, total);
	case 'D':
		return on_describe(c, t, b, total);
	case 'E':
		return on_execute(c, t, b, total);
	case 'C':
		return on_close(c, t, b, total);
	default:
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	}
}

/* The answer is written: the message that asked for it is dropped. */
static struct order
on_rows(struct pg_console *c, struct turn *t)
{
	enum console_wait wait = c->wait;

	c->wait = CONSOLE_NOTHING;
	if (wait == CONSOLE_QUERY)
		return ready(t, c->total);
	if (c->has_failed)
		c->is_skipping = true;
	return order_bytes(ORDER_DISCARD, c->total);
}

struct order
pg_console_step(struct pg_front *f, struct turn *t)
{
	struct pg_console *c = f->console;
	struct pg_scan scan = pg_scan(t->in);
	struct pg_frame frame;
	struct pg_body b;
	struct order o;
	uint8_t *body;

	if (c->wait != CONSOLE_NOTHING)
		return t->answer.kind == ANSWER_ROWS ? on_rows(c, t)
						     : order_plain(ORDER_WAIT);
	switch (pg_frame_peek(&scan, 0, MESSAGE_MAX, &frame)) {
	case PG_FRAME_PARTIAL:
		return order_bytes(ORDER_NEED_MORE, PG_HEADER);
	case PG_FRAME_SHORT:
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	case PG_FRAME_LARGE:
		return order_fail(FAIL_CONNECTION, REASON_PACKET_TOO_LARGE);
	case PG_FRAME_OK:
		break;
	}
	if (!pg_frame_is_whole(&scan, &frame))
		return order_bytes(ORDER_NEED_MORE, frame.total);
	b.left = frame.total - PG_HEADER;
	body = mem_zalloc(b.left + 1);
	if (body == NULL)
		return no_memory();
	buf_copy_out(t->in, PG_HEADER, body, b.left);
	b.at = body;
	o = on_message(f, t, frame.type, &b, frame.total);
	mem_free(body);
	return o;
}
