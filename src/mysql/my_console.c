/*
 * The console's side of the protocol: commands by COM_QUERY.
 *
 * What clients send by themselves when they connect is answered here
 * (my_asked.c).  Any other text becomes one QUERY order that consumes nothing;
 * when the answer was written (my_rows.c) the packet is dropped.  There are no
 * transactions and no prepared statements.  Owns the console's state.
 */
#include "my_console.h"

#include <string.h>

#include "base/mem.h"
#include "my_asked.h"
#include "my_error.h"

/* The longest packet, as long as the longest message on the other console. */
#define TEXT_MAX 65536u

#define MY_ER_EMPTY_QUERY 1065u
#define MY_ER_UNSUPPORTED_PS 1295u

struct my_console *
my_console_new(void)
{
	return mem_zalloc(sizeof(struct my_console));
}

void
my_console_free(struct my_console *c)
{
	if (c == NULL)
		return;
	mem_free(c->query);
	mem_free(c);
}

static struct order
no_memory(void)
{
	return order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
}

static struct order
done(bool is_put, size_t total)
{
	return is_put ? order_bytes(ORDER_DISCARD, total) : no_memory();
}

static struct order
answer_ok(struct my_front *f, struct turn *t, size_t total)
{
	struct my_ok ok = { .status = MY_STATUS_AUTOCOMMIT };

	return done(my_ok_put(t->out, &f->seq, &ok), total);
}

static struct order
answer_error(struct my_front *f, struct turn *t, size_t total, unsigned code,
	     const char *text)
{
	return done(my_put_error(t->out, &f->seq, code, text), total);
}

/* ---- commands ---- */

static bool
is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n\f\v;")] == '\0';
}

/* False: the text is for the console. */
static bool
on_asked(struct my_front *f, struct turn *t, const char *text, size_t total,
	 struct order *o)
{
	struct my_asked asked;
	enum my_asked_result result = my_asked_answer(&asked, text);
	bool is_begun = false;
	size_t next = 0;

	if (result == MY_ASKED_DONE)
		*o = done(my_rows_put(f, t->out, asked.rows, &is_begun, &next,
				      SIZE_MAX) == ROWS_DONE,
			  total);
	else
		*o = no_memory();
	my_asked_fini(&asked);
	return result != MY_ASKED_NOT;
}

static struct order
on_query(struct my_front *f, struct turn *t, const char *text, size_t total)
{
	struct my_console *c = f->console;
	struct order o;

	if (is_blank(text))
		return answer_error(f, t, total, MY_ER_EMPTY_QUERY,
				    "Query was empty");
	if (on_asked(f, t, text, total, &o))
		return o;
	mem_free(c->query);
	c->query = mem_strdup(text);
	if (c->query == NULL)
		return no_memory();
	c->total = total;
	c->is_begun = false;
	o = order_plain(ORDER_QUERY);
	o.query.text = c->query;
	return o;
}

static struct order
on_schema(struct my_front *f, struct turn *t, const char *name, size_t total)
{
	if (strcmp(name, "carpool") == 0 || strcmp(name, "pgbouncer") == 0)
		return answer_ok(f, t, total);
	return answer_error(f, t, total, MY_ER_BAD_DB,
			    "Unknown database: this is the console, connect "
			    "anew for another");
}

static struct order
on_statistics(struct my_front *f, struct turn *t, size_t total)
{
	static const char text[] = "carpool console";

	return done(my_packet_put(t->out, &f->seq, text, sizeof(text) - 1),
		    total);
}

/* A whole command: its byte, and the rest as a text. */
static struct order
on_command(struct my_front *f, struct turn *t, uint8_t command,
	   const char *text, size_t total)
{
	switch (command) {
	case MY_COM_QUIT:
		return order_plain(ORDER_CLOSE);
	case MY_COM_QUERY:
		return on_query(f, t, text, total);
	case MY_COM_INIT_DB:
		return on_schema(f, t, text, total);
	case MY_COM_PING:
	case MY_COM_RESET_CONNECTION:
		return answer_ok(f, t, total);
	case MY_COM_SET_OPTION:
		return done(my_end_put(t->out, &f->seq, f->caps,
				       MY_STATUS_AUTOCOMMIT, 0),
			    total);
	case MY_COM_STATISTICS:
		return on_statistics(f, t, total);
	case MY_COM_STMT_CLOSE:
	case MY_COM_STMT_SEND_LONG_DATA:
		return order_bytes(ORDER_DISCARD, total);
	case MY_COM_STMT_PREPARE:
		return answer_error(f, t, total, MY_ER_UNSUPPORTED_PS,
				    "The console has no prepared statements: "
				    "send the command as a text");
	default:
		return answer_error(f, t, total, MY_ER_UNKNOWN_COM,
				    "The console does not know this command");
	}
}

/* ---- steps ---- */

/* The packet is all there. */
static struct order
on_packet(struct my_front *f, struct turn *t, const struct my_head *head)
{
	size_t total = MY_HEADER + (size_t)head->len;
	char *payload = mem_zalloc(head->len + (size_t)1);
	struct order o;

	if (payload == NULL)
		return no_memory();
	buf_copy_out(t->in, MY_HEADER, payload, head->len);
	if (memchr(payload + 1, '\0', head->len - 1) != NULL &&
	    (payload[0] == MY_COM_QUERY || payload[0] == MY_COM_INIT_DB))
		o = answer_error(f, t, total, MY_ER_PARSE,
				 "There is a zero byte in the text");
	else
		o = on_command(f, t, (uint8_t)payload[0], payload + 1, total);
	mem_free(payload);
	return o;
}

/* The answer is written: the packet that asked for it is dropped. */
static struct order
on_rows(struct my_console *c)
{
	size_t total = c->total;

	c->total = 0;
	mem_free(c->query);
	c->query = NULL;
	return order_bytes(ORDER_DISCARD, total);
}

struct order
my_console_step(struct my_front *f, struct turn *t)
{
	struct my_console *c = f->console;
	struct my_head head;

	if (c->total > 0)
		return t->answer.kind == ANSWER_ROWS ? on_rows(c)
						     : order_plain(ORDER_WAIT);
	if (!my_head_peek(t->in, 0, &head))
		return order_bytes(ORDER_NEED_MORE, MY_HEADER);
	f->seq = (uint8_t)(head.seq + 1);
	if (head.len == 0 || head.seq != 0)
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	if (head.len > TEXT_MAX)
		return order_fail(FAIL_CONNECTION, REASON_PACKET_TOO_LARGE);
	if (!my_packet_is_in(t->in, 0, &head))
		return order_bytes(ORDER_NEED_MORE,
				   MY_HEADER + (size_t)head.len);
	return on_packet(f, t, &head);
}
