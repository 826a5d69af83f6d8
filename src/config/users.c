/*
 * The users: those of auth_file with their secrets, those of [users] with their
 * limits, and the one of a --url.  Runs on the thread that builds.
 */
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "config/build.h"
#include "config/userlist.h"

#define AT(member) offsetof(struct user_draft, member)
#define TIME_MAX (INT32_MAX * USEC_PER_SEC)

/* As in PgBouncer, 0 leaves a user's limit to the settings, but for pools and
 * the wait. */
static const struct entry_key user_keys[] = {
	{ "pool_mode", &type_pool_mode, AT(mode) },
	{ "pool_size", &type_number, AT(pool_size), INT32_MAX,
	  UNSET_MINUS_ONE },
	{ "reserve_pool_size", &type_number, AT(reserve_pool_size), INT32_MAX,
	  UNSET_MINUS_ONE },
	{ "max_user_connections", &type_number, AT(max_connections), INT32_MAX,
	  UNSET_MINUS_ONE_AND_ZERO },
	{ "max_user_client_connections", &type_number,
	  AT(max_client_connections), INT32_MAX, UNSET_MINUS_ONE_AND_ZERO },
	{ "query_timeout", &type_seconds, AT(query_timeout), TIME_MAX,
	  UNSET_MINUS_ONE_AND_ZERO },
	{ "idle_transaction_timeout", &type_seconds,
	  AT(idle_transaction_timeout), TIME_MAX, UNSET_MINUS_ONE_AND_ZERO },
	{ "transaction_timeout", &type_seconds, AT(transaction_timeout),
	  TIME_MAX, UNSET_MINUS_ONE_AND_ZERO },
	{ "client_idle_timeout", &type_seconds, AT(client_idle_timeout),
	  TIME_MAX, UNSET_MINUS_ONE_AND_ZERO },
	{ "query_wait_timeout", &type_seconds, AT(query_wait_timeout), TIME_MAX,
	  UNSET_MINUS_ONE },
	STATE_KEYS,
};

static const struct user_draft empty_draft = {
	.mode = UNSET_U32,
	.pool_size = UNSET_U32,
	.reserve_pool_size = UNSET_U32,
	.max_connections = UNSET_U32,
	.max_client_connections = UNSET_U32,
	.on_state = { UNSET_U32, UNSET_U32, UNSET_U32, UNSET_U32, UNSET_U32,
		      UNSET_U32 },
	.query_timeout = UNSET_USEC,
	.idle_transaction_timeout = UNSET_USEC,
	.transaction_timeout = UNSET_USEC,
	.client_idle_timeout = UNSET_USEC,
	.query_wait_timeout = UNSET_USEC,
};

static void
finish(struct user_body *body)
{
	const struct user_draft *d = &body->draft;
	struct config_user *user = &body->user;
	size_t i;

	for (i = 0; i < STATE_KINDS; i++)
		user->on_state[i] = d->on_state[i];
	user->has_mode = d->mode != UNSET_U32;
	user->mode = user->has_mode ? (enum pool_mode)d->mode : POOL_SESSION;
	user->pool_size = d->pool_size;
	user->reserve_pool_size = d->reserve_pool_size;
	user->max_connections = d->max_connections;
	user->max_client_connections = d->max_client_connections;
	user->query_timeout = d->query_timeout;
	user->idle_transaction_timeout = d->idle_transaction_timeout;
	user->transaction_timeout = d->transaction_timeout;
	user->client_idle_timeout = d->client_idle_timeout;
	user->query_wait_timeout = d->query_wait_timeout;
}

static void
reset_limits(struct user_body *body, struct place at)
{
	body->draft = empty_draft;
	body->entry = (struct entry){
		.kind = "user",
		.name = body->user.name,
		.at = at,
		.keys = user_keys,
		.key_count = COUNT_OF(user_keys),
		.draft = &body->draft,
	};
	finish(body);
}

/* The user of this name, made where there is none yet. */
static struct user_body *
open_body(struct build *b, const char *name)
{
	struct snapshot *s = b->s;
	struct user_body *body = map_find(s->user_by_name, name, strlen(name));

	if (body != NULL)
		return body;
	body = pile_alloc(&s->pile, sizeof(*body));
	body->user.name = pile_text(&s->pile, name, strlen(name));
	reset_limits(body, PLACE_NONE);
	s->users = pile_grow(&s->pile, s->users, s->user_count, &s->user_room,
			     sizeof(struct user_body *));
	s->users[s->user_count++] = body;
	if (!map_put(s->user_by_name, name, strlen(name), body))
		report_error(b->report, PLACE_NONE, "out of memory");
	return body;
}

static void
take_secret(struct build *b, const struct userlist_entry *e)
{
	struct user_body *body = open_body(b, e->name);

	if (body->user.secret != NULL)
		report_warning(b->report, e->at,
			       "user \"%s\" is given twice, the one in line %u "
			       "is overruled",
			       e->name, body->secret_at.line);
	body->user.secret = e->secret;
	body->secret_at = e->at;
}

static void
take_auth_file(struct build *b)
{
	const char *path = b->s->settings.auth_file;
	struct place at = build_choice(b, "auth_file")->at;
	struct userlist list = { 0 };
	size_t i;
	int failure;

	if (path[0] == '\0')
		return;
	failure = userlist_read(&list, path, &b->s->pile, b->report);
	/* With "any" nobody is asked who they are. */
	if (failure != 0 && b->s->settings.auth_type == AUTH_ANY)
		report_warning(b->report, at, "auth_file %s: %s", path,
			       strerror(failure));
	else if (failure != 0)
		report_error(b->report, at, "auth_file %s: %s", path,
			     strerror(failure));
	for (i = 0; i < list.count; i++)
		take_secret(b, &list.entries[i]);
}

static void
take_limits(struct build *b, const struct ini_entry *e)
{
	struct user_body *body;
	struct place at = { .line = e->at.line };

	if (strlen(e->key) > USER_NAME_MAX) {
		report_error(b->report, e->at,
			     "user \"%.70s...\": its name is longer than 127 "
			     "bytes",
			     e->key);
		return;
	}
	body = open_body(b, e->key);
	if (body->entry.at.line != 0)
		report_warning(b->report, e->at,
			       "user \"%s\" is given twice, the one at %s:%u "
			       "is overruled",
			       e->key, body->entry.at.file,
			       body->entry.at.line);
	at.file = pile_text(&b->s->pile, e->at.file, strlen(e->at.file));
	reset_limits(body, at);
	entry_read(&body->entry, e->value, &b->s->pile, b->report);
	finish(body);
}

static void
take_url_user(struct build *b)
{
	struct user_body *body;
	bool is_asked = b->s->settings.auth_type != AUTH_ANY &&
			b->s->settings.auth_type != AUTH_TRUST;

	if (b->url.user[0] == '\0' || strlen(b->url.user) > USER_NAME_MAX) {
		report_error(b->report, PLACE_NONE,
			     "URL: names no user, or one of more than 127 "
			     "bytes");
		return;
	}
	if (b->url.password[0] == '\0' && is_asked)
		report_error(b->report, PLACE_NONE,
			     "URL: has no password, which clients would be "
			     "asked for; CARPOOL_AUTH_TYPE=trust lets them in "
			     "without");
	body = open_body(b, b->url.user);
	body->user.secret = b->url.password;
	body->secret_at = PLACE_NONE;
}

void
build_users(struct build *b)
{
	size_t i;

	take_auth_file(b);
	if (b->source->url != NULL)
		take_url_user(b);
	for (i = 0; i < b->ini.count; i++)
		if (b->ini.entries[i].section == section_users)
			take_limits(b, &b->ini.entries[i]);
	if (b->source->url == NULL && b->s->settings.auth_file[0] == '\0' &&
	    b->s->settings.auth_type != AUTH_ANY)
		report_warning(b->report, build_choice(b, "auth_type")->at,
			       "no client can log in: auth_file is not set");
}
