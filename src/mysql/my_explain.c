/*
 * EXPLAIN PIN: what would be done with statements, and why, told from the same
 * flags that the traffic is judged by.  Nothing is run.  Pure; any thread.
 */
#include "my_explain.h"

#include <string.h>

#include "base/mem.h"
#include "my_pin.h"
#include "sql/my_classify.h"

/* A MariaDB of today; which one matters for executable comments alone. */
static const struct my_lexer_options server = { .version = 101100,
						.bits = MY_LEXER_MARIADB };

/* What pins nobody. */
static const struct finding {
	uint64_t flags;
	enum explain_effect effect;
	const char *why;
} findings[] = {
	{ MY_SQL_SESSION | MY_SQL_USE, EXPLAIN_FOLLOWS,
	  "the server reports what it sets, it goes with the client" },
	{ MY_SQL_LITERAL, EXPLAIN_FOLLOWS,
	  "the constants that it gives user variables go with the client" },
	{ MY_SQL_COLLATION, EXPLAIN_ASKED,
	  "no server reports the collation that it sets" },
	{ MY_SQL_GLOBAL, EXPLAIN_NOTHING,
	  "it is for sessions that begin later" },
	{ MY_SQL_FOR, EXPLAIN_NOTHING, "what it sets is for one statement" },
	{ MY_SQL_KILL, EXPLAIN_EMULATED,
	  "the connection that it names is one of carpool's" },
	{ MY_SQL_ASKS_THREAD, EXPLAIN_NOTHING,
	  "the server's own number is no client's" },
	{ MY_SQL_ASKS_ID, EXPLAIN_FOLLOWS,
	  "the last id that was made goes with the client" },
};

/* One caller's way through the statements. */
struct explain {
	const struct policy *policy; /* borrows */
	void (*row)(void *arg, const struct explain_row *row);
	void *arg;
	struct explain_row statement;
	bool is_told; /* of this statement */
};

static enum explain_effect
effect_of(enum state_policy policy)
{
	static const enum explain_effect effects[] = {
		[STATE_PIN] = EXPLAIN_PINS,
		[STATE_RESET] = EXPLAIN_CLEANED,
		[STATE_REJECT] = EXPLAIN_REFUSED,
		[STATE_ALLOW] = EXPLAIN_LEAKS,
		[STATE_EMULATE] = EXPLAIN_EMULATED,
	};

	return effects[policy];
}

static void
tell(struct explain *e, enum explain_effect effect, const char *why)
{
	struct explain_row row = e->statement;

	row.effect = effect;
	row.why = why;
	e->row(e->arg, &row);
	e->is_told = true;
}

static void
tell_pin(struct explain *e, const struct my_pin_rule *rule)
{
	struct explain_row row = e->statement;

	row.effect = EXPLAIN_PINS;
	row.why = rule->why;
	row.has_kind = rule->kind != STATE_KINDS;
	if (row.has_kind) {
		row.kind = rule->kind;
		row.policy = (enum state_policy)e->policy->on_state[rule->kind];
		row.effect = effect_of(row.policy);
	}
	e->row(e->arg, &row);
	e->is_told = true;
}

static void
tell_all(struct explain *e, uint64_t flags)
{
	uint32_t pins = my_pins_begun(my_pins_carried(flags));

	for (unsigned i = 0; i < MY_PINS; i++)
		if (pins & MY_PIN_BIT(i))
			tell_pin(e, &my_pin_rules[i]);
	for (size_t i = 0; i < COUNT_OF(findings); i++)
		if (flags & findings[i].flags)
			tell(e, findings[i].effect, findings[i].why);
}

/* The statement between two places of the text. */
static void
explain_one(struct explain *e, const char *text, const char *end)
{
	static const char blanks[] = " \t\r\n";
	uint64_t flags;

	while (text < end && strchr(blanks, *text) != NULL)
		text++;
	while (text < end && strchr(blanks, end[-1]) != NULL)
		end--;
	flags = my_classify_text(text, (size_t)(end - text), server);
	if (flags & MY_SQL_EMPTY)
		return;
	e->statement = (struct explain_row){ .statement = text,
					     .len = (size_t)(end - text) };
	e->is_told = false;
	if (e->policy->mode == POOL_SESSION)
		tell(e, EXPLAIN_NOTHING,
		     "with pool_mode session a client keeps its server");
	else
		tell_all(e, flags);
	if (!e->is_told)
		tell(e, EXPLAIN_NOTHING, "it leaves nothing behind");
}

void
my_explain(const char *text, const struct policy *policy,
	   void (*row)(void *arg, const struct explain_row *row), void *arg)
{
	struct explain e = { .policy = policy, .row = row, .arg = arg };
	const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);
	enum my_lexer_token token;
	struct my_lexer lx;

	my_lexer_init(&lx, server);
	while ((token = my_lexer_next(&lx, &at, end)) != MY_LEXER_MORE) {
		if (token != MY_LEXER_SIGN || lx.sign != ';')
			continue;
		explain_one(&e, text, (const char *)lx.begin);
		text = (const char *)at;
	}
	explain_one(&e, text, (const char *)end);
}
