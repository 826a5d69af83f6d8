/*
 * EXPLAIN PIN: what would be done with statements, and why, told from the same
 * flags that the traffic is judged by.  Nothing is run.  Pure; any thread.
 */
#include <string.h>

#include "base/mem.h"
#include "pg_params.h"
#include "pgwire.h"
#include "sql/classify.h"

static const char blanks[] = " \t\r\n";

#define NO_KIND STATE_KINDS

static const struct finding {
	unsigned flags;
	enum state_kind kind; /* NO_KIND: no policy decides */
	enum explain_effect effect;
	const char *why;
} findings[] = {
	{ CLASSIFY_TEMP, STATE_TEMP_TABLE, 0,
	  "it makes or names a temporary table" },
	{ CLASSIFY_ADVISORY, STATE_ADVISORY_LOCK, 0,
	  "it may take an advisory lock of the session" },
	{ CLASSIFY_DECLARE, STATE_HOLD_CURSOR, 0,
	  "its cursor may outlive the transaction" },
	{ CLASSIFY_LOAD, STATE_LOAD, 0, "nothing unloads a library" },
	{ CLASSIFY_LISTEN, STATE_LISTEN, 0, "it listens to a channel" },
	{ CLASSIFY_SET_TRACKED, NO_KIND, EXPLAIN_FOLLOWS,
	  "the server reports the setting, it goes with the client" },
	{ CLASSIFY_SET_OTHER | CLASSIFY_SET_CONFIG, NO_KIND, EXPLAIN_FOLLOWS,
	  "the server is asked for the setting, it goes with the client" },
	{ CLASSIFY_RESET | CLASSIFY_RESET_ALL | CLASSIFY_DISCARD_ALL, NO_KIND,
	  EXPLAIN_FOLLOWS, "what it puts back is put back for the client" },
	{ CLASSIFY_PREPARE, NO_KIND, EXPLAIN_FOLLOWS,
	  "the prepared statement goes with the client" },
	{ CLASSIFY_DOUBT, NO_KIND, EXPLAIN_ASKED,
	  "it may do anything: the server is asked what it left" },
};

static enum explain_effect
effect_of(enum state_policy policy)
{
	switch (policy) {
	case STATE_PIN:
		return EXPLAIN_PINS;
	case STATE_RESET:
		return EXPLAIN_CLEANED;
	case STATE_REJECT:
		return EXPLAIN_REFUSED;
	case STATE_ALLOW:
		return EXPLAIN_LEAKS;
	case STATE_EMULATE:
		return EXPLAIN_EMULATED;
	}
	return EXPLAIN_PINS;
}

/* One caller's way through the statements. */
struct explain {
	const struct policy *policy; /* borrows */
	void (*row)(void *arg, const struct explain_row *row);
	void *arg;
};

static bool
is_carried(const void *context, const char *name)
{
	return pg_is_tracked(name, context);
}

static unsigned
flags_of(const struct explain *e, const char *text, size_t len)
{
	struct classify_options options = { .is_tracked = is_carried,
					    .context = e->policy };

	return classify_text(text, len, &options);
}

static void
tell(const struct explain *e, const struct explain_row *statement,
     const struct finding *f)
{
	struct explain_row row = *statement;

	row.why = f->why;
	row.effect = f->effect;
	row.has_kind = f->kind != NO_KIND;
	if (row.has_kind) {
		row.kind = f->kind;
		row.policy = e->policy->on_state[f->kind];
		row.effect = effect_of(row.policy);
	}
	e->row(e->arg, &row);
}

static void
explain_one(const struct explain *e, const char *text, size_t len)
{
	static const struct finding nothing = {
		.kind = NO_KIND,
		.why = "it leaves nothing behind",
	};
	static const struct finding session = {
		.kind = NO_KIND,
		.why = "with pool_mode session a client keeps its server",
	};
	struct explain_row row = { .statement = text };
	unsigned flags = flags_of(e, text, len);
	bool is_told = false;

	while (len > 0 && strchr(blanks, text[len - 1]) != NULL)
		len--;
	row.len = len;

	if (flags == CLASSIFY_EMPTY)
		return;
	if (e->policy->mode == POOL_SESSION) {
		tell(e, &row, &session);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(findings); i++) {
		if ((flags & findings[i].flags) == 0)
			continue;
		tell(e, &row, &findings[i]);
		is_told = true;
	}
	if (!is_told)
		tell(e, &row, &nothing);
}

void
pg_explain(const char *text, const struct policy *policy,
	   void (*row)(void *arg, const struct explain_row *row), void *arg)
{
	struct explain e = { .policy = policy, .row = row, .arg = arg };
	const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);
	enum lexer_token token;
	struct lexer lx;

	lexer_init(&lx, 0);
	while ((token = lexer_next(&lx, &at, end)) != LEXER_MORE) {
		if (token != LEXER_SIGN || lx.sign != ';')
			continue;
		explain_one(&e, text, (size_t)((const char *)at - text) - 1);
		text = (const char *)at;
		text += strspn(text, blanks);
		at = (const uint8_t *)text;
	}
	explain_one(&e, text, (size_t)((const char *)end - text));
}
