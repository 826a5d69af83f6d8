/*
 * The life of a connection that answers auth_query; see source.h.
 *
 * Nothing of the client reaches it but the user's name, as the query's
 * parameter, and the name of the entry.
 */
#include "source.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "inner.h"
#include "io/loop.h"

#define PAUSE USEC_PER_SEC              /* after a failure */
#define ANSWER_TIME (10 * USEC_PER_SEC) /* of login, then of an answer */
#define UNUSED_TIME (30 * USEC_PER_SEC)

struct source_query {
	struct resolve_query base; /* first */
	struct source *source;     /* borrows; NULL when it has gone on */
};

static void go_on(struct source *s);

static usec_t
now_of(const struct source *s)
{
	return loop_now(s->control->loop);
}

static struct question *
first_of(const struct source *s)
{
	struct list_node *n = list_first(&s->questions);

	ASSERT(n != NULL);
	return LIST_ENTRY(n, struct question, node);
}

bool
source_is(const struct source *s, const struct auth_source *entry)
{
	return strcmp(s->database, entry->database) == 0 &&
	       strcmp(s->user, entry->user) == 0;
}

bool
question_entry(const struct control *c, const char *database,
	       struct auth_source *out)
{
	return snapshot_auth_source(c->snapshot, PROTOCOL_POSTGRES,
				    database[0] == '\0' ? NULL : database, out);
}

/* How the first question is asked; false: not here any more. */
static bool
find_entry(const struct source *s, struct auth_source *out)
{
	return question_entry(s->control, first_of(s)->database, out) &&
	       source_is(s, out);
}

static void
close_conn(struct source *s)
{
	query_pg_close(s->conn);
	s->conn = NULL;
	if (s->query != NULL)
		s->query->source = NULL;
	s->query = NULL;
	s->state = SOURCE_REST;
	s->deadline = 0;
	s->is_old = false;
}

static void
answer_first(struct source *s, enum secret_result result, const char *secret)
{
	struct list_node *n = list_pop_front(&s->questions);

	s->answered(LIST_ENTRY(n, struct question, node), result, secret);
}

/* ------------------------------------------------------------------------
 * Failures
 */

static void
log_failure(const struct source *s, const char *error)
{
	static struct log_rate rate = LOG_RATE(5);
	char database[LOG_QUOTE_MAX], text[LOG_QUOTE_MAX];

	if (log_allow(&rate))
		log_event(LOG_WARNING, "auth_query_failed",
			  "database=%s error=%s",
			  log_quote(s->database, database),
			  log_quote(error, text));
}

static void
keep_error(struct source *s, const char *error)
{
	(void)text_copy(s->error, sizeof(s->error), error);
	/* libpq ends its messages with a newline. */
	s->error[strcspn(s->error, "\n")] = '\0';
	log_failure(s, s->error);
}

/* Who waits now is told; who comes soon hears the same at once. */
static void
fail_all(struct source *s, const char *error)
{
	keep_error(s, error);
	close_conn(s);
	s->retry_at = now_of(s) + PAUSE;
	s->host_turn++;
	while (!list_is_empty(&s->questions))
		answer_first(s, SECRET_FAILED, NULL);
}

/* One that answered before may have died meanwhile: that is tried once. */
static void
on_lost(void *arg, const char *error)
{
	struct source *s = arg;
	bool is_worth = s->has_answered;

	s->has_answered = false;
	if (!is_worth) {
		fail_all(s, error);
		return;
	}
	close_conn(s);
	go_on(s);
}

/* ------------------------------------------------------------------------
 * Answers
 */

/* A row of another user's is nobody's secret; NULL stands for one who may not
 * log in. */
static bool
is_his(const struct source *s, const struct query_pg_row *row)
{
	return row->name != NULL && row->secret != NULL &&
	       strcmp(row->name, first_of(s)->user) == 0;
}

static void
on_ready(void *arg)
{
	struct source *s = arg;

	if (s->is_old) {
		close_conn(s);
		go_on(s);
		return;
	}
	s->deadline = 0;
	s->state = SOURCE_IDLE;
	go_on(s);
}

static void
on_done(void *arg, const char *error)
{
	struct source *s = arg;
	struct query_pg_row row;

	s->state = SOURCE_IDLE;
	s->used = now_of(s);
	s->deadline = 0;
	s->has_answered = true;
	if (error != NULL) {
		keep_error(s, error);
		answer_first(s, SECRET_FAILED, NULL);
	} else if (!query_pg_row(s->conn, &row) || !is_his(s, &row)) {
		answer_first(s, SECRET_UNKNOWN, NULL);
	} else {
		answer_first(s, SECRET_FOUND, row.secret);
	}
	if (s->is_old)
		close_conn(s);
	go_on(s);
}

static void
on_heard(void *arg, uint32_t pid, const char *channel, const char *payload)
{
	(void)arg, (void)pid, (void)channel, (void)payload;
}

static const struct query_pg_events events = {
	.ready = on_ready,
	.done = on_done,
	.heard = on_heard,
	.lost = on_lost,
};

/* ------------------------------------------------------------------------
 * Opening
 */

static void
log_in(struct source *s, const char *host, uint16_t port,
       const struct addr *addr)
{
	struct auth_source entry;
	struct query_pg_login login = { .host = host,
					.addr = addr,
					.port = port };

	if (!find_entry(s, &entry)) {
		fail_all(s, "auth_query is no longer asked here");
		return;
	}
	login.user = entry.user;
	login.password = entry.password;
	login.database =
		entry.db->dbname != NULL ? entry.db->dbname : entry.database;
	login.tls = entry.db;
	s->state = SOURCE_LOGIN;
	s->conn = query_pg_open(s->control->loop, &login, &events, s);
	if (s->conn == NULL)
		fail_all(s, "out of memory");
}

static void
resolved(struct resolve_query *base)
{
	struct source_query *q = (struct source_query *)base;
	struct source *s = q->source;

	if (s != NULL) {
		s->query = NULL;
		if (base->count > 0)
			log_in(s, base->host, base->port,
			       &base->addrs[s->host_turn % base->count]);
		else
			fail_all(s, base->error);
	}
	mem_free(q);
}

static void
resolve(struct source *s, const char *host, uint16_t port)
{
	struct source_query *q = mem_must_zalloc(sizeof(*q));

	q->source = s;
	q->base.home = s->control->loop;
	q->base.port = port;
	q->base.done = resolved;
	(void)text_copy(q->base.host, sizeof(q->base.host), host);
	s->query = q;
	s->state = SOURCE_RESOLVE;
	resolver_ask(s->control->resolver, &q->base);
}

static void
open_conn(struct source *s)
{
	struct auth_source entry;
	const struct config_host *host;
	struct addr addr;
	uint16_t port;

	if (!find_entry(s, &entry)) {
		fail_all(s, "auth_query is no longer asked here");
		return;
	}
	host = &entry.db->hosts[s->host_turn % entry.db->host_count];
	port = host->port != 0 ? host->port : QUERY_PG_PORT;
	s->deadline = now_of(s) + ANSWER_TIME;
	if (host->name[0] == '/' || host->name[0] == '@')
		log_in(s, host->name, port, NULL);
	else if (addr_parse_ip(host->name, port, &addr))
		log_in(s, host->name, port, &addr);
	else
		resolve(s, host->name, port);
}

/* ------------------------------------------------------------------------
 * Work
 */

static void
ask_first(struct source *s)
{
	struct auth_source entry;

	if (!find_entry(s, &entry)) {
		fail_all(s, "auth_query is no longer asked here");
		return;
	}
	s->state = SOURCE_RUNS;
	s->deadline = now_of(s) + ANSWER_TIME;
	query_pg_ask(s->conn, entry.query, first_of(s)->user);
}

static void
go_on(struct source *s)
{
	if (list_is_empty(&s->questions))
		return;
	if (s->state == SOURCE_REST)
		open_conn(s);
	else if (s->state == SOURCE_IDLE)
		ask_first(s);
}

void
source_ask(struct source *s, struct question *q)
{
	list_push_back(&s->questions, &q->node);
	if (s->state == SOURCE_REST && now_of(s) < s->retry_at) {
		while (!list_is_empty(&s->questions))
			answer_first(s, SECRET_FAILED, NULL);
		return;
	}
	go_on(s);
}

void
source_look(struct source *s, usec_t now)
{
	if (s->deadline != 0 && now >= s->deadline) {
		s->has_answered = false;
		fail_all(s, "no answer in time");
	}
	if (s->state == SOURCE_IDLE && now >= s->used + UNUSED_TIME)
		close_conn(s);
}

void
source_outdate(struct source *s)
{
	s->retry_at = 0;
	if (s->state == SOURCE_IDLE)
		close_conn(s);
	else if (s->state != SOURCE_REST)
		s->is_old = true;
}

struct source *
source_new(struct control *c, const struct auth_source *entry)
{
	struct source *s = mem_must_zalloc(sizeof(*s));

	s->control = c;
	s->database = mem_must_strdup(entry->database);
	s->user = mem_must_strdup(entry->user);
	list_init(&s->questions);
	return s;
}

void
source_free(struct source *s)
{
	close_conn(s);
	while (!list_is_empty(&s->questions))
		answer_first(s, SECRET_FAILED, NULL);
	mem_free(s->database);
	mem_free(s->user);
	mem_free(s);
}
