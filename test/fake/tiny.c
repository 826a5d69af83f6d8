/*
 * The tiny protocol; see tiny.h.
 */
#include "tiny.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define OWED_MAX 1024u
#define NAME_MAX_BYTES 64u
#define LOGIN_MAX (3 * NAME_MAX_BYTES)

enum front_stage {
	FRONT_START,
	FRONT_ROUTE,  /* waits for ROUTE's answer */
	FRONT_JOB,    /* waits for the job */
	FRONT_VERIFY, /* waits for VERIFY's answer */
	FRONT_FACTS,  /* waits for facts */
	FRONT_DONE,   /* says READY */
	FRONT_OPEN,
};

enum prelude { PRELUDE_NONE, PRELUDE_GO, PRELUDE_WAIT };

struct front {
	struct front_view view; /* first */
	enum front_stage stage;
	enum prelude prelude;
	bool wants_job, wants_hello;
	char names[LOGIN_MAX + 1];
	const char *user, *database; /* borrow from names */
	uint8_t key[CANCEL_KEY_BYTES];
};

struct back {
	struct back_view view; /* first */
	bool is_started, is_open;
	bool at_boundary; /* to be said when nothing is in the way */
	uint32_t pins;
	enum residue residue;
	char user[NAME_MAX_BYTES];
	uint8_t key[8];
	bool hidden[OWED_MAX]; /* a ring: which answers nobody is to see */
	uint32_t first;
	uint8_t error[64];
	size_t error_len;
};

static _Atomic unsigned fronts, backs;

unsigned
tiny_fronts_open(void)
{
	return fronts;
}

unsigned
tiny_backs_open(void)
{
	return backs;
}

static bool
put(struct buf *out, char type, const void *payload, size_t len)
{
	uint8_t head[TINY_HEADER] = { (uint8_t)type, (uint8_t)(len >> 8),
				      (uint8_t)len };

	return buf_append(out, head, sizeof(head)) &&
	       (len == 0 || buf_append(out, payload, len));
}

/* The next message's type and whole size; false: its header is not there. */
static bool
peek(const struct buf *in, char *type, size_t *size)
{
	uint8_t head[TINY_HEADER];

	if (in->len < TINY_HEADER)
		return false;
	buf_copy_out(in, 0, head, TINY_HEADER);
	*type = (char)head[0];
	*size = TINY_HEADER + (size_t)head[1] * 256 + head[2];
	return true;
}

/* ------------------------------------------------------------------------
 * The back
 */

static void
owe(struct back *b, bool hidden)
{
	ASSERT(b->view.owed < OWED_MAX);
	b->hidden[(b->first + b->view.owed) % OWED_MAX] = hidden;
	b->view.owed++;
	b->view.owed_ends++;
	b->view.owed_hidden += hidden;
	b->at_boundary = false;
}

static void *
back_open(const struct credential *cred, const char *database,
	  struct startup_words words, const struct policy *policy)
{
	struct back *b = mem_zalloc(sizeof(*b));

	(void)database, (void)words, (void)policy;
	if (b == NULL)
		return NULL;
	(void)text_copy(b->user, sizeof(b->user), cred->user);
	b->view.application_name = "";
	b->view.wants_step = true; /* it may always have something to say */
	backs++;
	return b;
}

static void
back_close(void *back)
{
	backs--;
	mem_free(back);
}

static struct back_view *
back_view(void *back)
{
	return &((struct back *)back)->view;
}

static struct order
refused(struct back *b, struct turn *t, size_t size, enum fail_scope scope)
{
	b->error_len = size < sizeof(b->error) ? size : sizeof(b->error);
	buf_copy_out(t->in, 0, b->error, b->error_len);
	buf_drop(t->in, size);
	return order_fail(scope, REASON_SERVER_LOGIN);
}

static struct order
login_step(struct back *b, struct turn *t)
{
	size_t size;
	char type;

	if (!b->is_started) {
		b->is_started = true;
		if (!put(t->out, 'S', b->user, strlen(b->user)))
			return order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
	}
	if (!peek(t->in, &type, &size))
		return order_bytes(ORDER_NEED_MORE, TINY_HEADER);
	if (t->in->len < size)
		return order_bytes(ORDER_NEED_MORE, size);
	if (type == 'F')
		return refused(b, t, size, FAIL_POOL);
	if (type == 'f')
		return refused(b, t, size, FAIL_CONNECTION);
	if (type != 'A' || size != TINY_HEADER + sizeof(b->key))
		return order_fail(FAIL_CONNECTION, REASON_SERVER_PROTOCOL);
	buf_copy_out(t->in, TINY_HEADER, b->key, sizeof(b->key));
	buf_drop(t->in, size);
	b->is_open = true;
	b->view.is_resettable = true;
	return order_plain(ORDER_READY);
}

/* The answer that is owed first has ended. */
static void
pop(struct back *b, char status)
{
	bool hidden = b->hidden[b->first];

	b->view.owed_hidden -= hidden;
	b->view.queries += !hidden;
	b->view.xacts += !hidden && status != 'T';
	b->first = (b->first + 1) % OWED_MAX;
	b->view.owed--;
	b->view.owed_ends--;
	b->view.tx = status == 'T' ? TX_OPEN : TX_IDLE;
	b->pins = status == 'P'   ? BIT(STATE_TEMP_TABLE)
		  : status == 'p' ? BIT(STATE_TEMP_TABLE) | BIT(STATE_LISTEN)
				  : 0;
	b->view.digest = b->pins != 0 ? TINY_DIGEST : 0;
	b->residue = status == 'S'   ? RESIDUE_RESET
		     : status == 'D' ? RESIDUE_CLOSE
				     : RESIDUE_NONE;
	b->at_boundary = b->view.owed == 0;
	b->view.is_resettable = b->at_boundary && b->view.tx == TX_IDLE;
}

static struct order
pass_on(const struct back *b, const struct turn *t, size_t size, bool hidden)
{
	(void)b;
	return order_bytes(
		t->peer == NULL || hidden ? ORDER_DISCARD : ORDER_RELAY, size);
}

static struct order
answer_step(struct back *b, struct turn *t)
{
	bool hidden = b->view.owed > 0 && b->hidden[b->first];
	size_t size;
	char type;

	if (!peek(t->in, &type, &size))
		return order_bytes(ORDER_NEED_MORE, TINY_HEADER);
	if (type == 'N')
		return pass_on(b, t, size, false);
	if (b->view.owed == 0 || (type != 'D' && type != 'Z'))
		return order_fail(FAIL_CONNECTION, REASON_SERVER_PROTOCOL);
	if (type == 'Z') {
		uint8_t status;

		if (t->in->len < size)
			return order_bytes(ORDER_NEED_MORE, size);
		if (size != TINY_HEADER + 1)
			return order_fail(FAIL_CONNECTION,
					  REASON_SERVER_PROTOCOL);
		buf_copy_out(t->in, TINY_HEADER, &status, 1);
		pop(b, (char)status);
	}
	return pass_on(b, t, size, hidden);
}

static struct order
back_step(struct turn *t)
{
	struct back *b = t->self;
	struct order o;

	if (!b->is_open)
		return login_step(b, t);
	if (!b->at_boundary)
		return answer_step(b, t);
	if (t->out_busy)
		return order_plain(ORDER_WAIT);
	b->at_boundary = false;
	/* Inside a transaction only who gave its client up wants to know. */
	if (b->view.tx != TX_IDLE && t->peer != NULL)
		return answer_step(b, t);
	o = order_plain(ORDER_BOUNDARY);
	o.hold = b->pins != 0 ? HOLD_PINNED : HOLD_NONE;
	o.pins = b->pins;
	o.residue = b->residue;
	return o;
}

static enum link_result
back_link(struct turn *t)
{
	struct back *b = t->self;
	const struct front *f = t->peer;

	if (f->prelude == PRELUDE_NONE)
		return LINK_GO;
	if (!put(t->out, 'V', NULL, 0))
		return LINK_FAIL;
	owe(b, true);
	return f->prelude == PRELUDE_GO ? LINK_GO : LINK_WAIT;
}

static void
back_unlink(void *back)
{
	(void)back;
}

static bool
ask_hidden(struct turn *t, char type)
{
	owe(t->self, true);
	return put(t->out, type, NULL, 0);
}

static bool
back_reset(struct turn *t)
{
	return ask_hidden(t, 'R');
}

static bool
back_check(struct turn *t)
{
	return ask_hidden(t, 'H');
}

static enum abandon_result
back_abandon(struct turn *t, enum sent sent)
{
	struct back *b = t->self;

	if (sent == SENT_HALF)
		return ABANDON_CLOSE;
	/* What was the client's is nobody's now. */
	for (uint32_t i = 0; i < b->view.owed; i++)
		b->hidden[(b->first + i) % OWED_MAX] = true;
	if (b->view.owed > 0) {
		bool running = b->view.owed_ends > b->view.owed_hidden;

		b->view.owed_hidden = b->view.owed;
		return running ? ABANDON_CANCEL : ABANDON_DRAIN;
	}
	if (b->view.tx == TX_IDLE)
		return ABANDON_DONE;
	return ask_hidden(t, 'O') ? ABANDON_DRAIN : ABANDON_CLOSE;
}

static void
back_terminate(struct turn *t)
{
	(void)put(t->out, 'X', NULL, 0);
}

static size_t
back_cancel(void *back, uint8_t *out, size_t out_size)
{
	const struct back *b = back;

	ASSERT(out_size >= TINY_HEADER + sizeof(b->key));
	out[0] = 'K';
	out[1] = 0;
	out[2] = sizeof(b->key);
	memcpy(out + TINY_HEADER, b->key, sizeof(b->key));
	return TINY_HEADER + sizeof(b->key);
}

static const int facts_object = 1;

static const void *
back_facts(void *back)
{
	(void)back;
	return &facts_object;
}

static const void *
facts_ref(const void *facts)
{
	return facts;
}

static void
facts_unref(const void *facts)
{
	ASSERT(facts == &facts_object);
}

static const uint8_t *
back_last_error(void *back, size_t *len, char *text, size_t size)
{
	const struct back *b = back;

	*len = b->error_len;
	(void)text_copy(text, size, b->error_len == 0 ? "" : "refused");
	return b->error;
}

static bool
back_suits(const void *back, const void *front)
{
	(void)back, (void)front;
	return true;
}

static void
back_unix_path(const char *host, uint16_t port, char *out, size_t size)
{
	(void)text_format(out, size, "%s/%u", host, port);
}

static void
back_explain(const char *text, const struct policy *policy,
	     void (*row)(void *arg, const struct explain_row *row), void *arg)
{
	struct explain_row only = { .statement = text,
				    .len = strlen(text),
				    .why = "" };

	(void)policy;
	row(arg, &only);
}

static uint64_t
digest_of(const struct statement_view *s)
{
	return s->id + 0xd0;
}

static void
back_statements(const void *back,
		void (*each)(void *arg, const struct statement_view *s),
		void *arg)
{
	const struct statement_view one = {
		.id = 1, .text = "", .types = 7, .digest = digest_of
	};

	(void)back;
	each(arg, &one);
}

static void
back_words(const struct state_view *s, struct str *out)
{
	(void)s;
	state_word(out, "a", "1");
	state_word(out, "b", NULL);
}

/* All are in one state. */
static void
back_state(const void *back, struct state_view *view)
{
	view->id = 5;
	view->self = back;
	view->words = back_words;
}

const struct back_ops tiny_back = {
	.name = "tiny",
	.default_port = 1,
	.unix_path = back_unix_path,
	.open = back_open,
	.close = back_close,
	.view = back_view,
	.step = back_step,
	.link = back_link,
	.unlink = back_unlink,
	.reset = back_reset,
	.check = back_check,
	.abandon = back_abandon,
	.terminate = back_terminate,
	.cancel = back_cancel,
	.facts = back_facts,
	.facts_ref = facts_ref,
	.facts_unref = facts_unref,
	.last_error = back_last_error,
	.suits = back_suits,
	.explain = back_explain,
	.state = back_state,
	.statements = back_statements,
};

/* ------------------------------------------------------------------------
 * The front
 */

static void *
front_open(void)
{
	struct front *f = mem_zalloc(sizeof(*f));

	if (f == NULL)
		return NULL;
	f->view.application_name = "";
	fronts++;
	return f;
}

static void
front_close(void *front)
{
	fronts--;
	mem_free(front);
}

static struct front_view *
front_view(void *front)
{
	return &((struct front *)front)->view;
}

static struct order
read_login(struct front *f, struct turn *t, size_t size)
{
	const char *mode;

	if (size > TINY_HEADER + LOGIN_MAX)
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	buf_copy_out(t->in, TINY_HEADER, f->names, size - TINY_HEADER);
	buf_drop(t->in, size);
	f->user = f->names;
	f->database = f->user + strlen(f->user) + 1;
	mode = f->database + strlen(f->database) + 1;
	f->prelude = strcmp(mode, "go") == 0     ? PRELUDE_GO
		     : strcmp(mode, "wait") == 0 ? PRELUDE_WAIT
						 : PRELUDE_NONE;
	f->wants_hello = strcmp(mode, "hello") == 0;
	f->stage = FRONT_ROUTE;
	return (struct order){ .kind = ORDER_ROUTE,
			       .route = { f->database, f->user,
					  ROUTE_NORMAL } };
}

static struct order
start_step(struct front *f, struct turn *t)
{
	size_t size;
	char type;

	if (!peek(t->in, &type, &size))
		return order_bytes(ORDER_NEED_MORE, TINY_HEADER);
	if (t->in->len < size)
		return order_bytes(ORDER_NEED_MORE, size);
	if (type == 'L' || type == 'J') {
		f->wants_job = type == 'J';
		return read_login(f, t, size);
	}
	if (type != 'K' || size != TINY_HEADER + sizeof(f->key))
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	buf_copy_out(t->in, TINY_HEADER, f->key, sizeof(f->key));
	buf_drop(t->in, size);
	return (struct order){ .kind = ORDER_CANCEL,
			       .cancel = { f->key, sizeof(f->key) } };
}

static void
run_job(void *arg)
{
	*(int *)arg += 1;
}

static struct order
job_order(struct front *f)
{
	struct order o = { .kind = ORDER_WORK,
			   .job = { run_job, mem_free, NULL } };

	o.job.arg = mem_zalloc(sizeof(int));
	f->stage = FRONT_JOB;
	return o;
}

static struct order
login_done(struct front *f, struct turn *t)
{
	f->stage = FRONT_OPEN;
	f->view.is_at_rest = true;
	if (!put(t->out, 'R', t->cancel_key, CANCEL_KEY_BYTES))
		return order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
	return order_plain(ORDER_READY);
}

static struct order
front_login(struct front *f, struct turn *t)
{
	switch (f->stage) {
	case FRONT_START:
		return start_step(f, t);
	case FRONT_ROUTE:
		if (t->answer.kind != ANSWER_ROUTE)
			break;
		if (t->answer.reason != REASON_NONE)
			return order_fail(FAIL_CONNECTION, t->answer.reason);
		if (f->wants_job)
			return job_order(f);
		f->stage = FRONT_VERIFY;
		return order_plain(ORDER_VERIFY);
	case FRONT_JOB:
		if (t->answer.kind != ANSWER_JOB)
			break;
		ASSERT(*(int *)t->answer.job == 1);
		f->stage = FRONT_VERIFY;
		return order_plain(ORDER_VERIFY);
	case FRONT_VERIFY:
		if (t->answer.kind != ANSWER_VERIFY)
			break;
		f->stage = FRONT_FACTS;
		if (f->wants_hello && !put(t->out, 'N', "hello", 5))
			return order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
		return order_plain(ORDER_NEED_FACTS);
	case FRONT_FACTS:
		if (t->answer.kind != ANSWER_FACTS)
			return order_plain(ORDER_NEED_FACTS);
		ASSERT(t->answer.facts == &facts_object);
		return login_done(f, t);
	case FRONT_DONE:
	case FRONT_OPEN:
		break;
	}
	return order_plain(ORDER_WAIT);
}

static struct order
front_step(struct turn *t)
{
	struct front *f = t->self;
	size_t size;
	char type;

	if (f->stage != FRONT_OPEN)
		return front_login(f, t);
	if (!peek(t->in, &type, &size)) {
		f->view.is_at_rest = t->in->len == 0;
		/* A query's answer may still be read by who only shut down. */
		if (t->peer_eof && t->in->len == 0 && t->peer != NULL &&
		    tiny_back.view(t->peer)->owed > 0)
			return order_plain(ORDER_WAIT);
		return order_bytes(ORDER_NEED_MORE, TINY_HEADER);
	}
	f->view.is_at_rest = false;
	if (f->view.is_skipping) {
		f->view.is_skipping = false;
		return order_bytes(ORDER_DISCARD, size);
	}
	switch (type) {
	case 'X':
		return order_plain(ORDER_CLOSE);
	case 'Q':
	case 'B':
	case 'C':
	case 'U':
		break;
	default:
		return order_fail(FAIL_CONNECTION, REASON_PROTOCOL);
	}
	if (t->peer == NULL)
		return order_plain(ORDER_NEED_SERVER);
	if (tiny_back.view(t->peer)->owed >= OWED_MAX)
		return order_plain(ORDER_WAIT);
	if (type != 'U')
		owe(t->peer, false);
	f->view.is_at_rest = true; /* but for what the order has to move */
	return order_bytes(ORDER_RELAY, size);
}

static void
front_refuse(struct turn *t, const struct refusal *refusal)
{
	struct front *f = t->self;
	char text[200];
	const char *words = refusal->text != NULL
				    ? refusal->text
				    : reason_info(refusal->reason)->text;
	size_t n = text_format(text, sizeof(text), "%c%s%s",
			       refusal->scope == FAIL_STATEMENT ? 's' : 'c',
			       refusal->server_error_len > 0 ? "server: " : "",
			       words);

	(void)put(t->out, 'E', text, n);
	/* The message that the refusal answers is skipped. */
	if (refusal->scope == FAIL_STATEMENT)
		f->view.is_skipping = true;
}

static void
front_notice(struct turn *t, const char *text)
{
	(void)put(t->out, 'N', text, strlen(text));
}

static enum rows_result
front_rows(struct turn *t, const struct rowset *rows, size_t *next,
	   size_t budget)
{
	(void)t, (void)rows, (void)next, (void)budget;
	return ROWS_DONE;
}

static bool
front_credential(void *front, uint8_t client_key[32], uint8_t server_key[32])
{
	(void)front, (void)client_key, (void)server_key;
	return false;
}

static void *
share_open(uint64_t seed)
{
	(void)seed;
	return mem_zalloc(1);
}

/* Has one statement under two names, and another. */
static void
front_statements(const void *front,
		 void (*each)(void *arg, const struct statement_view *s),
		 void *arg)
{
	const struct statement_view other = {
		.id = 2, .text = "two", .length = 3, .digest = digest_of
	};

	back_statements(front, each, arg);
	back_statements(front, each, arg);
	each(arg, &other);
}

const struct front_ops tiny_front = {
	.share_open = share_open,
	.share_close = mem_free,
	.name = "tiny",
	.back = &tiny_back,
	.open = front_open,
	.close = front_close,
	.view = front_view,
	.step = front_step,
	.refuse = front_refuse,
	.notice = front_notice,
	.rows = front_rows,
	.credential = front_credential,
	.state = back_state,
	.statements = front_statements,
};

const struct front_ops *const tiny_fronts[PROTOCOLS] = { &tiny_front,
							 &tiny_front };
