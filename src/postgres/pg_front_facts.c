/*
 * The settings that a client starts with: what the servers say of themselves,
 * and what it asked for.
 *
 * In session mode its servers were told what it asked for, so their word is
 * all; else they start neutral and what it asked for is set at link.  Runs on
 * the client's worker, once a login.
 */
#include <string.h>

#include "pg_front.h"
#include "pg_startup.h"

/* What servers do not report, or not of themselves. */
static bool
set_own(struct pg_front *f, const char *name, const char *value)
{
	struct pg_params *p = pg_params_insert(f->own, name, value);

	if (p == NULL)
		return false;
	pg_params_put(&f->own, p);
	pg_params_put(&f->own_start, pg_params_ref(p));
	return true;
}

static bool
set_value(struct pg_front *f, const char *name, const char *value,
	  const struct policy *policy)
{
	struct pg_params *p;

	if (!pg_is_tracked(name, policy) ||
	    pg_params_find(f->params, name) == NULL)
		return set_own(f, name, value);
	if (pg_is_same_value(name, value, pg_params_find(f->params, name)))
		return true;
	p = pg_params_with(f->params, name, value);
	if (p == NULL)
		return false;
	pg_params_put(&f->params, p);
	/* Those that the client asked for are kept apart. */
	p = pg_params_with(f->start, name, value);
	if (p == NULL)
		return false;
	pg_params_put(&f->start, p);
	return true;
}

static bool
add_host(struct pg_front *f, const struct turn *t, const char *name)
{
	char text[256];

	(void)text_format(text, sizeof(text), "%.*s - %s:%u", 100,
			  name == NULL || name[0] == '\0' ? "app" : name,
			  t->stream->peer_addr, t->stream->peer_port);
	return set_value(f, "application_name", text, t->policy);
}

/*
 * Its servers were told what it said: what they make of it is what it starts
 * with, and what it goes back to on a server of others.
 */
static bool
take_own(struct pg_front *f, const char *name)
{
	const char *value = pg_params_find(f->params, name);
	struct pg_params *p;

	if (value == NULL)
		return true;
	p = pg_params_with(f->start, name, value);
	if (p == NULL)
		return false;
	pg_params_put(&f->start, p);
	return true;
}

bool
pg_front_take_facts(struct pg_front *f, const struct turn *t,
		    const struct pg_startup *st, enum pool_mode mode)
{
	const char *application = NULL;

	pg_params_put(&f->params, pg_params_ref(t->answer.facts));
	for (size_t i = 0; i < st->setting_count; i++) {
		const struct pg_setting *s = &st->settings[i];

		if (text_equal_nocase(s->name, "application_name"))
			application = s->value;
		if (mode == POOL_SESSION
			    ? !take_own(f, s->name)
			    : !set_value(f, s->name, s->value, t->policy))
			return false;
	}
	if (t->policy->add_host && !add_host(f, t, application))
		return false;
	pg_front_params_changed(f);
	return true;
}
