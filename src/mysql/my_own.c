/*
 * See my_own.h.  MySQL Internals, "Command Phase"; MariaDB, "KILL".
 */
#include "my_own.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "my_caps.h"
#include "my_error.h"
#include "my_front_login.h"
#include "my_greeting.h"
#include "my_prepared.h"
#include "my_response.h"
#include "my_results.h"

#define OPTION_MULTI_ON 0u
#define OPTION_MULTI_OFF 1u

static struct order
no_memory(void)
{
	return order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
}

static struct order
answer_error(struct my_front *f, struct turn *t, const struct my_head *head,
	     unsigned code, const char *text)
{
	f->seq = (uint8_t)(head->seq + 1);
	return my_put_error(t->out, &f->seq, code, text)
		       ? my_front_drop(f, head)
		       : no_memory();
}

static struct order
answer_ok(struct my_front *f, struct turn *t, const struct my_head *head)
{
	struct my_ok ok = { .status = f->status };

	f->seq = (uint8_t)(head->seq + 1);
	return my_ok_put(t->out, &f->seq, &ok) ? my_front_drop(f, head)
					       : no_memory();
}

/* The payload behind its first byte, with a NUL; NULL: out of memory. */
static uint8_t *
copy_text(const struct turn *t, const struct my_head *head)
{
	uint8_t *text = mem_zalloc(head->len);

	if (text != NULL)
		buf_copy_out(t->in, MY_HEADER + 1, text, head->len - 1u);
	return text;
}

/* ---- KILL ---- */

struct order
my_own_kill(struct my_front *f, struct turn *t, const struct my_head *head,
	    struct my_kill kill)
{
	struct order o = order_plain(ORDER_CANCEL);

	if (kill.kind == MY_KILL_OTHER || kill.id > UINT32_MAX)
		return answer_error(f, t, head, MY_ER_NO_SUCH_THREAD,
				    "Unknown thread id: say a number");
	my_set_u32(f->kill_key, (uint32_t)kill.id);
	f->is_asking = true;
	o.cancel.key = f->kill_key;
	o.cancel.len = sizeof(f->kill_key);
	if (kill.kind == MY_KILL_CONNECTION)
		o.cancel.what = CANCEL_CONNECTION;
	return o;
}

struct order
my_own_kill_text(struct my_front *f, struct turn *t, const struct my_head *head,
		 uint64_t flags)
{
	uint8_t *text;
	struct my_kill kill;

	/* A server would take the number for one of its own. */
	if ((flags & MY_SQL_SEVERAL) != 0)
		return answer_error(f, t, head, MY_ER_NOT_SUPPORTED,
				    "KILL must stand alone, not among other "
				    "statements");
	text = copy_text(t, head);
	if (text == NULL)
		return no_memory();
	kill = my_classify_kill(text, head->len - 1u, my_front_reads(f));
	mem_free(text);
	return my_own_kill(f, t, head, kill);
}

struct order
my_own_killed(struct my_front *f, struct turn *t)
{
	bool is_denied = t->answer.reason == REASON_CONSOLE_DENIED;
	struct my_head head;
	char text[60];

	f->is_asking = false;
	if (!my_head_peek(t->in, 0, &head))
		return order_fail(FAIL_CONNECTION, REASON_INTERNAL);
	if (t->answer.reason == REASON_NONE)
		return answer_ok(f, t, &head);
	(void)text_format(text, sizeof(text),
			  is_denied ? "You are not owner of thread %u"
				    : "Unknown thread id: %u",
			  my_get_u32(f->kill_key));
	return answer_error(
		f, t, &head,
		is_denied ? MY_ER_KILL_DENIED : MY_ER_NO_SUCH_THREAD, text);
}

/* ---- CONNECTION_ID() ---- */

#define TYPE_LONGLONG 8u
#define BINARY 63u
#define ID_WIDTH 10u
#define ID_FLAGS 0xa1u /* not null, unsigned, binary */

static const char *
skip_blanks(const char *at)
{
	return at + strspn(at, " \t\r\n\f\v");
}

/* Behind this word, or NULL. */
static const char *
skip_word(const char *at, const char *word)
{
	size_t len = strlen(word);

	return strncasecmp(at, word, len) == 0 ? at + len : NULL;
}

/* The name behind the call, or the call itself; what stands between them is the
 * server's business: false. */
static bool
read_name(const char *call, const char *end, struct my_text *name)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyz_0123456789"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *at = skip_blanks(end), *as = skip_word(at, "as");

	*name = (struct my_text){ call, (size_t)(end - call) };
	if (as != NULL && skip_blanks(as) > as)
		at = skip_blanks(as);
	if (*at == '`') {
		*name = (struct my_text){ at + 1, strcspn(at + 1, "`") };
		at += 1 + name->len;
		if (*at++ != '`' || name->len == 0)
			return false;
	} else if (strspn(at, word) > 0) {
		*name = (struct my_text){ at, strspn(at, word) };
		at += name->len;
	}
	at = skip_blanks(at);
	if (*at == ';')
		at = skip_blanks(at + 1);
	return *at == '\0';
}

/* SELECT CONNECTION_ID(), with a name or without. */
static bool
read_question(const char *text, struct my_text *name)
{
	const char *call = skip_word(skip_blanks(text), "select"), *end;

	if (call == NULL)
		return false;
	call = skip_blanks(call);
	end = skip_word(call, "connection_id");
	if (end == NULL || *(end = skip_blanks(end)) != '(' ||
	    *(end = skip_blanks(end + 1)) != ')')
		return false;
	return read_name(call, end + 1, name);
}

static void
put_definition(struct str *s, const struct my_front *f, struct my_text name)
{
	my_put_text(s, "def", 3);
	my_put_lenenc(s, 0); /* schema */
	my_put_lenenc(s, 0); /* table, as in the query and by itself */
	my_put_lenenc(s, 0);
	my_put_text(s, name.data, name.len);
	my_put_lenenc(s, 0); /* the column's own name */
	if ((f->ext & MY_MARIADB_EXTENDED_METADATA) != 0)
		my_put_lenenc(s, 0);
	my_put_lenenc(s, 12); /* what follows */
	my_put_u16(s, BINARY);
	my_put_u32(s, ID_WIDTH);
	my_put_u8(s, TYPE_LONGLONG);
	my_put_u16(s, ID_FLAGS);
	my_put_u8(s, 0); /* decimals */
	my_put_u16(s, 0);
}

static bool
put_thread(struct my_front *f, struct buf *out, struct my_text name)
{
	struct str count = { 0 }, definition = { 0 }, row = { 0 };
	char id[12];
	bool done;

	my_put_lenenc(&count, 1);
	put_definition(&definition, f, name);
	(void)text_format(id, sizeof(id), "%u", f->id);
	my_put_text(&row, id, strlen(id));
	done = my_packet_flush(&count, out, &f->seq);
	done &= my_packet_flush(&definition, out, &f->seq);
	if ((f->caps & MY_CLIENT_DEPRECATE_EOF) == 0)
		done &= my_packet_put_eof(out, &f->seq, f->status, 0);
	done &= my_packet_flush(&row, out, &f->seq);
	return done && my_end_put(out, &f->seq, f->caps, f->status, 0);
}

bool
my_own_thread(struct my_front *f, struct turn *t, const struct my_head *head,
	      struct order *o)
{
	uint8_t *text = copy_text(t, head);
	struct my_text name;
	bool is_it = text != NULL && read_question((const char *)text, &name);

	if (is_it) {
		f->seq = (uint8_t)(head->seq + 1);
		*o = put_thread(f, t->out, name) ? my_front_drop(f, head)
						 : no_memory();
	}
	mem_free(text);
	return is_it;
}

/* ---- COMMIT and ROLLBACK ---- */

/* Is it one of these, of all there is, and no more? */
static bool
is_plain_end(const char *text)
{
	const char *at = skip_blanks(text), *end = skip_word(at, "commit");

	if (end == NULL)
		end = skip_word(at, "rollback");
	if (end == NULL)
		return false;
	at = skip_blanks(end);
	if (at > end && (end = skip_word(at, "work")) != NULL)
		at = skip_blanks(end);
	if (*at == ';')
		at = skip_blanks(at + 1);
	return *at == '\0';
}

/* Does it begin a transaction, or end the connection? */
static bool
has_sequel(const struct my_front *f)
{
	const char *type = my_session_find(&f->session, "completion_type");

	return type != NULL && strcmp(type, "NO_CHAIN") != 0;
}

bool
my_own_end(struct my_front *f, struct turn *t, const struct my_head *head,
	   struct order *o)
{
	uint8_t *text = copy_text(t, head);
	bool is_it = text != NULL && !has_sequel(f) &&
		     strlen((const char *)text) == head->len - 1u &&
		     is_plain_end((const char *)text);

	if (is_it)
		*o = answer_ok(f, t, head);
	mem_free(text);
	return is_it;
}

/* ---- COM_SET_OPTION ---- */

struct order
my_own_set_option(struct my_front *f, struct turn *t,
		  const struct my_head *head, unsigned option)
{
	if (option > OPTION_MULTI_OFF)
		return answer_error(f, t, head, MY_ER_UNKNOWN_COM,
				    "Unknown command");
	my_own_option_set(f, option);
	f->seq = (uint8_t)(head->seq + 1);
	return my_packet_put_eof(t->out, &f->seq, f->status, 0)
		       ? my_front_drop(f, head)
		       : no_memory();
}

void
my_own_option_set(struct my_front *f, unsigned option)
{
	if (option == OPTION_MULTI_ON)
		f->caps |= MY_CLIENT_MULTI_STATEMENTS;
	else
		f->caps &= ~MY_CLIENT_MULTI_STATEMENTS;
}

bool
my_own_class(struct my_front *f, struct turn *t, struct order *o)
{
	bool is_bare = my_session_schema(&f->session) == NULL;
	bool is_multi = (f->caps & MY_CLIENT_MULTI_STATEMENTS) != 0;
	uint8_t *words = (uint8_t *)t->words;

	if (is_bare == f->is_bare && is_multi == f->is_multi)
		return false;
	f->is_bare = is_bare;
	f->is_multi = is_multi;
	my_class_put(words, f->caps, f->ext | (is_bare ? MY_EXT_NO_SCHEMA : 0));
	*o = order_plain(ORDER_CLASS);
	o->words.data = t->words;
	o->words.len = MY_CLASS_BYTES;
	return true;
}

void
my_own_refused(struct my_front *f, struct turn *t,
	       const struct refusal *refusal)
{
	struct my_text none = { NULL, 0 };
	struct my_error e;

	if (my_error_parse(&e, refusal->server_error,
			   refusal->server_error_len) &&
	    (e.code == MY_ER_BAD_DB || e.code == MY_ER_DB_DENIED))
		/* Without memory it will be refused again. */
		(void)my_session_use(t->shared, &f->session, none);
}

/* ---- COM_CHANGE_USER ---- */

static void
forget_session(struct my_front *f)
{
	my_session_fini(&f->session);
	my_session_fini(&f->start);
	my_prepared_forget(f);
	my_front_drop_kept(f);
	my_results_forget(f);
	f->flags = 0;
	f->insert_id = 0;
}

struct order
my_own_change_user(struct my_front *f, struct turn *t,
		   const struct my_head *head)
{
	struct my_handshake h;
	struct order o;
	uint8_t *payload;

	if (head->len <= MY_LOGIN_MAX && !my_packet_is_in(t->in, 0, head))
		return order_bytes(ORDER_NEED_MORE, MY_HEADER + head->len);
	f->seq = (uint8_t)(head->seq + 1);
	if (head->len > MY_LOGIN_MAX)
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	payload = copy_text(t, head);
	if (payload == NULL)
		return no_memory();
	if (!my_change_user_read(&h, f->caps, payload, head->len - 1u)) {
		o = order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	} else {
		forget_session(f);
		f->login = my_front_login_change(f, &h);
		o = f->login != NULL ? my_front_login_step(f, t) : no_memory();
	}
	mem_wipe_free(payload, head->len);
	return o;
}
