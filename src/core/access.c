/*
 * The decision about access; see access.h.
 *
 * What the system calls the user at a unix socket is asked on a helper thread,
 * since the answer may come from a directory over the network; the client waits
 * for it as for any job, and the decision is then made anew.
 */
#include "core/access.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/hba.h"
#include "core/login.h"
#include "core/proxied.h"
#include "core/shared.h"
#include "core/work.h"
#include "core/worker.h"

#define NAME_MAX_SYSTEM 256u /* bytes of a system's or certificate's name */
#define PASSWD_ROOM 4096u    /* bytes of an entry of the system's users */

/* ------------------------------------------------------------------------
 * Denials
 */

static const char *
way_text(enum hba_way way)
{
	return way == HBA_TLS ? "TLS encryption" : "no encryption";
}

static enum hba_way
way_of(const struct client *c)
{
	if (c->stream.is_unix)
		return HBA_UNIX;
	return stream_is_tls(&c->stream) ? HBA_TLS : HBA_CLEAR;
}

/* Keeps the words for the client, if there is memory. */
static enum auth_method
deny(struct client *c, const struct str *words)
{
	mem_free(c->login->denial);
	c->login->denial = words->failed ? NULL : mem_strdup(str_text(words));
	return AUTH_REJECT;
}

static enum auth_method
deny_rule(struct client *c, const struct addr *peer, const char *what)
{
	char host[ADDR_TEXT_MAX] = "unknown";
	struct str words = { 0 };

	if (c->stream.is_unix)
		(void)text_copy(host, sizeof(host), "[local]");
	else if (peer != NULL)
		(void)addr_host(peer, host);
	str_printf(&words,
		   "%s host \"%s\", user \"%.127s\", database \"%.63s\", %s",
		   what, host, c->login->user, c->login->database,
		   way_text(way_of(c)));
	deny(c, &words);
	str_fini(&words);
	return AUTH_REJECT;
}

/* The method failed for its user, as servers say it. */
static enum auth_method
deny_user(struct client *c, const char *method)
{
	struct str words = { 0 };

	str_printf(&words, "%s authentication failed for user \"%.127s\"",
		   method, c->login->user);
	deny(c, &words);
	str_fini(&words);
	return AUTH_REJECT;
}

/* The rule's place is for the log alone. */
static void
log_denial(const struct client *c, const struct hba_rule *rule,
	   const char *name)
{
	static struct log_rate rate = LOG_RATE(5);
	char user[LOG_QUOTE_MAX], quoted[LOG_QUOTE_MAX];

	if (!log_allow(&rate))
		return;
	log_event(LOG_INFO, "access_denied",
		  "client=%llu user=%s rule=%s:%u method=%s map=%s name=%s",
		  (unsigned long long)c->id, log_quote(c->login->user, user),
		  rule->file, rule->line, auth_method_name(rule->method),
		  rule->map, log_quote(name, quoted));
}

/* ------------------------------------------------------------------------
 * Certificates
 */

static bool
has_name(const struct client *c, const struct hba_rule *rule)
{
	char name[NAME_MAX_SYSTEM];

	if (stream_tls_name(&c->stream, name, sizeof(name)) &&
	    snapshot_ident_allows(c->worker->snapshot, rule->map, name,
				  c->login->user))
		return true;
	log_denial(c, rule, name);
	return false;
}

/* Has it shown what the rule asks for beside its method? */
static bool
has_cert(const struct client *c, const struct hba_rule *rule)
{
	switch (rule->cert) {
	case HBA_CERT_NONE:
		return true;
	case HBA_CERT_CA:
		return stream_has_tls_cert(&c->stream);
	case HBA_CERT_NAME:
		return has_name(c, rule);
	}
	return false;
}

/* ------------------------------------------------------------------------
 * Unix sockets
 */

struct lookup {
	uid_t uid;
	char name[NAME_MAX_SYSTEM]; /* "" = not known */
};

/* HELPER THREAD */
static void
look_up(void *arg)
{
	struct lookup *l = arg;
	struct passwd entry, *found = NULL;
	char room[PASSWD_ROOM];

	if (getpwuid_r(l->uid, &entry, room, sizeof(room), &found) == 0 &&
	    found != NULL && strlen(found->pw_name) < sizeof(l->name))
		(void)text_copy(l->name, sizeof(l->name), found->pw_name);
}

static void
looked_up(struct client *c, void *arg)
{
	const struct lookup *l = arg;

	c->login->system_name = mem_strdup(l->name);
	if (c->login->system_name == NULL)
		client_refuse_reason(c, REASON_NO_MEMORY);
	else
		login_answer_verify(c);
}

/* False: the name is being asked for. */
static bool
find_system_name(struct client *c, int64_t uid)
{
	struct job job = { .run = look_up, .drop = mem_free };
	struct lookup *l;

	if (c->login->system_name != NULL)
		return true;
	l = mem_zalloc(sizeof(*l));
	if (l == NULL) {
		client_refuse_reason(c, REASON_NO_MEMORY);
		return false;
	}
	l->uid = (uid_t)uid;
	job.arg = l;
	work_start_lookup(c, &job, looked_up);
	return false;
}

static bool
peer_method(struct client *c, const struct hba_rule *rule,
	    enum auth_method *method)
{
	int64_t uid = c->stream.is_unix ? addr_peer_uid(c->stream.fd) : -1;

	*method = AUTH_TRUST;
	if (uid >= 0 && !find_system_name(c, uid))
		return false;
	if (uid >= 0 &&
	    snapshot_ident_allows(c->worker->snapshot, rule->map,
				  c->login->system_name, c->login->user))
		return true;
	if (uid >= 0)
		log_denial(c, rule, c->login->system_name);
	*method = deny_user(c, "peer");
	return true;
}

/* ------------------------------------------------------------------------
 * Rules
 */

static bool
follow(struct client *c, const struct hba_rule *rule, const struct addr *peer,
       enum auth_method *method)
{
	*method = rule->method;
	if (!has_cert(c, rule)) {
		*method = deny_user(c, "certificate");
		return true;
	}
	if (rule->method == AUTH_PEER)
		return peer_method(c, rule, method);
	if (rule->method == AUTH_CERT)
		*method = has_name(c, rule) ? AUTH_TRUST
					    : deny_user(c, "certificate");
	if (rule->method == AUTH_REJECT)
		*method = deny_rule(c, peer, "the HBA file rejects");
	return true;
}

bool
access_method(struct client *c, enum auth_method *method)
{
	const struct snapshot *snap = c->worker->snapshot;
	struct hba_rule one = { .method = snapshot_settings(snap)->auth_type,
				.map = "",
				.file = "auth_type" };
	struct hba_client who = { .way = way_of(c),
				  .database = c->login->database,
				  .user = c->login->user };
	const struct hba_rule *rule = &one;
	struct addr peer;

	if (one.method == AUTH_HBA) {
		if (who.way != HBA_UNIX && client_peer_addr(c, &peer))
			who.peer = &peer;
		rule = snapshot_hba_rule(snap, &who);
	}
	if (rule != NULL)
		return follow(c, rule, who.peer, method);
	*method = deny_rule(c, who.peer, "no entry of the HBA file for");
	return true;
}
