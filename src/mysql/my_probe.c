/*
 * See my_probe.h.
 */
#include "my_probe.h"

#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "my_memo.h"
#include "my_results.h"
#include "sql/my_classify.h"
#include "sql/statement.h"

#define SIGN_WITHIN 128u /* behind a comment, perhaps */

struct probe {
	uint64_t hash;            /* of the text */
	uint64_t policy;          /* its id */
	usec_t until;             /* when it is good no more */
	struct my_session before; /* refs */
	uint32_t caps, ext;
	uint16_t status; /* of MY_STATUS_LASTING */
	size_t text_len, len;
	char bytes[]; /* the text, the packets */
};

struct my_probes {
	struct probe *entries[MY_PROBE_ENTRIES]; /* owns; NULL: unused */
	unsigned next;                           /* the one that goes next */
};

/* ---- texts ---- */

/*
 * What drivers ask for: of the session's state, or fixed when the server began.
 * None that is another one on each host of an entry, that statements change, or
 * that is all sessions' and can be set: who set it would read the old one.
 */
static const char *const variables[] = {
	"auto_increment_increment",
	"autocommit",
	"character_set_client",
	"character_set_connection",
	"character_set_results",
	"character_set_server",
	"collation_connection",
	"collation_server",
	"interactive_timeout",
	"license",
	"lower_case_table_names",
	"max_allowed_packet",
	"net_buffer_length",
	"net_write_timeout",
	"performance_schema",
	"query_cache_type",
	"sql_auto_is_null",
	"sql_mode",
	"system_time_zone",
	"time_zone",
	"transaction_isolation",
	"transaction_read_only",
	"tx_isolation",
	"tx_read_only",
	"version",
	"version_comment",
	"wait_timeout",
};

struct reader {
	const char *at, *end; /* borrows */
};

static void
skip_blanks(struct reader *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at) != NULL)
		r->at++;
}

/* A plain comment in front, as drivers sign with. */
static void
skip_comment(struct reader *r)
{
	const char *end;

	skip_blanks(r);
	if (r->end - r->at < 4 || memcmp(r->at, "/*", 2) != 0 ||
	    strchr("!M+", r->at[2]) != NULL)
		return;
	end = memmem(r->at + 2, (size_t)(r->end - r->at - 2), "*/", 2);
	if (end != NULL)
		r->at = end + 2;
	skip_blanks(r);
}

static struct my_text
read_name(struct reader *r)
{
	struct my_text name = { .data = r->at };

	while (r->at < r->end &&
	       ((*r->at >= '0' && *r->at <= '9') || *r->at == '_' ||
		(*r->at >= 'a' && *r->at <= 'z') ||
		(*r->at >= 'A' && *r->at <= 'Z')))
		r->at++;
	name.len = (size_t)(r->at - name.data);
	return name;
}

static bool
is_word(struct my_text name, const char *word)
{
	return name.len == strlen(word) &&
	       strncasecmp(name.data, word, name.len) == 0;
}

static bool
take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static bool
is_known(struct my_text name)
{
	for (size_t i = 0; i < COUNT_OF(variables); i++)
		if (is_word(name, variables[i]))
			return true;
	return false;
}

/* @@name, @@session.name, with AS and a name or without. */
static bool
read_item(struct reader *r, struct my_text *behind)
{
	struct my_text name;

	skip_blanks(r);
	if (!take(r, '@') || !take(r, '@'))
		return false;
	name = read_name(r);
	if ((is_word(name, "session") || is_word(name, "local")) &&
	    take(r, '.'))
		name = read_name(r);
	if (!is_known(name))
		return false;
	skip_blanks(r);
	*behind = read_name(r);
	if (!is_word(*behind, "as"))
		return true;
	skip_blanks(r);
	if (read_name(r).len == 0)
		return false;
	skip_blanks(r);
	*behind = read_name(r);
	return true;
}

bool
my_probe_is(const char *text, size_t len)
{
	struct reader r = { text, text + len };
	struct my_text behind;

	skip_comment(&r);
	if (!is_word(read_name(&r), "select"))
		return false;
	do {
		if (!read_item(&r, &behind))
			return false;
		skip_blanks(&r);
	} while (behind.len == 0 && take(&r, ','));
	if (is_word(behind, "limit")) {
		if (!take(&r, '1'))
			return false;
	} else if (behind.len > 0) {
		return false;
	}
	skip_blanks(&r);
	(void)take(&r, ';');
	skip_blanks(&r);
	return r.at == r.end;
}

/* Does an @ stand near its beginning?  Most texts are told by that. */
static bool
has_sign(const struct turn *t, size_t len)
{
	size_t n;
	const uint8_t *run = buf_run(t->in, MY_HEADER + 1, &n);

	if (n > len)
		n = len;
	return n < SIGN_WITHIN ? len > n || memchr(run, '@', n) != NULL
			       : memchr(run, '@', SIGN_WITHIN) != NULL;
}

/* The text, if it may be one; text has room for it. */
static bool
read_text(const struct my_front *f, const struct turn *t,
	  const struct my_head *head, uint64_t flags, char *text, size_t *len)
{
	*len = head->len - 1u;
	if (flags != MY_SQL_READ || *len < sizeof("select @@") ||
	    *len > MY_PROBE_TEXT || t->policy->id == 0 ||
	    t->policy->mode == POOL_SESSION ||
	    (f->status & MY_STATUS_IN_TRANS) != 0 ||
	    statements_kept(t->shared) == NULL)
		return false;
	if (!has_sign(t, *len))
		return false;
	buf_copy_out(t->in, MY_HEADER + 1, text, *len);
	return my_probe_is(text, *len);
}

/* ---- the table ---- */

static void
probe_free(struct probe *p)
{
	if (p == NULL)
		return;
	my_session_fini(&p->before);
	mem_free(p);
}

void
my_probes_free(struct my_probes *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < MY_PROBE_ENTRIES; i++)
		probe_free(p->entries[i]);
	mem_free(p);
}

static bool
is_it(const struct probe *p, const struct my_front *f, uint64_t policy,
      const char *text, size_t len)
{
	return p != NULL && p->policy == policy &&
	       p->before.base == f->session.base &&
	       p->before.own == f->session.own && p->caps == f->caps &&
	       p->ext == f->ext &&
	       p->status == (f->status & MY_STATUS_LASTING) &&
	       p->text_len == len && memcmp(p->bytes, text, len) == 0;
}

static struct probe **
find(struct my_probes *all, const struct my_front *f, uint64_t policy,
     const char *text, size_t len)
{
	uint64_t hash = hash_bytes(HASH_START, text, len);

	for (size_t i = 0; i < MY_PROBE_ENTRIES; i++)
		if (all->entries[i] != NULL && all->entries[i]->hash == hash &&
		    is_it(all->entries[i], f, policy, text, len))
			return &all->entries[i];
	return NULL;
}

bool
my_probe_answer(struct my_front *f, struct turn *t, const struct my_head *head,
		uint64_t flags, struct order *o)
{
	struct probe **slot;
	char text[MY_PROBE_TEXT];
	struct my_probes *all;
	size_t len;

	if (t->peer != NULL || !read_text(f, t, head, flags, text, &len))
		return false;
	all = *my_memo_probes(t->shared);
	slot = all == NULL ? NULL : find(all, f, t->policy->id, text, len);
	if (slot == NULL || (*slot)->until < t->now)
		return false;
	/* As when a server answers a text that begins so. */
	my_results_forget(f);
	*o = buf_append(t->out, (*slot)->bytes + len, (*slot)->len)
		     ? my_front_drop(f, head)
		     : order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
	return true;
}

/* ---- learning ---- */

/* How long the text is stands in front of it, the packets behind. */
void
my_probe_begin(struct my_front *f, struct turn *t, const struct my_head *head,
	       uint64_t flags)
{
	char bytes[sizeof(uint16_t) + MY_PROBE_TEXT];
	uint16_t text_len;
	size_t len;

	if (f->kept != NULL ||
	    !read_text(f, t, head, flags, bytes + sizeof(text_len), &len))
		return;
	text_len = (uint16_t)len;
	memcpy(bytes, &text_len, sizeof(text_len));
	/* Without memory it is not remembered. */
	(void)my_front_keep(f, MY_KEPT_PROBE, bytes, sizeof(text_len) + len);
}

void
my_probe_keep(struct my_front *f, const struct my_head *head,
	      const uint8_t *payload)
{
	size_t len = f->kept_len + MY_HEADER + head->len;
	char *more = NULL;

	if (len <= MY_PROBE_TEXT + MY_PROBE_ANSWER)
		more = mem_realloc(f->kept, len);
	if (more == NULL) {
		my_front_drop_kept(f);
		return;
	}
	f->kept = more;
	my_set_u24((uint8_t *)more + f->kept_len, head->len);
	more[f->kept_len + 3] = (char)head->seq;
	memcpy(more + f->kept_len + MY_HEADER, payload, head->len);
	f->kept_len = (uint32_t)len;
}

static struct probe *
make(const struct my_front *f, const struct turn *t)
{
	struct probe *p;
	uint16_t text_len;
	const char *bytes = f->kept + sizeof(text_len);
	size_t len = f->kept_len - sizeof(text_len);

	memcpy(&text_len, f->kept, sizeof(text_len));
	p = mem_zalloc(sizeof(*p) + len);
	if (p == NULL)
		return NULL;
	memcpy(p->bytes, bytes, len);
	p->hash = hash_bytes(HASH_START, bytes, text_len);
	p->policy = t->policy->id;
	p->until = t->now + MY_PROBE_TIME;
	my_session_copy(&p->before, &f->session);
	p->caps = f->caps;
	p->ext = f->ext;
	p->status = f->status & MY_STATUS_LASTING;
	p->text_len = text_len;
	p->len = len - text_len;
	return p;
}

void
my_probe_learn(const struct my_back *b, struct my_front *f,
	       const struct turn *t)
{
	struct my_probes **all = my_memo_probes(t->shared);
	struct probe *p, **slot;

	if (!my_probe_reads(f) || b->pins != 0 || b->dirt != 0 ||
	    b->response.warnings != 0 ||
	    (b->status & MY_STATUS_IN_TRANS) != 0 || t->policy->id == 0)
		return;
	if (*all == NULL)
		*all = mem_zalloc(sizeof(**all));
	p = *all == NULL ? NULL : make(f, t);
	if (p == NULL)
		return;
	slot = find(*all, f, p->policy, p->bytes, p->text_len);
	if (slot == NULL)
		slot = &(*all)->entries[(*all)->next++ % MY_PROBE_ENTRIES];
	probe_free(*slot);
	*slot = p;
}
