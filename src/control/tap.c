/*
 * The life of a listening connection; see tap.h.
 *
 * It begins again by itself, with pauses that grow, as long as a client wants
 * a channel.  When it is lost, the clients are told as listen_lost says; when
 * it is back, all its channels are listened to by one command before anything
 * is told.  A changed address or login (the pool's epoch) is a loss as well.
 */
#include "tap.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "inner.h"
#include "io/loop.h"

#define PAUSE_FIRST (100 * USEC_PER_MSEC)
#define PAUSE_MAX USEC_PER_SEC
#define UNUSED_TIME USEC_PER_SEC
#define MARK_TIME USEC_PER_SEC /* for a request for no channels */

const char *const tap_state_names[] = {
	[TAP_PLACE] = "waiting", [TAP_RESOLVE] = "login", [TAP_LOGIN] = "login",
	[TAP_SETUP] = "login",   [TAP_UP] = "active",     [TAP_PAUSE] = "lost",
};

struct tap_channel {
	bool is_on; /* listened to on this connection */
	unsigned wants;
	size_t len;
	const char *name; /* owns: behind want */
	bool want[];      /* by worker */
};

struct tap_query {
	struct resolve_query base; /* first */
	struct tap *tap;           /* borrows; NULL when it has gone on */
};

static void go_on(struct tap *t);
static void open_tap(struct tap *t);

static usec_t
now_of(const struct tap *t)
{
	return loop_now(t->control->loop);
}

static void
set_state(struct tap *t, enum tap_state state)
{
	t->state = state;
	t->since = now_of(t);
}

static void
log_tap(const struct tap *t, enum log_level level, const char *event,
	const char *error)
{
	char database[LOG_QUOTE_MAX], user[LOG_QUOTE_MAX], text[LOG_QUOTE_MAX];
	static struct log_rate rate = LOG_RATE(5);

	if (!log_enabled(level) || !log_allow(&rate))
		return;
	log_event(level, event, "database=%s user=%s server=%s pid=%u error=%s",
		  log_quote(channels_database(t->pool), database),
		  log_quote(channels_user(t->pool), user),
		  t->server[0] != '\0' ? t->server : "-",
		  t->conn != NULL ? query_pg_pid(t->conn) : 0,
		  log_quote(error, text));
}

/* ------------------------------------------------------------------------
 * Requests
 */

static void
answer(struct tap *t, struct channel_request *r, enum reason reason,
       const char *text)
{
	r->result = reason;
	if (text != NULL && text[0] != '\0')
		r->text = mem_must_strdup(text);
	channels_answer(t->control->core, r);
}

static void
answer_all(struct tap *t, struct list *requests, enum reason reason,
	   const char *text)
{
	struct list_node *n;

	while ((n = list_pop_front(requests)) != NULL)
		answer(t, LIST_ENTRY(n, struct channel_request, node), reason,
		       text);
}

/* In the order in which they came. */
static void
wait_again(struct tap *t)
{
	struct list_node *n;

	while ((n = list_last(&t->under_way)) != NULL) {
		list_remove(n);
		list_push_front(&t->waiting, n);
	}
}

static void
refuse_late(struct tap *t, usec_t now)
{
	struct list_node *n;

	while ((n = list_first(&t->waiting)) != NULL) {
		struct channel_request *r =
			LIST_ENTRY(n, struct channel_request, node);

		if (now < r->deadline)
			return;
		list_remove(n);
		answer(t, r, REASON_LISTEN_FAILED, t->error);
	}
}

/*
 * Requests for no channels are not worth waiting for where nothing is heard, or
 * not in time.
 */
static void
end_marks(struct tap *t, struct list *requests, usec_t now)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, requests) {
		struct channel_request *r =
			LIST_ENTRY(n, struct channel_request, node);

		if (r->len > 0 || now < r->deadline)
			continue;
		list_remove(n);
		answer(t, r, REASON_NONE, NULL);
	}
}

/* ------------------------------------------------------------------------
 * Channels
 */

static struct tap_channel *
make_channel(struct tap *t, const char *name, size_t len)
{
	unsigned workers = core_worker_count(t->control->core);
	struct tap_channel *ch = map_find(t->channels, name, len);

	if (ch != NULL)
		return ch;
	ch = mem_must_zalloc(sizeof(*ch) + workers * sizeof(bool) + len + 1);
	ch->len = len;
	memcpy(ch->want + workers, name, len);
	ch->name = (const char *)(ch->want + workers);
	mem_must_begin();
	ASSERT(map_put(t->channels, name, len, ch));
	mem_must_end();
	return ch;
}

static void
add_names(struct tap *t, const struct channel_request *r)
{
	const char *at = r->names, *end = at + r->len;

	for (; at < end; at += strlen(at) + 1) {
		struct tap_channel *ch = make_channel(t, at, strlen(at));

		ch->wants += !ch->want[r->worker];
		ch->want[r->worker] = true;
	}
	if (r->len > 0)
		t->unused_since = 0;
}

static void
drop_names(struct tap *t, const struct channel_request *r)
{
	const char *at = r->names, *end = at + r->len;

	for (; at < end; at += strlen(at) + 1) {
		struct tap_channel *ch = map_find(t->channels, at, strlen(at));

		if (ch == NULL || !ch->want[r->worker])
			continue;
		ch->want[r->worker] = false;
		if (--ch->wants > 0)
			continue;
		/* A command under way may just be listening to it. */
		if (t->conn != NULL)
			str_add(&t->leave, at, ch->len + 1);
		(void)map_remove(t->channels, at, ch->len);
		mem_free(ch);
	}
	if (map_count(t->channels) == 0 && t->unused_since == 0)
		t->unused_since = now_of(t);
}

static void
set_all(struct tap *t, bool is_on)
{
	struct tap_channel *ch;
	size_t cursor = 0;

	while ((ch = map_next(t->channels, &cursor, NULL, NULL)) != NULL)
		ch->is_on = is_on;
}

/* Tells each worker that has a client here. */
static void
tell_event(struct tap *t, enum channels_event event)
{
	unsigned workers = core_worker_count(t->control->core);

	for (unsigned w = 0; w < workers; w++) {
		struct tap_channel *ch;
		size_t cursor = 0;

		while ((ch = map_next(t->channels, &cursor, NULL, NULL)) !=
			       NULL &&
		       !ch->want[w])
			;
		if (ch != NULL)
			channels_event(t->control->core, t->pool, w, event);
	}
}

/* ------------------------------------------------------------------------
 * Commands
 */

static void
put_channel(struct str *sql, const char *verb, const char *name)
{
	str_puts(sql, verb);
	str_puts(sql, " \"");
	for (; *name != '\0'; name++) {
		if (*name == '"')
			str_putc(sql, '"');
		str_putc(sql, *name);
	}
	str_puts(sql, "\";");
}

/* What the connection still lacks; in one command, so in one transaction. */
static void
put_missing(struct tap *t, struct str *sql)
{
	struct tap_channel *ch;
	size_t cursor = 0;

	while ((ch = map_next(t->channels, &cursor, NULL, NULL)) != NULL) {
		if (!ch->is_on)
			put_channel(sql, "LISTEN", ch->name);
		ch->is_on = true;
	}
}

static void
put_left(struct tap *t, struct str *sql)
{
	const char *at = t->leave.data, *end = at + t->leave.len;

	for (; at < end; at += strlen(at) + 1)
		if (map_find(t->channels, at, strlen(at)) == NULL)
			put_channel(sql, "UNLISTEN", at);
	str_fini(&t->leave);
}

/*
 * Nobody is told before the server has answered: an empty command does where
 * the channels are listened to already, for what it told before it is of
 * before.
 */
static void
send_command(struct tap *t)
{
	struct str sql = { 0 };
	struct list_node *n;

	mem_must_begin();
	put_left(t, &sql);
	put_missing(t, &sql);
	while ((n = list_pop_front(&t->waiting)) != NULL)
		list_push_back(&t->under_way, n);
	t->is_busy = true;
	query_pg_send(t->conn, str_text(&sql));
	mem_must_end();
	str_fini(&sql);
}

static void
say_back(struct tap *t)
{
	if (!t->must_back)
		return;
	t->must_back = false;
	tell_event(t, CHANNELS_BACK);
}

/* ------------------------------------------------------------------------
 * Losing it
 */

static void
pause_tap(struct tap *t, usec_t span)
{
	set_state(t, TAP_PAUSE);
	t->retry_at = now_of(t) + span;
	t->deadline = 0;
}

static void
close_conn(struct tap *t)
{
	query_pg_close(t->conn);
	t->conn = NULL;
	t->is_busy = false;
	if (t->query != NULL)
		t->query->tap = NULL;
	t->query = NULL;
	str_fini(&t->leave);
	set_all(t, false);
	wait_again(t);
}

/* From UP at once, for it may be the connection alone; else with a pause. */
static void
lose(struct tap *t, const char *error)
{
	bool was_up = t->state == TAP_UP;

	(void)text_copy(t->error, sizeof(t->error), error);
	/* libpq ends its messages with a newline. */
	t->error[strcspn(t->error, "\n")] = '\0';
	log_tap(t, LOG_WARNING, was_up ? "listen_lost" : "listen_failed",
		t->error);
	close_conn(t);
	if (was_up) {
		t->lost++;
		t->must_back = true;
		tell_event(t, CHANNELS_LOST);
		end_marks(t, &t->waiting, UINT64_MAX);
		t->backoff = PAUSE_FIRST;
		pause_tap(t, 0);
		return;
	}
	pause_tap(t, t->backoff);
	t->backoff = t->backoff * 2 < PAUSE_MAX ? t->backoff * 2 : PAUSE_MAX;
	t->host_turn++;
}

static void
on_lost(void *arg, const char *error)
{
	lose(arg, error);
}

/* ------------------------------------------------------------------------
 * Opening it
 */

static void
on_ready(void *arg)
{
	struct tap *t = arg;
	const char *encoding = query_pg_parameter(t->conn, "server_encoding");
	struct str sql = { 0 };

	set_state(t, TAP_SETUP);
	mem_must_begin();
	/* Bytes as they are in the database; no server ends what is idle. */
	str_printf(&sql, "SET client_encoding = '%s'",
		   encoding != NULL ? encoding : "SQL_ASCII");
	if (query_pg_version(t->conn) >= 140000)
		str_puts(&sql, ";SET idle_session_timeout = 0");
	t->is_busy = true;
	query_pg_send(t->conn, str_text(&sql));
	mem_must_end();
	str_fini(&sql);
}

static void
on_done(void *arg, const char *error)
{
	struct tap *t = arg;

	t->is_busy = false;
	if (t->state == TAP_SETUP) {
		if (error != NULL) {
			lose(t, error);
			return;
		}
		set_state(t, TAP_UP);
		t->deadline = 0;
		t->backoff = PAUSE_FIRST;
		t->error[0] = '\0';
		log_tap(t, LOG_INFO, "listen_login", "-");
	} else if (error != NULL) {
		/* Nobody knows what of it is done. */
		answer_all(t, &t->under_way, REASON_LISTEN_FAILED, error);
		lose(t, error);
		return;
	} else {
		say_back(t);
		answer_all(t, &t->under_way, REASON_NONE, NULL);
	}
	go_on(t);
}

static void
on_heard(void *arg, uint32_t pid, const char *channel, const char *payload)
{
	struct tap *t = arg;
	struct notification n = { .pid = pid,
				  .channel = channel,
				  .payload = payload };
	const struct tap_channel *ch =
		map_find(t->channels, channel, strlen(channel));

	if (ch == NULL)
		return;
	t->heard++;
	say_back(t);
	channels_tell(t->control->core, t->pool, ch->want, t->server, &n);
}

static const struct query_pg_events events = {
	.ready = on_ready,
	.done = on_done,
	.heard = on_heard,
	.lost = on_lost,
};

static const struct config_database *
entry_of(const struct tap *t)
{
	return snapshot_database(t->control->snapshot, PROTOCOL_POSTGRES,
				 channels_database(t->pool));
}

static void
log_in(struct tap *t, const char *host, uint16_t port, const struct addr *addr)
{
	const struct config_database *db = entry_of(t);
	const char *password;
	struct query_pg_login login = { .host = host,
					.addr = addr,
					.port = port,
					.user = channels_user(t->pool) };

	password = db == NULL ? NULL
			      : snapshot_clear_password(t->control->snapshot,
							db, login.user);
	if (password == NULL) {
		lose(t, "no password is known in clear text");
		return;
	}
	login.password = password;
	login.tls = db;
	login.database =
		db->dbname != NULL ? db->dbname : channels_database(t->pool);
	set_state(t, TAP_LOGIN);
	t->conn = query_pg_open(t->control->loop, &login, &events, t);
	if (t->conn == NULL)
		lose(t, "out of memory");
}

static void
resolved(struct resolve_query *base)
{
	struct tap_query *q = (struct tap_query *)base;
	struct tap *t = q->tap;

	if (t != NULL) {
		t->query = NULL;
		if (base->count > 0)
			log_in(t, base->host, base->port,
			       &base->addrs[t->host_turn % base->count]);
		else
			lose(t, base->error);
	}
	mem_free(q);
}

static void
resolve(struct tap *t, const char *host, uint16_t port)
{
	struct tap_query *q = mem_must_zalloc(sizeof(*q));

	q->tap = t;
	q->base.home = t->control->loop;
	q->base.port = port;
	q->base.done = resolved;
	(void)text_copy(q->base.host, sizeof(q->base.host), host);
	t->query = q;
	set_state(t, TAP_RESOLVE);
	resolver_ask(t->control->resolver, &q->base);
}

/* The place is there: to the server. */
static void
open_tap(struct tap *t)
{
	const struct settings *set = snapshot_settings(t->control->snapshot);
	const struct config_database *db = entry_of(t);
	const struct config_host *host;
	struct addr addr;
	uint16_t port;

	if (db == NULL) {
		lose(t, "the database is no longer configured");
		return;
	}
	host = &db->hosts[t->host_turn % db->host_count];
	port = host->port != 0 ? host->port : channels_default_port(t->pool);
	(void)text_format(t->server, sizeof(t->server), "%s:%u", host->name,
			  port);
	t->epoch = channels_epoch(t->pool);
	t->deadline = set->server_connect_timeout == 0
			      ? 0
			      : now_of(t) + set->server_connect_timeout;
	if (host->name[0] == '/' || host->name[0] == '@')
		log_in(t, host->name, port, NULL);
	else if (addr_parse_ip(host->name, port, &addr))
		log_in(t, host->name, port, &addr);
	else
		resolve(t, host->name, port);
}

static void
take_place(struct tap *t)
{
	if (t->has_place) {
		open_tap(t);
		return;
	}
	switch (channels_take_place(t->pool)) {
	case PLACE_TAKEN:
		t->has_place = true;
		open_tap(t);
		return;
	case PLACE_LATER:
		(void)text_copy(t->error, sizeof(t->error),
				"no place under max_db_connections or "
				"max_user_connections");
		set_state(t, TAP_PLACE);
		channels_claim_place(t->pool);
		return;
	case PLACE_NEVER:
		lose(t, "no room beside a server under max_db_connections or "
			"max_user_connections");
		answer_all(t, &t->waiting, REASON_LISTEN_FAILED, t->error);
		return;
	}
}

bool
tap_place(struct tap *t)
{
	if (t->state != TAP_PLACE || t->has_place)
		return false;
	t->has_place = true;
	open_tap(t);
	return true;
}

/* ------------------------------------------------------------------------
 * Work
 */

static void
go_on(struct tap *t)
{
	bool is_new =
		!list_is_empty(&t->waiting) || t->leave.len > 0 || t->must_back;

	if (t->state == TAP_UP && !t->is_busy && is_new)
		send_command(t);
}

void
tap_take(struct tap *t, struct channel_request *r)
{
	const struct settings *set = snapshot_settings(t->control->snapshot);
	usec_t span = set->server_connect_timeout;

	if (r->want == CHANNEL_DROP) {
		drop_names(t, r);
		channel_request_free(r);
	} else {
		add_names(t, r);
		r->deadline = r->len == 0 ? now_of(t) + MARK_TIME
			      : span == 0 ? UINT64_MAX
					  : now_of(t) + span;
		list_push_back(&t->waiting, &r->node);
		if (t->state != TAP_UP)
			end_marks(t, &t->waiting, UINT64_MAX);
	}
	go_on(t);
}

/* Has nobody wanted a channel for a while? */
static bool
is_unused(const struct tap *t, usec_t now)
{
	return t->unused_since != 0 && now >= t->unused_since + UNUSED_TIME &&
	       list_is_empty(&t->waiting) && list_is_empty(&t->under_way);
}

bool
tap_look(struct tap *t, usec_t now)
{
	if (is_unused(t, now))
		return false;
	if (t->conn != NULL && t->epoch != channels_epoch(t->pool))
		lose(t, "the configuration has changed, or RECONNECT was said");
	if (t->deadline != 0 && now >= t->deadline)
		lose(t, "no login within server_connect_timeout");
	if (t->state == TAP_PLACE)
		channels_claim_place(t->pool);
	if (t->state == TAP_PAUSE && now >= t->retry_at)
		take_place(t);
	end_marks(t, &t->waiting, now);
	end_marks(t, &t->under_way, now);
	refuse_late(t, now);
	return true;
}

/* ------------------------------------------------------------------------
 * Life
 */

struct tap *
tap_new(struct control *c, struct pool *pool)
{
	struct tap *t = mem_must_zalloc(sizeof(*t));

	t->control = c;
	t->pool = pool;
	channels_pool_ref(pool);
	mem_must_begin();
	t->channels = map_new();
	mem_must_end();
	list_init(&t->waiting);
	list_init(&t->under_way);
	t->backoff = PAUSE_FIRST;
	set_state(t, TAP_PAUSE);
	return t;
}

void
tap_free(struct tap *t)
{
	struct tap_channel *ch;
	size_t cursor = 0;

	close_conn(t);
	answer_all(t, &t->waiting, REASON_LISTEN_FAILED, t->error);
	if (t->state == TAP_PLACE)
		channels_leave_queue(t->pool);
	if (t->has_place)
		channels_give_place(t->pool);
	while ((ch = map_next(t->channels, &cursor, NULL, NULL)) != NULL)
		mem_free(ch);
	map_free(t->channels);
	channels_pool_unref(t->pool);
	mem_free(t);
}

size_t
tap_channels(const struct tap *t)
{
	return map_count(t->channels);
}
