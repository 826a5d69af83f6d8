/*
 * Opening servers: which host, its addresses, the connect, the login, and what
 * follows when any of these fails.  Runs on the worker that opens.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/cancel.h"
#include "core/pool.h"
#include "core/route.h"
#include "core/server.h"
#include "core/server_inner.h"
#include "core/shared.h"
#include "core/worker.h"
#include "io/tls.h"

static const struct config_database *
entry_of(const struct server *s)
{
	return snapshot_database(s->worker->snapshot, s->pool->protocol,
				 s->pool->database);
}

struct server_query {
	struct resolve_query base; /* first */
	struct server *server;     /* borrows; NULL when it was closed */
};

void
server_forget_query(struct server *s)
{
	if (s->query != NULL)
		((struct server_query *)s->query)->server = NULL;
	s->query = NULL;
}

static void start_connect(struct server *s);

const char *
server_tag(const struct server *s, char out[SERVER_TAG_MAX])
{
	char database[LOG_QUOTE_MAX], user[LOG_QUOTE_MAX];

	(void)text_format(out, SERVER_TAG_MAX,
			  "server=%llu database=%s user=%s",
			  (unsigned long long)s->id,
			  log_quote(s->pool->database, database),
			  log_quote(s->pool->user, user));
	return out;
}

/* An opening came to nothing; the waiters are told where it concerns them. */
void
server_open_failed(struct server *s, enum reason reason, enum fail_scope scope,
		   const char *text)
{
	struct pool_failure why = { .reason = reason,
				    .scope = scope,
				    .host = s->host_turn };
	char system[192];
	size_t len = 0;
	const uint8_t *error = NULL;
	static struct log_rate rate = LOG_RATE(5);
	char quoted[LOG_QUOTE_MAX], tag[SERVER_TAG_MAX];

	if (s->back != NULL)
		error = s->ops->last_error(s->back, &len, system,
					   sizeof(system));
	if (len > 0)
		text = system;
	(void)text_copy(why.text, sizeof(why.text), text);
	if (len > 0) {
		why.error = mem_zalloc(len);
		if (why.error != NULL) {
			memcpy(why.error, error, len);
			why.error_len = len;
		}
	}
	if (log_allow(&rate))
		log_event(LOG_WARNING, "server_open_failed",
			  "%s host=%s port=%u reason=%s error=%s",
			  server_tag(s, tag), s->host, s->port,
			  reason_info(reason)->name,
			  log_quote(why.text, quoted));
	if (scope == FAIL_STARTUP)
		pool_class_refused(s->pool, s->class, &why,
				   loop_now(s->worker->loop));
	else
		pool_open_failed(s->pool, s->worker, &why,
				 loop_now(s->worker->loop));
	server_close(s, reason);
}

/* A name with several addresses: the next one, until all were tried. */
static bool
try_next_address(struct server *s)
{
	const struct resolve_query *q = s->addresses;

	if (q == NULL || ++s->tried >= q->count)
		return false;
	stream_close(&s->stream, STREAM_FIN);
	stream_init(&s->stream, server_on_ready);
	s->addr = q->addrs[(s->id + s->tried) % q->count];
	start_connect(s);
	return true;
}

static void
start_connect(struct server *s)
{
	int error = stream_connect(&s->stream, s->worker->loop, &s->addr,
				   &s->worker->options);
	char text[160];

	s->state = SERVER_LOGIN;
	if (error == 0 || try_next_address(s))
		return;
	(void)text_format(text, sizeof(text), "could not connect to %s:%u: %s",
			  s->host, s->port, strerror(error));
	server_open_failed(s, REASON_SERVER_CONNECT, FAIL_CONNECTION, text);
}

void
server_open_late(struct server *s)
{
	const struct settings *set = snapshot_settings(s->worker->snapshot);

	s->deadline = 0;
	if (set->server_connect_timeout != 0)
		s->deadline =
			loop_now(s->worker->loop) + set->server_connect_timeout;
	server_watch(s);
	if (s->stream.state == STREAM_CONNECTING && try_next_address(s))
		return;
	server_open_failed(s, REASON_SERVER_TIMEOUT, FAIL_CONNECTION,
			   "no login within server_connect_timeout");
}

static void
resolved(struct resolve_query *base)
{
	struct server_query *q = (struct server_query *)base;
	struct server *s = q->server;
	char text[256];

	if (s != NULL) {
		s->query = NULL;
		if (base->count > 0) {
			s->addresses = base;
			s->addr = base->addrs[s->id % base->count];
			start_connect(s);
			return;
		} else {
			(void)text_format(text, sizeof(text),
					  "could not resolve host \"%s\": %s",
					  base->host, base->error);
			server_open_failed(s, REASON_SERVER_DNS,
					   FAIL_CONNECTION, text);
		}
	}
	mem_free(q);
}

static void
start_resolve(struct server *s)
{
	struct server_query *q = mem_zalloc(sizeof(*q));

	if (q == NULL) {
		server_open_failed(s, REASON_NO_MEMORY, FAIL_CONNECTION,
				   "out of memory");
		return;
	}
	q->server = s;
	q->base.home = s->worker->loop;
	q->base.port = s->port;
	q->base.done = resolved;
	(void)text_copy(q->base.host, sizeof(q->base.host), s->host);
	s->query = &q->base;
	resolver_ask(s->worker->core->resolver, &q->base);
}

static void
start_address(struct server *s)
{
	char path[256];

	if (s->host[0] == '/' || s->host[0] == '@') {
		s->ops->unix_path(s->host, s->port, path, sizeof(path));
		if (!addr_set_unix(path, &s->addr)) {
			server_open_failed(s, REASON_SERVER_CONNECT,
					   FAIL_CONNECTION,
					   "unix socket path is too long");
			return;
		}
		start_connect(s);
	} else if (addr_parse_ip(s->host, s->port, &s->addr)) {
		start_connect(s);
	} else {
		start_resolve(s);
	}
}

static void
choose_host(struct server *s, const struct config_database *db)
{
	const struct config_host *host;

	s->host_turn = pool_next_host(s->pool, db->balance);
	host = &db->hosts[s->host_turn % db->host_count];
	(void)text_copy(s->host, sizeof(s->host), host->name);
	s->port = host->port == 0 ? s->ops->default_port : host->port;
}

void
server_credential(const struct server *s, const struct config_database *db,
		  struct server_secret *out)
{
	const struct config_user *user =
		snapshot_user(s->worker->snapshot, s->pool->user);
	struct credential *cred = &out->cred;

	*cred = (struct credential){ .user = s->pool->user, .secret = "" };
	if (db->password != NULL && db->user != NULL)
		cred->secret = db->password;
	else if (user != NULL && user->secret != NULL)
		cred->secret = user->secret;
	out->asked = NULL;
	if (cred->secret[0] == '\0' && db->user == NULL)
		out->asked = pool_copy_secret(s->pool);
	if (out->asked != NULL)
		cred->secret = out->asked;
	if (pool_copy_keys(s->pool, cred->secret, out->client_key,
			   out->server_key)) {
		cred->client_key = out->client_key;
		cred->server_key = out->server_key;
	}
}

void
server_secret_fini(struct server_secret *secret)
{
	mem_wipe_str(secret->asked);
	mem_wipe(secret, sizeof(*secret));
}

/* The login's state, with the secret that is known for this user. */
static bool
open_back(struct server *s, const struct config_database *db)
{
	struct startup_words words = { .data = s->class->words,
				       .len = s->class->len };
	struct server_secret secret;

	server_credential(s, db, &secret);
	s->back = s->ops->open(&secret.cred,
			       db->dbname == NULL ? s->pool->database
						  : db->dbname,
			       words, worker_policy(s->worker, s->pool));
	server_secret_fini(&secret);
	return s->back != NULL;
}

static enum stream_check
check_of(const struct config_database *db)
{
	return db->ssl_mode == SSL_MODE_VERIFY_FULL ? STREAM_CHECK_NAME
						    : STREAM_CHECK_NONE;
}

void
server_cancel_back(struct server *s, struct canceler *x)
{
	const struct config_database *db = entry_of(s);
	struct server_secret secret;

	if (db == NULL)
		return;
	if (db->tls != NULL)
		x->tls = tls_context_ref(db->tls);
	x->check = check_of(db);
	(void)text_copy(x->host, sizeof(x->host), s->host);
	server_credential(s, db, &secret);
	x->back = s->ops->cancel_open(s->back, &secret.cred,
				      worker_policy(s->worker, s->pool));
	server_secret_fini(&secret);
}

void
server_open(struct pool *p, struct worker *w)
{
	const struct settings *set = snapshot_settings(w->snapshot);
	const struct config_database *db;
	struct server *s = mem_zalloc(sizeof(*s));

	if (s == NULL) {
		pool_opening_dropped(p);
		return;
	}
	stream_init(&s->stream, server_on_ready);
	s->timer.fire = server_on_timer;
	s->pool = p;
	pool_ref(p);
	s->class = pool_class_choose(p, loop_now(w->loop));
	s->worker = w;
	s->ops = p->back;
	s->id = atomic_fetch_add(&w->core->next_id, 1) + 1;
	s->epoch = pool_join_epoch(p, snapshot_generation(w->snapshot));
	s->lost_seen = lost_now(&w->core->lost);
	s->created = loop_now(w->loop);
	s->deadline = s->created + set->server_connect_timeout;
	if (set->server_connect_timeout == 0)
		s->deadline = 0;
	list_push_back(&w->servers, &s->owned);
	server_watch(s);
	db = entry_of(s);
	if (db == NULL) {
		server_open_failed(s, REASON_DATABASE_REMOVED, FAIL_POOL,
				   "the database is no longer configured");
	} else if (!open_back(s, db)) {
		server_open_failed(s, REASON_NO_MEMORY, FAIL_CONNECTION,
				   "out of memory");
	} else {
		s->changes = changes_of(&w->core->changes, db, p->database);
		choose_host(s, db);
		start_address(s);
	}
}

bool
server_connected(struct server *s)
{
	int error = stream_connected(&s->stream);
	char text[400];

	if (error == EINPROGRESS)
		return false;
	if (error == 0)
		return true;
	if (try_next_address(s))
		return false;
	(void)text_format(text, sizeof(text), "could not connect to %s:%u: %s",
			  s->host, s->port, strerror(error));
	server_open_failed(s, REASON_SERVER_CONNECT, FAIL_CONNECTION, text);
	return false;
}

/* Up to a tenth earlier, so that they do not all go at once.  A lifetime of 0
 * means once, to which the pool sees. */
void
server_set_expiry(struct server *s)
{
	usec_t life;

	(void)worker_policy(s->worker,
			    s->pool); /* brings the copy up to date */
	life = s->pool->parts[s->worker->id].config.server_lifetime;
	s->expires = life == 0 ? 0
			       : s->created + life -
					 life / 10 * s->jitter / UINT16_MAX;
}

void
server_ready(struct server *s)
{
	struct worker *w = s->worker;
	char tag[SERVER_TAG_MAX], tls[TLS_TEXT_MAX];

	s->is_logged_in = true;
	/* Addresses that were asked for before may be tried after a loss. */
	s->close_needed |= server_has_lost(s);
	s->deadline = 0;
	s->jitter = (uint16_t)core_random();
	server_set_expiry(s);
	notifier_open(s);
	pool_opened(s->pool, s, s->ops->facts(s->back));
	stream_tls_text(&s->stream, tls, sizeof(tls));
	log_event(LOG_INFO, "server_login", "%s host=%s port=%u pid=%u",
		  server_tag(s, tag), s->host, s->port,
		  s->ops->view(s->back)->remote_pid);
	s->state = SERVER_ACTIVE;
	server_release(s, RESIDUE_NONE);
	/* One login less: the next one may begin. */
	pool_dispatch(s->pool, w, loop_now(w->loop));
}

void
server_start_tls(struct server *s)
{
	const struct config_database *db = entry_of(s);

	if (db == NULL || db->tls == NULL || s->is_logged_in ||
	    !stream_connect_tls(&s->stream, db->tls, s->host, check_of(db)))
		server_open_failed(s, REASON_SERVER_TLS, FAIL_CONNECTION,
				   "TLS could not be started");
}

/* The connection ended before the login: why, as far as it is known. */
static void
lost_at_login(struct server *s)
{
	char why[128], text[200];

	stream_tls_error(&s->stream, why, sizeof(why));
	if (s->stream.tls == NULL || stream_is_tls(&s->stream)) {
		server_open_failed(
			s, REASON_SERVER_LOST, FAIL_CONNECTION,
			"the server closed the connection during login");
		return;
	}
	(void)text_format(text, sizeof(text),
			  "the TLS handshake with the server failed%s%s",
			  why[0] == '\0' ? "" : ": ", why);
	/* What it shows, or what it takes, will be the same next time. */
	server_open_failed(
		s, REASON_SERVER_TLS,
		s->stream.error == EPROTO ? FAIL_POOL : FAIL_CONNECTION, text);
}

void
server_failed(struct server *s, const struct order *o)
{
	if (s->is_logged_in)
		server_close(s, o->reason);
	else
		server_open_failed(s, o->reason, o->scope,
				   o->fail.text != NULL
					   ? o->fail.text
					   : reason_info(o->reason)->text);
}

void
server_lost(struct server *s)
{
	if (s->is_logged_in)
		server_close(s, REASON_SERVER_LOST);
	else
		lost_at_login(s);
}
