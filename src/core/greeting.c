/*
 * Asking servers for their greeting; see greeting.h.
 *
 * One question a protocol at a time, on the control loop: host after host is
 * connected to, and what it says is met with what the others said.  The
 * connection is not just closed then: servers count who leaves before a login
 * and in the end hear the host no more, so a login is tried that must fail, and
 * no host is asked twice.  A host that cannot be asked is passed over; if none
 * can, the clients that wait are refused and the next one asks again.  Facts
 * that were given to clients are kept to the end, since any thread may be
 * writing them; there are few.
 */
#include "core/greeting.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/client.h"
#include "core/front.h"
#include "core/login.h"
#include "core/session.h"

/* A greeting is some hundred bytes. */
#define GREETING_MAX 4096u

struct asking {
	struct core *core; /* borrows */
	struct stream stream;
	struct timer timer;
	struct resolve_query query;
	struct snapshot *snapshot; /* refs */
	const void *facts;         /* refs: of the hosts so far, or NULL */
	struct map *asked;         /* owns: the hosts so far, by their keys */
	size_t database, host;     /* the one that is asked */
	unsigned protocol;
	bool is_read;  /* the greeting is, and good-bye was said */
	bool is_again; /* a reload came meanwhile */
};

const void *
greeting_facts(struct core *core, unsigned protocol)
{
	return atomic_load_explicit(&core->greetings[protocol].facts,
				    memory_order_acquire);
}

static const struct front_ops *
front_of(const struct asking *a)
{
	return a->core->fronts[a->protocol];
}

/* ------------------------------------------------------------------------
 * The end
 */

static void
tell_client(struct client *c, const void *facts)
{
	struct answer answer = { .kind = ANSWER_FACTS, .facts = facts };

	c->login->wants_greeting = false;
	if (facts == NULL)
		client_refuse_reason(c, REASON_SERVER_CONNECT);
	else
		session_answer(c, &answer);
}

/* On each worker. */
static void
tell_waiting(void *arg, struct worker *w)
{
	struct list_node *n, *tmp;

	(void)arg;
	LIST_FOREACH (n, tmp, &w->clients) {
		struct client *c = LIST_ENTRY(n, struct client, node);

		if (c->login != NULL && c->login->wants_greeting)
			tell_client(c, greeting_facts(w->core, c->protocol));
	}
}

static void
keep(struct greeting *g, const void *facts)
{
	struct kept_facts *kept = mem_must_zalloc(sizeof(*kept));

	kept->facts = facts;
	kept->next = g->kept;
	g->kept = kept;
	atomic_store_explicit(&g->facts, facts, memory_order_release);
}

static void
asking_free(struct asking *a)
{
	snapshot_unref(a->snapshot);
	map_free(a->asked);
	mem_free(a);
}

static void start(struct core *core, unsigned protocol);

static void
finish(struct asking *a)
{
	struct core *core = a->core;
	struct greeting *g = &core->greetings[a->protocol];
	const struct back_ops *back = front_of(a)->back;
	bool is_again = a->is_again;
	unsigned protocol = a->protocol;

	if (a->facts != NULL && g->facts != NULL &&
	    back->facts_equal(a->facts, g->facts))
		back->facts_unref(a->facts);
	else if (a->facts != NULL)
		keep(g, a->facts);
	timer_clear(core->control, &a->timer);
	asking_free(a);
	g->asking = NULL;
	core_must_broadcast(core, tell_waiting, NULL, NULL, NULL);
	if (is_again)
		start(core, protocol);
}

/* ------------------------------------------------------------------------
 * One host
 */

static const struct config_host *
host_of(const struct asking *a)
{
	return &snapshot_database_at(a->snapshot, a->database)->hosts[a->host];
}

static void next_host(struct asking *a);

static void
leave_host(struct asking *a, const char *why)
{
	static struct log_rate rate = LOG_RATE(5);
	char quoted[LOG_QUOTE_MAX];

	if (why != NULL && log_allow(&rate))
		log_event(LOG_WARNING, "greeting_failed",
			  "host=%s port=%u error=%s", host_of(a)->name,
			  (unsigned)host_of(a)->port, log_quote(why, quoted));
	stream_close(&a->stream, STREAM_FIN);
	a->host++;
	next_host(a);
}

static void
take_facts(struct asking *a, const void *facts)
{
	const struct back_ops *back = front_of(a)->back;
	const void *both;

	if (a->facts == NULL) {
		a->facts = facts;
		return;
	}
	both = back->facts_meet(a->facts, facts);
	back->facts_unref(facts);
	if (both == NULL)
		return;
	back->facts_unref(a->facts);
	a->facts = both;
}

static void
read_greeting(struct asking *a)
{
	uint8_t bytes[GREETING_MAX];
	size_t len = a->stream.in.len;
	const void *facts;

	if (len > sizeof(bytes))
		len = sizeof(bytes);
	buf_copy_out(&a->stream.in, 0, bytes, len);
	switch (front_of(a)->back->greeting(bytes, len, &a->stream.out,
					    &facts)) {
	case GREETING_MORE:
		if (len == sizeof(bytes) || stream_has_ended(&a->stream))
			leave_host(a, "it ended before its greeting did");
		return;
	case GREETING_BAD:
		leave_host(a, "this is no greeting of such a server");
		return;
	case GREETING_NO_MEMORY:
		leave_host(a, "out of memory");
		return;
	case GREETING_READ:
		break;
	}
	take_facts(a, facts);
	a->is_read = true;
	/* Without memory for a good-bye nothing would make it end. */
	if (a->stream.out.len == 0 || stream_flush(&a->stream) == FLUSH_ERROR)
		leave_host(a, NULL);
}

static void
on_ready(struct stream *stream)
{
	struct asking *a = LIST_ENTRY(stream, struct asking, stream);
	int error = stream_connected(stream);
	size_t len;

	if (error == EINPROGRESS)
		return;
	if (error != 0) {
		leave_host(a, strerrordesc_np(error));
		return;
	}
	len = stream->in.len;
	while (stream->readable &&
	       stream_fill(stream, GREETING_MAX) == FILL_SOME)
		continue;
	if (!a->is_read)
		read_greeting(a);
	else if (stream->in.len > len || stream_has_ended(stream) ||
		 stream_flush(stream) == FLUSH_ERROR)
		leave_host(a, NULL);
}

static void
on_timer(struct timer *timer)
{
	struct asking *a = LIST_ENTRY(timer, struct asking, timer);

	leave_host(a, a->is_read ? NULL
				 : "no greeting within server_connect_timeout");
}

static void
connect_to(struct asking *a, const struct addr *addr)
{
	const struct settings *set = snapshot_settings(a->snapshot);
	usec_t patience = set->server_connect_timeout != 0
				  ? set->server_connect_timeout
				  : 15 * USEC_PER_SEC;
	struct stream_options options = { 0 };
	int error;

	stream_init(&a->stream, on_ready);
	a->is_read = false;
	timer_set(a->core->control, &a->timer,
		  loop_now(a->core->control) + patience);
	error = stream_connect(&a->stream, a->core->control, addr, &options);
	if (error != 0)
		leave_host(a, strerrordesc_np(error));
}

static void
on_resolved(struct resolve_query *query)
{
	struct asking *a = LIST_ENTRY(query, struct asking, query);

	if (a->core->is_stopping)
		return; /* greeting_fini has the rest */
	if (query->count == 0)
		leave_host(a, query->error);
	else
		connect_to(a, &query->addrs[0]);
}

static void
ask_host(struct asking *a)
{
	const struct back_ops *back = front_of(a)->back;
	const struct config_host *host = host_of(a);
	uint16_t port = host->port == 0 ? back->default_port : host->port;
	char path[256];
	struct addr addr;

	if (host->name[0] == '/' || host->name[0] == '@') {
		back->unix_path(host->name, port, path, sizeof(path));
		if (addr_set_unix(path, &addr))
			connect_to(a, &addr);
		else
			leave_host(a, "unix socket path is too long");
	} else if (addr_parse_ip(host->name, port, &addr)) {
		connect_to(a, &addr);
	} else {
		a->query.done = on_resolved;
		a->query.home = a->core->control;
		a->query.port = port;
		(void)text_copy(a->query.host, sizeof(a->query.host),
				host->name);
		resolver_ask(a->core->resolver, &a->query);
	}
}

/* Was the host at hand asked already?  Then it is noted. */
static bool
was_asked(struct asking *a)
{
	const struct config_host *host = host_of(a);
	struct str key = { 0 };
	bool was;

	str_printf(&key, "%u %s", (unsigned)host->port, host->name);
	was = map_find(a->asked, str_text(&key), key.len) != NULL;
	/* Without memory it is asked once more. */
	if (!was)
		(void)!map_put(a->asked, str_text(&key), key.len, a);
	str_fini(&key);
	return was;
}

/* Goes to the host at hand, or to the first of the next entry. */
static void
next_host(struct asking *a)
{
	size_t count = snapshot_database_count(a->snapshot);
	const struct config_database *db;

	for (; a->database < count; a->database++, a->host = 0) {
		db = snapshot_database_at(a->snapshot, a->database);
		if (db->protocol != a->protocol)
			continue;
		while (a->host < db->host_count && was_asked(a))
			a->host++;
		if (a->host >= db->host_count)
			continue;
		ask_host(a);
		return;
	}
	finish(a);
}

/* ------------------------------------------------------------------------
 * The beginning
 */

static void
start(struct core *core, unsigned protocol)
{
	struct greeting *g = &core->greetings[protocol];
	struct asking *a;

	if (g->asking != NULL) {
		g->asking->is_again = true;
		return;
	}
	a = mem_must_zalloc(sizeof(*a));
	mem_must_begin();
	a->asked = map_new();
	mem_must_end();
	a->core = core;
	a->protocol = protocol;
	a->snapshot = snapshot_ref(core->snapshot);
	a->timer.fire = on_timer;
	stream_init(&a->stream, on_ready);
	g->asking = a;
	next_host(a);
}

static void
wanted(struct mail *mail)
{
	struct greeting *g = LIST_ENTRY(mail, struct greeting, mail);

	atomic_store(&g->is_wanted, false);
	if (g->core->is_stopping || g->asking != NULL)
		return;
	if (g->facts != NULL)
		core_must_broadcast(g->core, tell_waiting, NULL, NULL, NULL);
	else
		start(g->core, g->protocol);
}

void
greeting_want(struct core *core, unsigned protocol)
{
	struct greeting *g = &core->greetings[protocol];

	if (!atomic_exchange(&g->is_wanted, true))
		loop_post(core->control, &g->mail);
}

void
greeting_init(struct core *core)
{
	for (unsigned i = 0; i < PROTOCOLS; i++) {
		core->greetings[i].core = core;
		core->greetings[i].protocol = i;
		core->greetings[i].mail.deliver = wanted;
	}
}

void
greeting_renew(struct core *core)
{
	for (unsigned i = 0; i < PROTOCOLS; i++)
		if (core->greetings[i].facts != NULL)
			start(core, i);
}

void
greeting_fini(struct core *core)
{
	for (unsigned i = 0; i < PROTOCOLS; i++) {
		struct greeting *g = &core->greetings[i];
		struct kept_facts *kept;

		if (g->asking != NULL) {
			timer_clear(core->control, &g->asking->timer);
			stream_close(&g->asking->stream, STREAM_FIN);
			if (g->asking->facts != NULL)
				core->fronts[i]->back->facts_unref(
					g->asking->facts);
			asking_free(g->asking);
		}
		while ((kept = g->kept) != NULL) {
			g->kept = kept->next;
			core->fronts[i]->back->facts_unref(kept->facts);
			mem_free(kept);
		}
	}
}
