/*
 * The answers of auth_query; see asker.h.
 *
 * An account is a user of a database whom somebody asked for: it is being asked
 * about, with those who wait for the answer, or its answer is known until
 * `until`.  A secret that did not fit may have been changed, so what is kept is
 * kept for some seconds only; that nobody is there, for one.  Accounts without
 * a fresh answer go with the periodic look, all at once where there are too
 * many: those that are being asked about stay.
 */
#include "asker.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "inner.h"
#include "source.h"

#define LOOK_TIME USEC_PER_SEC
#define UNKNOWN_TIME USEC_PER_SEC
#define ACCOUNTS_MAX 10000u
/* Connections.  Of an entry "*" strangers could ask for any number. */
#define SOURCES_MAX 64u

struct account {
	struct question question; /* first */
	struct asker *asker;      /* borrows */
	char *key;                /* owns: database, NUL, user */
	size_t key_len;
	struct list waiting; /* owns struct secret_request */
	bool is_asked;       /* its question is under way */
	bool is_old;         /* its answer will be of another configuration */
	enum secret_result result;
	char *secret; /* owns: FOUND */
	usec_t until; /* the answer's; 0 = none */
};

struct asker {
	struct control *control; /* borrows */
	struct map *accounts;    /* owns */
	struct list sources;     /* owns */
	struct timer timer;
	bool is_stopped;
};

static usec_t
now_of(const struct asker *a)
{
	return loop_now(a->control->loop);
}

/* ------------------------------------------------------------------------
 * Accounts
 */

static void
account_free(struct account *x)
{
	(void)map_remove(x->asker->accounts, x->key, x->key_len);
	mem_wipe_str(x->secret);
	mem_free(x->key);
	mem_free(x);
}

/* All without a question under way, or those alone whose answer is stale. */
enum sweep { SWEEP_ALL, SWEEP_STALE };

/* A map must not change on the way through it. */
#define SWEEP_MAX 256u

static size_t
find_useless(struct asker *a, enum sweep what, struct account *found[SWEEP_MAX])
{
	usec_t now = now_of(a);
	struct account *x;
	size_t cursor = 0, count = 0;

	while (count < SWEEP_MAX &&
	       (x = map_next(a->accounts, &cursor, NULL, NULL)) != NULL)
		if (!x->is_asked && (what == SWEEP_ALL || now >= x->until))
			found[count++] = x;
	return count;
}

static void
sweep(struct asker *a, enum sweep what)
{
	struct account *found[SWEEP_MAX];
	size_t count;

	do {
		count = find_useless(a, what, found);
		for (size_t i = 0; i < count; i++)
			account_free(found[i]);
	} while (count == SWEEP_MAX);
}

static struct account *
find_account(struct asker *a, const struct secret_request *r)
{
	struct str key = { 0 };
	struct account *x;

	mem_must_begin();
	str_puts(&key, r->database);
	str_putc(&key, '\0');
	str_puts(&key, r->user);
	x = map_find(a->accounts, key.data, key.len);
	if (x == NULL) {
		if (map_count(a->accounts) >= ACCOUNTS_MAX)
			sweep(a, SWEEP_ALL);
		x = mem_must_zalloc(sizeof(*x));
		x->asker = a;
		x->key_len = key.len;
		x->key = mem_must_zalloc(key.len + 1);
		memcpy(x->key, key.data, key.len);
		x->question.database = x->key;
		x->question.user = x->key + strlen(r->database) + 1;
		list_init(&x->waiting);
		ASSERT(map_put(a->accounts, x->key, x->key_len, x));
	}
	mem_must_end();
	str_fini(&key);
	return x;
}

static void
answer(const struct account *x, struct secret_request *r)
{
	r->result = x->result;
	if (x->result == SECRET_FOUND)
		r->secret = mem_must_strdup(x->secret);
	secret_answer(r);
}

static usec_t
time_to_live(const struct account *x)
{
	usec_t ttl =
		snapshot_settings(x->asker->control->snapshot)->auth_query_ttl;

	switch (x->result) {
	case SECRET_FOUND:
		return ttl;
	case SECRET_UNKNOWN:
		return ttl < UNKNOWN_TIME ? ttl : UNKNOWN_TIME;
	case SECRET_FAILED:
		break;
	}
	return 0;
}

static void
on_answered(struct question *q, enum secret_result result, const char *secret)
{
	struct account *x = (struct account *)(void *)q;
	struct list_node *n;

	x->is_asked = false;
	x->result = result;
	mem_wipe_str(x->secret);
	x->secret = secret != NULL ? mem_must_strdup(secret) : NULL;
	x->until = x->is_old ? 0 : now_of(x->asker) + time_to_live(x);
	x->is_old = false;
	while ((n = list_pop_front(&x->waiting)) != NULL)
		answer(x, LIST_ENTRY(n, struct secret_request, node));
}

/* ------------------------------------------------------------------------
 * Requests
 */

/* Room for one more: one that has nothing to do goes. */
static bool
make_room(struct asker *a)
{
	struct list_node *n, *tmp;
	size_t count = 0;

	LIST_FOREACH (n, tmp, &a->sources)
		count++;
	LIST_FOREACH (n, tmp, &a->sources) {
		struct source *s = LIST_ENTRY(n, struct source, node);

		if (count < SOURCES_MAX)
			break;
		if (!list_is_empty(&s->questions))
			continue;
		list_remove(&s->node);
		source_free(s);
		count--;
	}
	return count < SOURCES_MAX;
}

/* NULL: there are too many. */
static struct source *
find_source(struct asker *a, const struct auth_source *entry)
{
	struct list_node *n, *tmp;
	struct source *s;

	LIST_FOREACH (n, tmp, &a->sources) {
		s = LIST_ENTRY(n, struct source, node);
		if (source_is(s, entry))
			return s;
	}
	if (!make_room(a))
		return NULL;
	s = source_new(a->control, entry);
	s->answered = on_answered;
	list_push_back(&a->sources, &s->node);
	timer_set_earlier(a->control->loop, &a->timer, now_of(a) + LOOK_TIME);
	return s;
}

static void
take(struct asker *a, struct secret_request *r)
{
	struct auth_source entry;
	struct account *x;
	struct source *s;

	if (a->is_stopped || !question_entry(a->control, r->database, &entry)) {
		r->result = SECRET_FAILED;
		secret_answer(r);
		return;
	}
	x = find_account(a, r);
	if (!x->is_asked && now_of(a) < x->until) {
		answer(x, r);
		return;
	}
	list_push_back(&x->waiting, &r->node);
	if (x->is_asked)
		return;
	x->is_asked = true;
	s = find_source(a, &entry);
	if (s != NULL)
		source_ask(s, &x->question);
	else
		on_answered(&x->question, SECRET_FAILED, NULL);
}

static void
request_delivered(struct mail *mail)
{
	struct secret_request *r = (struct secret_request *)(void *)mail;
	struct control *c = r->carrier;

	take(c->asker, r);
}

void
control_ask_secret(void *control, struct secret_request *r)
{
	struct control *c = control;

	r->mail.deliver = request_delivered;
	r->carrier = c;
	loop_post(c->loop, &r->mail);
}

/* ------------------------------------------------------------------------
 * Life
 */

/* A source is there as long as it has a connection, or was just refused. */
static void
on_timer(struct timer *timer)
{
	struct asker *a = LIST_ENTRY(timer, struct asker, timer);
	usec_t now = now_of(a);
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &a->sources) {
		struct source *s = LIST_ENTRY(n, struct source, node);

		source_look(s, now);
		if (s->state != SOURCE_REST || now < s->retry_at)
			continue;
		list_remove(&s->node);
		source_free(s);
	}
	sweep(a, SWEEP_STALE);
	if (!list_is_empty(&a->sources) || map_count(a->accounts) > 0)
		timer_set(a->control->loop, &a->timer, now + LOOK_TIME);
}

struct asker *
asker_new(struct control *c)
{
	struct asker *a = mem_zalloc(sizeof(*a));

	if (a == NULL)
		return NULL;
	a->control = c;
	a->timer.fire = on_timer;
	list_init(&a->sources);
	a->accounts = map_new();
	if (a->accounts != NULL)
		return a;
	mem_free(a);
	return NULL;
}

void
asker_reload(struct asker *a)
{
	struct list_node *n, *tmp;
	struct account *x;
	size_t cursor = 0;

	sweep(a, SWEEP_ALL);
	while ((x = map_next(a->accounts, &cursor, NULL, NULL)) != NULL)
		x->is_old = true;
	LIST_FOREACH (n, tmp, &a->sources)
		source_outdate(LIST_ENTRY(n, struct source, node));
}

void
asker_stop(struct asker *a)
{
	struct list_node *n;

	a->is_stopped = true;
	timer_clear(a->control->loop, &a->timer);
	while ((n = list_pop_front(&a->sources)) != NULL)
		source_free(LIST_ENTRY(n, struct source, node));
	sweep(a, SWEEP_ALL);
}

void
asker_free(struct asker *a)
{
	if (a == NULL)
		return;
	map_free(a->accounts);
	mem_free(a);
}
