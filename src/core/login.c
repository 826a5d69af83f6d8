/*
 * The core's part of a client's login; see login.h.
 *
 * Nothing is kept of a name before its owner has proven himself: the pool and
 * the states of database and user are made at NEED_FACTS, not at ROUTE.
 */
#include "core/login.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/access.h"
#include "core/client_inner.h"
#include "core/front.h"
#include "core/proxied.h"
#include "core/secrets_inner.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker.h"

void
login_stream_facts(const struct client *c, struct stream_facts *facts,
		   char addr[ADDR_TEXT_MAX])
{
	struct addr peer;

	*facts = *server_facts(&c->stream);
	facts->has_alpn = stream_has_alpn(&c->stream);
	if (!client_peer_addr(c, &peer))
		return;
	facts->peer_addr = addr_host(&peer, addr);
	facts->peer_port = addr_port(&peer);
}

static bool
is_console_name(const char *database)
{
	return strcmp(database, "pgbouncer") == 0 ||
	       strcmp(database, "carpool") == 0;
}

/* The owner of the daemon's account, as `pgbouncer`, over the unix socket. */
static bool
is_own_account(const struct client *c)
{
	return c->is_console && c->stream.is_unix &&
	       strcmp(c->login->user, "pgbouncer") == 0 &&
	       addr_peer_uid(c->stream.fd) == (int64_t)getuid();
}

enum console_right
login_console_right(const struct client *c)
{
	if (is_own_account(c))
		return CONSOLE_ADMIN;
	return snapshot_console_right(c->worker->snapshot, c->login->user);
}

static enum reason
route_reason(struct client *c, const struct route *route)
{
	struct worker *w = c->worker;
	struct db_state *db;

	if (w->core->drain != 0 || w->core->is_stopping)
		return REASON_SHUTDOWN;
	if (is_console_name(route->database)) {
		c->is_console = true;
		return login_console_right(c) == CONSOLE_NONE
			       ? REASON_CONSOLE_DENIED
			       : REASON_NONE;
	}
	if (snapshot_database(w->snapshot, c->protocol, route->database) ==
	    NULL)
		return REASON_NO_DATABASE;
	db = route_find_database(w->core, c->protocol, route->database);
	if (db != NULL && db->is_disabled)
		return REASON_DATABASE_DISABLED;
	return REASON_NONE;
}

/* What there is too little of for one more client. */
static enum reason
shortage(const struct client *c)
{
	const struct core *core = c->worker->core;

	if (core->is_memory_short)
		return REASON_MEMORY_LIMIT;
	return c->stream.fd >= core->fd_refuse ? REASON_DESCRIPTORS
					       : REASON_NONE;
}

/* How the pool's servers will be shared, before there is a pool. */
static enum pool_mode
route_mode(const struct client *c, const struct route *route)
{
	const struct snapshot *snap = c->worker->snapshot;
	const struct config_database *db =
		snapshot_database(snap, c->protocol, route->database);
	struct pool_config config;

	if (db == NULL)
		return snapshot_settings(snap)->pool_mode;
	snapshot_pool_config(
		snap, db,
		snapshot_user(snap, db->user != NULL ? db->user : route->user),
		&config);
	return config.mode;
}

/* Who names no database is led to the protocol's default, if it has one. */
static const char *
route_name(const struct client *c, const char *database)
{
	const struct config_database *db = NULL;

	if (database[0] == '\0')
		db = snapshot_default_database(c->worker->snapshot,
					       c->protocol);
	return db != NULL ? db->name : database;
}

void
login_route(struct client *c, const struct route *asked, struct answer *answer)
{
	struct route named = *asked;
	const struct route *route = &named;
	enum reason reason;

	named.database = route_name(c, asked->database);
	*answer = (struct answer){ .kind = ANSWER_ROUTE };
	mem_free(c->login->user);
	mem_free(c->login->database);
	c->login->user = mem_strdup(route->user);
	c->login->database = mem_strdup(route->database);
	if (c->login->user == NULL || c->login->database == NULL) {
		/* At once: what follows needs the names. */
		client_refuse_reason(c, REASON_NO_MEMORY);
		return;
	}
	answer->reason = route_reason(c, route);
	reason = c->is_console ? REASON_NONE : shortage(c);
	if (reason != REASON_NONE) {
		/* Before the password is asked for, which costs more. */
		client_refuse_reason(c, reason);
		return;
	}
	answer->is_console = c->is_console;
	answer->mode = route_mode(c, route);
}

/* The client's own, of the file or of auth_query; NULL: none. */
static const char *
login_secret(const struct client *c)
{
	const struct config_user *user =
		snapshot_user(c->worker->snapshot, c->login->user);

	if (c->login->secret != NULL)
		return c->login->secret;
	return user == NULL ? NULL : user->secret;
}

/* What servers have of those who are asked for, mostly: somebody who is not
 * there must cost as much. */
static const char asked_decoy[] =
	"SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$"
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

bool
login_verify(struct client *c, struct answer *answer)
{
	const struct snapshot *snap = c->worker->snapshot;
	enum auth_method method = AUTH_ANY;

	if (!is_own_account(c) && !access_method(c, &method))
		return false;
	if (method != AUTH_ANY && method != AUTH_REJECT && secrets_ask(c))
		return false;
	*answer = (struct answer){
		.kind = ANSWER_VERIFY,
		.method = method,
		.secret = login_secret(c),
		.reason = REASON_ACCESS,
		.words = c->login->denial,
	};
	if (c->login->has_asked) {
		answer->decoy = asked_decoy;
		return true;
	}
	/* Whoever comes first in the file stands for all. */
	for (size_t i = 0; i < snapshot_user_count(snap); i++) {
		const char *secret = snapshot_user_at(snap, i)->secret;

		if (secret == NULL || secret[0] == '\0')
			continue;
		answer->decoy = secret;
		break;
	}
	return true;
}

void
login_answer_verify(struct client *c)
{
	struct answer answer;

	if (login_verify(c, &answer))
		session_answer(c, &answer);
}

static bool
find_pool(struct client *c)
{
	struct worker *w = c->worker;
	const struct config_database *db =
		snapshot_database(w->snapshot, c->protocol, c->login->database);
	enum reason reason;

	if (db == NULL) { /* a reload took it away since ROUTE */
		client_refuse_reason(c, REASON_NO_DATABASE);
		return false;
	}
	c->account = route_user(w->core, w->snapshot, c->login->user);
	/* Who has a pool has an account too. */
	if (c->account != NULL)
		c->pool = route_pool(w->core, w->snapshot, db,
				     c->login->database, c->login->user);
	if (c->pool == NULL) {
		client_refuse_reason(c, REASON_NO_MEMORY);
		return false;
	}
	c->pool->parts[w->id].clients++;
	client_count_bytes(c, STAT_RECEIVED, c->login->received);
	client_count_bytes(c, STAT_SENT, c->login->sent);
	reason = limits_take_client(&w->core->limits, &c->pool->db->clients,
				    &c->account->clients);
	if (reason != REASON_NONE) {
		client_refuse_reason(c, reason);
		return false;
	}
	c->is_counted = true;
	return true;
}

/* A worker that lost four clients in so short a time has many short ones. */
#define CHURN_TIME (10 * USEC_PER_MSEC)

/*
 * By how much the worker where a client came in may be ahead of the best one.
 * Clients that stay are spread evenly.  Where they come and go the numbers even
 * out by themselves, and a move costs half a login.
 */
static uint32_t
may_have_more(const struct client *c, const struct worker *best)
{
	usec_t now = loop_now(c->worker->loop);

	if (now - c->worker->left[c->worker->left_at] < CHURN_TIME)
		return best->load / 4 + 8;
	return best->load / 16 + 1;
}

/* The home worker of its pool with the fewest clients. */
static struct worker *
choose_home(struct client *c)
{
	struct worker *best = NULL;
	unsigned homes = pool_home_count(c->pool);
	bool is_home = false;

	for (unsigned i = 0; i < homes; i++) {
		struct worker *w = pool_home(c->pool, i);

		is_home |= w == c->worker;
		if (best == NULL || w->load < best->load)
			best = w;
	}
	/* Where it came in is as good, unless that worker has far more. */
	if (is_home && c->worker->load <= best->load + may_have_more(c, best))
		return c->worker;
	return best;
}

static void
keep_keys(struct client *c)
{
	const char *secret = login_secret(c);
	uint8_t client_key[32], server_key[32];

	if (secret == NULL || strcmp(c->account->name, c->pool->user) != 0)
		return;
	if (c->login->secret != NULL)
		pool_keep_secret(c->pool, secret);
	if (!client_front(c)->credential(c->front, client_key, server_key))
		return;
	pool_keep_keys(c->pool, secret, client_key, server_key);
	mem_wipe(client_key, sizeof(client_key));
	mem_wipe(server_key, sizeof(server_key));
}

/* A client of a protocol whose server speaks first: what it is greeted with. */
static bool
greet(struct client *c, struct answer *answer)
{
	struct core *core = c->worker->core;
	const void *facts = greeting_facts(core, c->protocol);

	if (facts != NULL) {
		*answer =
			(struct answer){ .kind = ANSWER_FACTS, .facts = facts };
		return true;
	}
	c->login->wants_greeting = true;
	c->back_to = c->state;
	client_set_state(c, CLIENT_ASKING);
	greeting_want(core, c->protocol);
	return false;
}

bool
login_class(struct client *c, struct startup_words words)
{
	struct pool_class *class = pool_class_take(c->pool, words);

	if (class == NULL) {
		client_refuse_reason(c, REASON_NO_MEMORY);
		return false;
	}
	if (c->class != NULL)
		pool_class_give(c->pool, c->class);
	c->class = class;
	return true;
}

bool
login_facts(struct client *c, struct startup_words words, struct answer *answer)
{
	struct worker *to;

	if (c->login->user == NULL)
		return greet(c, answer);
	if (c->pool == NULL) {
		if (!find_pool(c))
			return false;
		keep_keys(c);
	}
	if (c->class == NULL && words.len > 0) {
		c->class = pool_class_take(c->pool, words);
		if (c->class == NULL) {
			client_refuse_reason(c, REASON_NO_MEMORY);
			return false;
		}
	}
	if (!c->login->has_moved) {
		c->login->has_moved = true;
		to = choose_home(c);
		if (to != c->worker && client_move(c, to))
			return false;
	}
	if (c->login->facts == NULL)
		c->login->facts = pool_facts_ref(c->pool, c->class);
	if (c->login->facts == NULL) {
		c->login->wants_facts = true;
		return session_want_server(c);
	}
	c->login->wants_facts = false;
	*answer = (struct answer){ .kind = ANSWER_FACTS,
				   .facts = c->login->facts };
	return true;
}

static void
log_login(struct client *c)
{
	char user[LOG_QUOTE_MAX], database[LOG_QUOTE_MAX];
	struct stream_facts facts;
	char addr[ADDR_TEXT_MAX], tls[TLS_TEXT_MAX];

	if (snapshot_settings(c->worker->snapshot)->log_connections == 0)
		return;
	login_stream_facts(c, &facts, addr);
	stream_tls_text(&c->stream, tls, sizeof(tls));
	log_event(LOG_INFO, "client_login",
		  "client=%llu user=%s database=%s addr=%s port=%u%s%s",
		  (unsigned long long)c->id, log_quote(c->login->user, user),
		  log_quote(c->login->database, database), addr,
		  facts.peer_port, tls[0] == '\0' ? "" : " tls=", tls);
}

static void
free_login(struct client *c)
{
	struct client_login *l = c->login;

	if (l == NULL)
		return;
	if (l->facts != NULL)
		c->pool->back->facts_unref(l->facts);
	mem_free(l->user);
	mem_free(l->database);
	mem_free(l->proxied);
	mem_free(l->denial);
	mem_wipe_str(l->secret);
	mem_free(l->system_name);
	mem_free(l);
	c->login = NULL;
}

void
login_done(struct client *c)
{
	struct core *core = c->worker->core;

	log_login(c);
	c->is_login = false;
	atomic_fetch_sub(&core->logins, 1);
	if (c->is_console) {
		client_set_state(c, CLIENT_CONSOLE);
		return;
	}
	free_login(c);
	stats_add(c->pool->parts[c->worker->id].stats, STAT_LOGINS, 1);
	client_set_state(c, CLIENT_IDLE);
	c->is_keyed = true;
	c->worker->pool_clients++;
}

void
login_undo(struct client *c)
{
	struct core *core = c->worker->core;

	if (c->is_login)
		atomic_fetch_sub(&core->logins, 1);
	c->is_login = false;
	if (c->is_keyed)
		c->worker->pool_clients--;
	c->is_keyed = false;
	free_login(c);
	if (c->is_counted)
		limits_give_client(&core->limits, &c->pool->db->clients,
				   &c->account->clients);
	c->is_counted = false;
	if (c->class != NULL)
		pool_class_give(c->pool, c->class);
	c->class = NULL;
	if (c->pool != NULL) {
		c->pool->parts[c->worker->id].clients--;
		pool_unref(c->pool);
	}
	c->pool = NULL;
}

bool
login_again(struct client *c)
{
	struct client_login *l = mem_zalloc(sizeof(*l));
	struct server *s = c->server;

	if (l == NULL) {
		client_refuse_reason(c, REASON_NO_MEMORY);
		return false;
	}
	client_drop_tenure(c);
	if (s != NULL) {
		c->server = NULL;
		s->client = NULL;
		server_abandon(s, SENT_WHOLE);
	}
	login_undo(c);
	/* It stays on its worker: its number was told with the first login. */
	l->client = c;
	l->since = loop_now(c->worker->loop);
	l->has_moved = true;
	c->login = l;
	c->account = NULL;
	c->is_login = true;
	atomic_fetch_add(&c->worker->core->logins, 1);
	client_set_state(c, CLIENT_LOGIN);
	client_arm(c);
	return true;
}
