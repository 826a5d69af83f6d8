/*
 * What a session is in, from the flags of its texts and the reports of its
 * server.
 *
 * The server reports settings, schema, locked tables and one-shot transaction
 * characteristics, inside of stored code too; what it does not report, the
 * text's flags tell (my_pin.c has the table).  A change that neither explains
 * makes the session unknown: it is reset before anybody else gets it.
 */
#include "my_follow.h"

#include <string.h>

#include "my_back.h"
#include "my_error.h"
#include "my_pin.h"
#include "my_results.h"
#include "sql/my_classify.h"

static void
begin(struct my_back *b, uint32_t pins)
{
	/* What a server reports may come of code that the text only runs. */
	if ((pins & ~b->pins) != 0 && !my_pins_may_begin(b->flags))
		b->view.digest = 0;
	b->pins |= pins;
	b->dirt |= my_pins_dirty(pins);
}

/* ---- reports ---- */

/* False: memory is out. */
static bool
on_change(struct my_back *b, enum my_change change)
{
	switch (change) {
	case MY_CHANGE_DONE:
		return true;
	case MY_CHANGE_RESULT: /* LAST_INSERT_ID() is set */
		b->results_due |= MY_RESULT_ID | MY_RESULT_SAME;
		return true;
	case MY_CHANGE_PINS:
		begin(b, MY_PIN_BIT(MY_PIN_SETTING));
		return true;
	case MY_CHANGE_TRACES:
		begin(b, MY_PIN_BIT(MY_PIN_TRACE));
		return true;
	case MY_CHANGE_NO_MEMORY:
		break;
	}
	return false;
}

static bool
on_variables(struct my_back *b, struct statements *t,
	     const struct my_tracker *tracker)
{
	struct my_bytes at = my_bytes(tracker->data.data, tracker->data.len);
	struct my_text name, value;

	/* SET STATEMENT reports what holds for one statement; that it is gone
	 * comes with the next answer and changes nothing. */
	if ((b->flags & MY_SQL_FOR) != 0)
		return true;
	while (my_tracker_variable(&at, &name, &value))
		if (!on_change(b, my_session_set(t, &b->session, name, value)))
			return false;
	return true;
}

/* One letter for each kind of work, the last one for locked tables. */
static void
on_transaction(struct my_back *b, struct my_text letters)
{
	if (letters.len == 8 && letters.data[7] == 'L')
		begin(b, MY_PIN_BIT(MY_PIN_LOCK_TABLES));
	else
		b->pins &= ~MY_PIN_BIT(MY_PIN_LOCK_TABLES);
}

/* The statements that would make the next transaction what it is to be. */
static void
on_characteristics(struct my_back *b, struct my_text statements)
{
	if (statements.len > 0)
		begin(b, MY_PIN_BIT(MY_PIN_ONCE));
	else
		b->pins &= ~MY_PIN_BIT(MY_PIN_ONCE);
}

/* That something changed is no news where the text says what. */
static void
on_state(struct my_back *b)
{
	const uint64_t explained = MY_SQL_SET | MY_SQL_TEMP | MY_SQL_DROP |
				   MY_SQL_PREPARE | MY_SQL_DEALLOCATE |
				   MY_SQL_VARIABLE | MY_SQL_ROLE;

	if ((b->flags & explained) == 0 || (b->flags & MY_SQL_DOUBT) != 0)
		begin(b, MY_PIN_BIT(MY_PIN_UNKNOWN));
}

bool
my_follow_ok(struct my_back *b, struct statements *t, const struct my_ok *ok)
{
	struct my_bytes at = my_trackers(ok);
	struct my_tracker tracker;
	bool done = true;

	while (done && my_tracker_next(&at, &tracker)) {
		switch ((enum my_tracker_type)tracker.type) {
		case MY_TRACKER_VARIABLES:
			done = on_variables(b, t, &tracker);
			break;
		case MY_TRACKER_SCHEMA:
			done = on_change(
				b, my_session_use(t, &b->session,
						  my_tracker_text(&tracker)));
			break;
		case MY_TRACKER_STATE:
			on_state(b);
			break;
		case MY_TRACKER_CHARACTERISTICS:
			on_characteristics(b, my_tracker_text(&tracker));
			break;
		case MY_TRACKER_TRANSACTION:
			on_transaction(b, my_tracker_text(&tracker));
			break;
		case MY_TRACKER_GTIDS:
			break;
		}
	}
	return done;
}

void
my_follow_blind(struct my_back *b)
{
	/* That it changed something is no news then: see my_follow_done. */
	if ((b->flags & MY_SQL_FOR) == 0)
		begin(b, MY_PIN_BIT(MY_PIN_UNKNOWN));
}

/* ---- texts ---- */

/* What ends with the transaction, or with the next statement. */
static void
end_of_statement(struct my_back *b, uint32_t before)
{
	bool is_over = (b->status & MY_STATUS_IN_TRANS) == 0;

	for (unsigned i = 0; before != 0 && i < MY_PINS; i++) {
		const struct my_pin_rule *rule = &my_pin_rules[i];

		if ((before & MY_PIN_BIT(i)) == 0)
			continue;
		if (rule->end == MY_PIN_NEXT ||
		    (rule->end == MY_PIN_TRANSACTION && is_over &&
		     (rule->ends & b->flags) != 0))
			b->pins &= ~MY_PIN_BIT(i);
	}
}

static void
end_by_text(struct my_back *b)
{
	uint32_t ended = my_pins_ended(b->flags);
	/* See MY_STATE_TRACKERS_BLIND. */
	bool is_blind = my_back_with(b) != 0;

	for (unsigned i = 0; ended != 0 && i < MY_PINS; i++)
		if ((ended & MY_PIN_BIT(i)) != 0 &&
		    (my_pin_rules[i].end == MY_PIN_STATEMENT ||
		     (is_blind && my_pin_rules[i].end == MY_PIN_TRACKER)))
			b->pins &= ~MY_PIN_BIT(i);
}

/* ---- what is counted ---- */

/* So many that nobody knows. */
#define COUNTLESS UINT8_MAX

/* A number of one digit, or NULL as 0; all else is countless. */
static uint8_t
read_number(const uint8_t *row, size_t len, bool is_binary)
{
	if (!is_binary && len == 1 && row[0] == 0xfb)
		return 0;
	if (!is_binary)
		return len == 2 && row[0] == 1 && row[1] >= '0' && row[1] <= '9'
			       ? (uint8_t)(row[1] - '0')
			       : COUNTLESS;
	/* A zero, the bits of NULLs, a number. */
	if (len == 2 && (row[1] & 0x04) != 0)
		return 0;
	if (len < 3 || len > MY_HEAD || row[2] > 9)
		return COUNTLESS;
	for (size_t i = 3; i < len; i++)
		if (row[i] != 0)
			return COUNTLESS;
	return row[2];
}

void
my_follow_row(struct my_back *b, const uint8_t *row, size_t len)
{
	const struct my_owed *e = my_owed_head(&b->owed);
	uint8_t command = e->head[0], number = COUNTLESS;

	if (e->task != MY_OWED_CLIENT)
		return;
	if (command == MY_COM_QUERY || command == MY_COM_STMT_EXECUTE)
		number = read_number(row, len, command != MY_COM_QUERY);
	b->lock_told = number < COUNTLESS ? (uint8_t)(number + 1) : COUNTLESS;
}

/* How many of them a statement has begun, at most. */
static unsigned
count_begun(const struct my_back *b, unsigned pin)
{
	const uint64_t unclear = MY_SQL_SEVERAL | MY_SQL_DOUBT;

	if ((b->flags & my_pin_rules[pin].begins) == 0)
		return 0;
	if ((b->flags & unclear) != 0)
		return COUNTLESS;
	if (pin != MY_PIN_USER_LOCK)
		return 1;
	/* A lock's function tells 1 if it got the lock. */
	return my_follow_reads(b) && b->lock_told > 0 && b->lock_told <= 2
		       ? b->lock_told - 1u
		       : COUNTLESS;
}

/* How many a statement has ended, at least. */
static unsigned
count_ended(const struct my_back *b, unsigned pin)
{
	const uint64_t unclear = MY_SQL_SEVERAL | MY_SQL_DOUBT;

	if ((b->flags & my_pin_rules[pin].ends) == 0 ||
	    (b->flags & unclear) != 0)
		return 0;
	if (pin != MY_PIN_USER_LOCK)
		return 1;
	return my_follow_reads(b) && b->lock_told > 0 &&
			       b->lock_told < COUNTLESS
		       ? b->lock_told - 1u
		       : 0;
}

static void
count_one(struct my_back *b, unsigned pin)
{
	unsigned n = b->counts[pin] + count_begun(b, pin),
		 ended = count_ended(b, pin);

	if (n < COUNTLESS)
		n = n > ended ? n - ended : 0;
	b->counts[pin] = n < COUNTLESS ? (uint8_t)n : COUNTLESS;
	if (n == 0)
		b->pins &= ~MY_PIN_BIT(pin);
}

/* A statement has succeeded, or some of several have.  What ends this way has
 * made the server dirty all the same: nothing is left for the next client. */
static void
count(struct my_back *b)
{
	for (unsigned i = 0; i < MY_PINS; i++)
		if (my_pin_rules[i].end == MY_PIN_COUNTED)
			count_one(b, i);
}

static bool
is_counted(uint64_t flags)
{
	const uint64_t counted = MY_SQL_TEMP | MY_SQL_DROP_TEMP |
				 MY_SQL_USER_LOCK | MY_SQL_USER_UNLOCK |
				 MY_SQL_PREPARE | MY_SQL_DEALLOCATE |
				 MY_SQL_HANDLER | MY_SQL_HANDLER_CLOSE;

	return (flags & counted) != 0;
}

/* Errors that come before anything runs: what is named is not there, or may not
 * be used.  All others may come of a statement half done. */
static bool
is_early(unsigned error)
{
	static const uint16_t early[] = {
		1044, 1046, 1049, 1050, 1051, 1052, 1054, 1064, 1065,
		1066, 1096, 1109, 1115, 1142, 1143, 1146, 1176, 1193,
		1210, 1227, 1235, 1243, 1273, 1305, 1327, 1370,
	};

	for (size_t i = 0; i < COUNT_OF(early); i++)
		if (error == early[i])
			return true;
	return false;
}

void
my_follow_done(struct my_back *b, unsigned error)
{
	/* Of several statements those before the error have run. */
	const uint64_t several = MY_SQL_SEVERAL | MY_SQL_DOUBT;
	uint32_t begun = my_pins_begun(b->flags);

	/* There the bit that something changed never comes behind rows. */
	if (my_back_with(b) != 0 && !my_facts_is_mariadb(b->facts) &&
	    (b->flags & MY_SQL_READ) != 0)
		b->dirt |= MY_PIN_BIT(MY_PIN_UNKNOWN);
	/* SET STATEMENT always tells that something changed, so functions that
	 * it runs are not told. */
	if ((b->flags & MY_SQL_FOR) != 0)
		b->dirt |= MY_PIN_BIT(MY_PIN_UNKNOWN);
	end_of_statement(b, b->pins);
	if (error == 0) {
		end_by_text(b);
		begin(b, begun);
		if (is_counted(b->flags))
			count(b);
	} else if (error == MY_ER_PARSE && (b->flags & MY_SQL_SEVERAL) == 0) {
		/* What stored code did before a text of its own was found
		 * wrong is taken away, but nobody is kept for it. */
		b->dirt |= my_pins_dirty(begun);
	} else if ((b->flags & several) != 0) {
		begin(b, begun);
		if (is_counted(b->flags))
			count(b);
	}
	/* An ERR tells nothing of what functions, triggers and the statement
	 * itself did before it. */
	if (error != 0 && (b->flags & MY_SQL_PLAIN) == 0 && !is_early(error))
		b->dirt |= MY_PIN_BIT(MY_PIN_UNKNOWN) | my_pins_dirty(begun);
	b->lock_told = 0;
}

void
my_follow_reset(struct my_back *b)
{
	b->pins = 0;
	b->dirt = 0;
	memset(b->counts, 0, sizeof(b->counts));
	b->lock_told = 0;
}

/* ---- what follows from it ---- */

static enum state_policy
policy_of(const struct my_pin_rule *rule, const struct policy *policy)
{
	return rule->kind == STATE_KINDS
		       ? STATE_PIN
		       : (enum state_policy)policy->on_state[rule->kind];
}

/* What a pin is listed as.  A result is soon gone, and is not. */
static uint32_t
kind_of(unsigned pin)
{
	static const uint32_t others[MY_PINS] = {
		[MY_PIN_ONCE] = 1u << PIN_TRANSACTION,
		[MY_PIN_SAVEPOINT] = 1u << PIN_TRANSACTION,
		[MY_PIN_XA] = 1u << PIN_XA,
		[MY_PIN_LOCK_TABLES] = 1u << PIN_TABLE_LOCK,
		[MY_PIN_GLOBAL_LOCK] = 1u << PIN_SERVER_LOCK,
		[MY_PIN_LONG_DATA] = 1u << PIN_STATEMENT,
		[MY_PIN_ASKED] = 1u << PIN_ASKED,
	};
	enum state_kind kind = my_pin_rules[pin].kind;

	return kind == STATE_KINDS ? others[pin] : 1u << kind;
}

uint32_t
my_follow_kinds(const struct my_back *b, const struct policy *policy,
		bool *is_held)
{
	/* Their numbers are the server's own. */
	uint32_t kinds = b->statements > 0 ? 1u << PIN_STATEMENT : 0;

	*is_held = b->statements > 0;
	for (unsigned i = 0; b->pins != 0 && i < MY_PINS; i++) {
		const struct my_pin_rule *rule = &my_pin_rules[i];

		if ((b->pins & MY_PIN_BIT(i)) == 0 ||
		    policy_of(rule, policy) != STATE_PIN)
			continue;
		*is_held = true;
		kinds |= kind_of(i);
	}
	return kinds;
}

enum residue
my_follow_residue(const struct my_back *b, const struct policy *policy)
{
	uint32_t left = b->dirt;

	/* Those who have no schema need servers that have none, and nothing but
	 * a new login takes one away. */
	if (b->must_close || my_pins_lasting(b->dirt) != 0 ||
	    (b->is_bare && my_session_schema(&b->session) != NULL))
		return RESIDUE_CLOSE;
	/* Who is gone ends none of its pins any more; what is left in a
	 * statement goes with all of them. */
	left |= b->pins &
		~(MY_PIN_BIT(MY_PIN_RESULT) | MY_PIN_BIT(MY_PIN_ASKED));
	if (b->statements > 0)
		return RESIDUE_RESET;
	for (unsigned i = 0; left != 0 && i < MY_PINS; i++)
		if ((left & MY_PIN_BIT(i)) != 0 &&
		    policy_of(&my_pin_rules[i], policy) != STATE_ALLOW)
			return RESIDUE_RESET;
	return policy->reset_always ? RESIDUE_RESET : RESIDUE_NONE;
}
