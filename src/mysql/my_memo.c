/*
 * See my_memo.h.  Runs on the worker that owns the client.
 */
#include "my_memo.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "my_command.h"
#include "my_front_work.h"
#include "my_probe.h"
#include "my_results.h"
#include "my_trackers.h"
#include "sql/my_classify.h"
#include "sql/statement.h"

/* What depends on the session and the text alone. */
#define LEARNT (MY_SQL_PLAIN | MY_SQL_SET | MY_SQL_SESSION)
#define MAY_BE (LEARNT | MY_SQL_SYNTAX)

struct entry {
	uint64_t hash;            /* of the text; 0: unused */
	uint64_t policy;          /* its id */
	uint64_t used;            /* when: counts uses */
	struct my_session before; /* refs */
	struct my_session after;  /* refs */
	uint16_t status;          /* before, of MY_STATUS_LASTING */
	uint16_t text_len;
	uint16_t ok_len;
	uint8_t bytes[MY_MEMO_TEXT + MY_MEMO_OK]; /* the text, the OK */
};

struct memo {
	struct my_probes *probes;               /* owns; NULL: none yet */
	struct entry *entries[MY_MEMO_ENTRIES]; /* owns; NULL: unused */
	uint64_t uses;
};

/* ---- the table ---- */

static void
entry_free(struct entry *e)
{
	if (e == NULL)
		return;
	my_session_fini(&e->before);
	my_session_fini(&e->after);
	mem_free(e);
}

static void
memo_end(void *memo)
{
	struct memo *m = memo;

	for (size_t i = 0; i < MY_MEMO_ENTRIES; i++)
		entry_free(m->entries[i]);
	my_probes_free(m->probes);
	mem_free(m);
}

bool
my_memo_open(struct statements *t)
{
	struct memo *m = mem_zalloc(sizeof(*m));

	if (m == NULL)
		return false;
	statements_keep(t, m, memo_end);
	return true;
}

struct my_probes **
my_memo_probes(struct statements *t)
{
	struct memo *m = statements_kept(t);

	return &m->probes;
}

static bool
is_it(const struct entry *e, uint64_t hash, const struct my_front *f,
      uint64_t policy, const uint8_t *text, size_t len)
{
	return e != NULL && e->hash == hash && e->policy == policy &&
	       e->before.base == f->session.base &&
	       e->before.own == f->session.own &&
	       e->status == (f->status & MY_STATUS_LASTING) &&
	       e->text_len == len && memcmp(e->bytes, text, len) == 0;
}

static struct entry *
find(struct memo *m, const struct my_front *f, uint64_t policy,
     const uint8_t *text, size_t len)
{
	uint64_t hash = hash_bytes(HASH_START, text, len);

	for (size_t i = 0; i < MY_MEMO_ENTRIES; i++) {
		struct entry *e = m->entries[i];

		if (!is_it(e, hash, f, policy, text, len))
			continue;
		e->used = ++m->uses;
		return e;
	}
	return NULL;
}

/* An empty entry, in the place of the one that was not used for longest; NULL:
 * no memory. */
static struct entry *
place(struct memo *m)
{
	struct entry **at = &m->entries[0];

	for (size_t i = 0; i < MY_MEMO_ENTRIES && *at != NULL; i++)
		if (m->entries[i] == NULL || m->entries[i]->used < (*at)->used)
			at = &m->entries[i];
	entry_free(*at);
	*at = mem_zalloc(sizeof(**at));
	if (*at != NULL)
		(*at)->used = ++m->uses;
	return *at;
}

/* ---- texts ---- */

/* SET CHARACTER SET, or CHARSET, takes the schema's: a word "character", none
 * that goes on as a variable's name does. */
static bool
is_of_schema(const uint8_t *text, size_t len)
{
	const char *word = "char";

	for (size_t i = 0; i + 4 <= len; i++)
		if (strncasecmp((const char *)text + i, word, 4) == 0 &&
		    (i + 9 >= len || text[i + 9] != '_'))
			return true;
	return false;
}

/* The text, if it is one that may be remembered; bytes has room for it. */
static bool
read_plain(const struct turn *t, const struct my_head *head, uint64_t flags,
	   uint8_t *bytes, size_t *len)
{
	if ((flags & ~MAY_BE) != 0 || (flags & LEARNT) != LEARNT ||
	    t->policy->id == 0 || t->policy->mode == POOL_SESSION ||
	    head->len - 1u > MY_MEMO_TEXT)
		return false;
	*len = head->len - 1u;
	buf_copy_out(t->in, MY_HEADER + 1, bytes, *len);
	return !is_of_schema(bytes, *len);
}

static struct order
put(struct my_front *f, struct turn *t, const struct my_head *head,
    const struct entry *e)
{
	uint8_t payload[MY_MEMO_OK];
	struct my_ok ok;
	size_t len;

	memcpy(payload, e->bytes + e->text_len, e->ok_len);
	f->seq = (uint8_t)(head->seq + 1);
	if (!my_ok_parse(&ok, payload, e->ok_len))
		return order_fail(FAIL_CONNECTION, REASON_INTERNAL);
	len = my_trackers_tell(payload, &ok, f);
	if (!my_packet_put(t->out, &f->seq, payload, len))
		return order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
	f->status = ok.status;
	my_session_copy(&f->session, &e->after);
	return my_front_drop(f, head);
}

bool
my_memo_answer(struct my_front *f, struct turn *t, const struct my_head *head,
	       uint64_t flags, struct order *o)
{
	uint8_t text[MY_MEMO_TEXT];
	const struct entry *e;
	size_t len;

	if (t->peer != NULL || statements_kept(t->shared) == NULL ||
	    !read_plain(t, head, flags, text, &len))
		return false;
	e = find(statements_kept(t->shared), f, t->policy->id, text, len);
	if (e == NULL)
		return false;
	*o = put(f, t, head, e);
	return true;
}

void
my_memo_begin(struct my_front *f, struct turn *t, const struct my_head *head,
	      uint64_t flags)
{
	uint8_t text[MY_MEMO_TEXT];
	size_t len;

	/* Without memory its answer is not remembered. */
	if (statements_kept(t->shared) != NULL &&
	    read_plain(t, head, flags, text, &len))
		(void)my_front_keep(f, MY_KEPT_PLAIN, text, len);
}

/* ---- learning ---- */

/* Did it do nothing but change what goes with the client? */
static bool
is_all_told(const struct my_back *b, const struct my_front *f,
	    const struct my_ok *ok)
{
	const unsigned not_now = MY_STATUS_IN_TRANS | MY_STATUS_MORE_RESULTS;

	return ((ok->status | f->status) & not_now) == 0 && ok->warnings == 0 &&
	       ok->info.len == 0 && ok->insert_id == 0 && ok->affected == 0 &&
	       b->pins == 0 && b->dirt == 0 && b->statements == 0 &&
	       (b->results_due & MY_RESULT_ID) == 0;
}

void
my_memo_learn(const struct my_back *b, struct my_front *f, const struct turn *t,
	      const struct my_ok *ok, const uint8_t *payload, size_t len)
{
	struct entry *e = NULL;

	if (f->kept == NULL || f->keeps != MY_KEPT_PLAIN)
		return;
	if (len <= MY_MEMO_OK && t->policy->id != 0 && is_all_told(b, f, ok))
		e = place(statements_kept(t->shared));
	if (e != NULL) {
		e->hash = hash_bytes(HASH_START, f->kept, f->kept_len);
		e->policy = t->policy->id;
		e->status = f->status & MY_STATUS_LASTING;
		my_session_copy(&e->before, &f->session);
		my_session_copy(&e->after, &b->session);
		e->text_len = (uint16_t)f->kept_len;
		e->ok_len = (uint16_t)len;
		memcpy(e->bytes, f->kept, e->text_len);
		memcpy(e->bytes + e->text_len, payload, len);
	}
	my_front_drop_kept(f);
}
