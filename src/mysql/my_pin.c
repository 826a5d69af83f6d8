/*
 * The table of pins.  What has no flags here is seen in answers alone.
 */
#include "my_pin.h"

#include "base/mem.h"
#include "sql/my_classify.h"

const struct my_pin_rule my_pin_rules[MY_PINS] = {
	[MY_PIN_ONCE] = {
		.name = "next transaction",
		.begins = MY_SQL_ONCE,
		.ends = MY_SQL_END,
		.end = MY_PIN_TRANSACTION,
		.kind = STATE_KINDS,
		.why = "it is about the next transaction alone",
	},
	[MY_PIN_SAVEPOINT] = {
		.name = "savepoint",
		.begins = MY_SQL_SAVEPOINT,
		.ends = MY_SQL_END,
		.end = MY_PIN_TRANSACTION,
		.kind = STATE_KINDS,
		.why = "it may begin a transaction that no status tells",
	},
	[MY_PIN_XA] = {
		.name = "XA transaction",
		.begins = MY_SQL_XA,
		.ends = MY_SQL_XA_END,
		.end = MY_PIN_STATEMENT,
		.kind = STATE_KINDS,
		.why = "it is part of an XA transaction",
	},
	[MY_PIN_TEMP] = {
		.name = "temporary table",
		.begins = MY_SQL_TEMP,
		.ends = MY_SQL_DROP_TEMP,
		.end = MY_PIN_COUNTED,
		.is_dirty = true,
		.kind = STATE_TEMP_TABLE,
		.why = "it makes a temporary table",
	},
	[MY_PIN_LOCK_TABLES] = {
		.name = "locked tables",
		.begins = MY_SQL_LOCK_TABLES,
		.ends = MY_SQL_UNLOCK_TABLES,
		.end = MY_PIN_TRACKER,
		.kind = STATE_KINDS,
		.why = "it locks tables for the session",
	},
	[MY_PIN_GLOBAL_LOCK] = {
		.name = "server lock",
		.begins = MY_SQL_GLOBAL_LOCK,
		.ends = MY_SQL_GLOBAL_UNLOCK,
		.end = MY_PIN_STATEMENT,
		.is_dirty = true,
		.kind = STATE_KINDS,
		.why = "it holds a lock on the server",
	},
	[MY_PIN_USER_LOCK] = {
		.name = "user lock",
		.begins = MY_SQL_USER_LOCK,
		.ends = MY_SQL_USER_UNLOCK,
		.end = MY_PIN_COUNTED,
		.is_dirty = true,
		.kind = STATE_ADVISORY_LOCK,
		.why = "it may take a lock of the session",
	},
	[MY_PIN_VARIABLE] = {
		.name = "user variable",
		.begins = MY_SQL_VARIABLE | MY_SQL_LITERAL,
		.end = MY_PIN_RESET,
		.is_dirty = true,
		.kind = STATE_UNKNOWN_SET,
		.why = "it sets a user variable",
	},
	[MY_PIN_PREPARE] = {
		.name = "prepared by text",
		.begins = MY_SQL_PREPARE,
		.ends = MY_SQL_DEALLOCATE,
		.end = MY_PIN_COUNTED,
		.is_dirty = true,
		.kind = STATE_UNKNOWN_SET,
		.why = "it prepares a statement by its text",
	},
	[MY_PIN_HANDLER] = {
		.name = "handler",
		.begins = MY_SQL_HANDLER,
		.ends = MY_SQL_HANDLER_CLOSE,
		.end = MY_PIN_COUNTED,
		.is_dirty = true,
		.kind = STATE_HOLD_CURSOR,
		.why = "it opens a table for HANDLER",
	},
	[MY_PIN_CURSOR] = {
		.name = "cursor",
		.end = MY_PIN_ANSWER,
		.kind = STATE_HOLD_CURSOR,
		.why = "it has a cursor open",
	},
	[MY_PIN_LONG_DATA] = {
		.name = "long data",
		.end = MY_PIN_ANSWER,
		.kind = STATE_KINDS,
		.why = "it was sent part of a parameter",
	},
	[MY_PIN_ROLE] = {
		.name = "role",
		.begins = MY_SQL_ROLE,
		.end = MY_PIN_RESET,
		.is_dirty = true,
		.is_lasting = true,
		.kind = STATE_UNKNOWN_SET,
		.why = "it changes the role",
	},
	[MY_PIN_TRACE] = {
		.name = "trace",
		.begins = MY_SQL_TRACES,
		.end = MY_PIN_RESET,
		.is_dirty = true,
		.is_lasting = true,
		.kind = STATE_UNKNOWN_SET,
		.why = "it has the server keep what statements do",
	},
	[MY_PIN_SETTING] = {
		.name = "setting",
		.end = MY_PIN_RESET,
		.is_dirty = true,
		.kind = STATE_UNKNOWN_SET,
		.why = "it sets what cannot be carried to another server",
	},
	[MY_PIN_RESULT] = {
		.name = "result",
		.begins = MY_SQL_COUNTS_ROWS | MY_SQL_SEQUENCE,
		.end = MY_PIN_NEXT,
		.kind = STATE_KINDS,
		.why = "it leaves a result that the next statement may ask for",
	},
	[MY_PIN_UNKNOWN] = {
		.name = "unknown",
		.begins = MY_SQL_DOUBT,
		.end = MY_PIN_RESET,
		.is_dirty = true,
		.kind = STATE_UNKNOWN_SET,
		.why = "it may do anything that the server does not report",
	},
	[MY_PIN_ASKED] = {
		.name = "asked for",
		.begins = MY_SQL_HINT_SESSION,
		.end = MY_PIN_RESET,
		.kind = STATE_KINDS,
		.why = "it asks for that in a comment",
	},
};

uint64_t
my_pins_carried(uint64_t flags)
{
	const uint64_t others = MY_SQL_VARIABLE | MY_SQL_SEVERAL | MY_SQL_DOUBT;

	return flags & others ? flags : flags & ~MY_SQL_LITERAL;
}

/* Most texts have no other flags, and no rule knows these. */
static bool
is_plain(uint64_t flags)
{
	return (flags & ~(MY_SQL_READ | MY_SQL_WRITE | MY_SQL_BEGIN)) == 0;
}

uint32_t
my_pins_begun(uint64_t flags)
{
	const uint64_t results = MY_SQL_COUNTS_ROWS | MY_SQL_SEQUENCE;
	uint32_t pins = 0;

	if (is_plain(flags))
		return 0;
	/* Who writes that knows better; a transaction is one all the same. */
	if (flags & MY_SQL_HINT_NOPIN)
		flags &= MY_SQL_ONCE | MY_SQL_SAVEPOINT | MY_SQL_XA | results |
			 MY_SQL_LOST;
	for (unsigned i = 0; i < MY_PINS; i++)
		if (my_pin_rules[i].begins & flags)
			pins |= MY_PIN_BIT(i);
	return pins;
}

bool
my_pins_may_begin(uint64_t flags)
{
	return (flags & MY_SQL_SET) != 0 || my_pins_begun(flags) != 0;
}

uint32_t
my_pins_ended(uint64_t flags)
{
	uint32_t pins = 0;

	if (is_plain(flags))
		return 0;
	for (unsigned i = 0; i < MY_PINS; i++)
		if (my_pin_rules[i].ends & flags)
			pins |= MY_PIN_BIT(i);
	return pins;
}

uint32_t
my_pins_dirty(uint32_t pins)
{
	uint32_t dirty = 0;

	for (unsigned i = 0; pins != 0 && i < MY_PINS; i++)
		if ((pins & MY_PIN_BIT(i)) && my_pin_rules[i].is_dirty)
			dirty |= MY_PIN_BIT(i);
	return dirty;
}

uint32_t
my_pins_lasting(uint32_t pins)
{
	uint32_t lasting = 0;

	for (unsigned i = 0; pins != 0 && i < MY_PINS; i++)
		if ((pins & MY_PIN_BIT(i)) && my_pin_rules[i].is_lasting)
			lasting |= MY_PIN_BIT(i);
	return lasting;
}
