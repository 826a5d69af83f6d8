/*
 * Asking for a client's secret; see core/secrets.h.
 *
 * The question is the receiver's until it comes back by mail; while it is out
 * the client has a pointer to it and it has one to the client, both of which
 * only the client's worker touches.  A client that goes takes its pointer away,
 * and a question that comes back to nobody is freed.
 */
#include "core/secrets.h"

#include "base/mem.h"
#include "core/client_inner.h"
#include "core/login.h"
#include "core/secrets_inner.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker.h"

static void
request_free(struct secret_request *r)
{
	mem_wipe_str(r->secret);
	mem_free(r->database);
	mem_free(r->user);
	mem_free(r);
}

static void
delivered(struct mail *mail)
{
	struct secret_request *r = (struct secret_request *)(void *)mail;
	struct client *c = r->client;

	if (c != NULL) {
		c->login->secret_request = NULL;
		c->login->has_asked = true;
		c->login->secret = r->secret;
		r->secret = NULL;
		if (r->result == SECRET_FAILED)
			client_refuse_reason(c, REASON_AUTH_QUERY);
		else
			login_answer_verify(c);
	}
	request_free(r);
}

void
secret_answer(struct secret_request *r)
{
	r->mail.deliver = delivered;
	loop_post(r->home, &r->mail);
}

static bool
is_due(const struct client *c)
{
	const struct snapshot *snap = c->worker->snapshot;
	const struct config_user *user = snapshot_user(snap, c->login->user);
	struct auth_source source;

	if (c->login->has_asked ||
	    (user != NULL && user->secret != NULL && user->secret[0] != '\0'))
		return false;
	return snapshot_auth_source(snap, c->protocol,
				    c->is_console ? NULL : c->login->database,
				    &source);
}

bool
secrets_ask(struct client *c)
{
	struct core *core = c->worker->core;
	struct secret_request *r;

	if (!is_due(c))
		return false;
	r = mem_zalloc(sizeof(*r));
	if (r != NULL) {
		r->home = c->worker->loop;
		r->client = c;
		r->protocol = c->protocol;
		r->database =
			mem_strdup(c->is_console ? "" : c->login->database);
		r->user = mem_strdup(c->login->user);
	}
	if (r == NULL || r->database == NULL || r->user == NULL) {
		if (r != NULL)
			request_free(r);
		client_refuse_reason(c, REASON_NO_MEMORY);
		return true;
	}
	c->login->secret_request = r;
	c->back_to = c->state;
	client_set_state(c, CLIENT_ASKING);
	core->secret_submit(core->secret_arg, r);
	return true;
}

void
secrets_forget(struct client *c)
{
	if (c->login == NULL || c->login->secret_request == NULL)
		return;
	c->login->secret_request->client = NULL;
	c->login->secret_request = NULL;
}
