/*
 * What keeps a client on its server, how that is seen and how it ends.  A
 * constant table; pure; any thread.
 *
 * Where a rule says so, the end of a pin leaves something behind that no SET
 * takes away: the server is reset before anybody else gets it.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_PIN_H
#define CARPOOL_SRC_MYSQL_MY_PIN_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/policy.h"

enum my_pin {
	MY_PIN_ONCE,
	MY_PIN_SAVEPOINT,
	MY_PIN_XA,
	MY_PIN_TEMP,
	MY_PIN_LOCK_TABLES,
	MY_PIN_GLOBAL_LOCK,
	MY_PIN_USER_LOCK,
	MY_PIN_VARIABLE,
	MY_PIN_PREPARE,
	MY_PIN_HANDLER,
	MY_PIN_CURSOR,
	MY_PIN_LONG_DATA,
	MY_PIN_ROLE,
	MY_PIN_TRACE,
	MY_PIN_SETTING,
	MY_PIN_RESULT,
	MY_PIN_UNKNOWN,
	MY_PIN_ASKED,
	MY_PINS,
};

#define MY_PIN_BIT(pin) (1u << (pin))

enum my_pin_end {
	MY_PIN_TRANSACTION, /* with the next transaction that ends */
	MY_PIN_TRACKER,     /* when the trackers say that it is over */
	MY_PIN_STATEMENT,   /* by a statement of the rule's `ends` */
	MY_PIN_COUNTED,     /* by as many of those as may have begun it */
	MY_PIN_ANSWER,      /* when the status or a command says so */
	MY_PIN_NEXT,        /* with the next statement, or when others wait */
	MY_PIN_RESET, /* when the client resets its connection, or leaves */
};

struct my_pin_rule {
	const char *name;
	uint64_t begins; /* MY_SQL_* flags of a statement, if it succeeds */
	uint64_t ends;   /* ... of one that may end it */
	enum my_pin_end end;
	bool is_dirty;        /* the server needs a reset afterwards */
	bool is_lasting;      /* ... which does not do: it must be closed */
	enum state_kind kind; /* whose policy holds; STATE_KINDS: none */
	const char *why;      /* a clause that begins with "it" */
};

extern const struct my_pin_rule my_pin_rules[MY_PINS];

/*
 * The flags of statements whose user variables, if they can be, are carried: by
 * my_said_users, which must have succeeded for a statement that was run.
 */
uint64_t my_pins_carried(uint64_t flags);

/* The pins, as MY_PIN_BITs, that statements with these flags begin. */
uint32_t my_pins_begun(uint64_t flags);

/* May they begin one, as far as the text tells? */
bool my_pins_may_begin(uint64_t flags);

/* The pins that they may end; see the rule for when they do. */
uint32_t my_pins_ended(uint64_t flags);

/* Those after whose end a server needs a reset. */
uint32_t my_pins_dirty(uint32_t pins);

/* Those of which not even a reset takes away what they left. */
uint32_t my_pins_lasting(uint32_t pins);

#endif
