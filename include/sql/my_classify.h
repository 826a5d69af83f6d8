/*
 * What the text of a MySQL statement does to the session that runs it, and
 * what it asks of what the session did before.
 *
 * Fed with text in pieces; one set of flags for the whole text, which may hold
 * several statements.  In doubt a flag is set: a server that is cleaned for
 * nothing costs time, one that is not cleaned leaks one client's state to
 * another.  The server's own session trackers tell more, what functions do
 * inside too; the flags explain them and cover what no tracker tells.
 * Nothing is allocated.  Any thread; the state belongs to one caller.
 */
#ifndef CARPOOL_SQL_MY_CLASSIFY_H
#define CARPOOL_SQL_MY_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/my_lexer.h"

#define MY_SQL(bit) (UINT64_C(1) << (bit))

/* ---- settings ---- */
#define MY_SQL_SET MY_SQL(0)       /* SET or USE: a change of state is told */
#define MY_SQL_SESSION MY_SQL(1)   /* variables of the session, SET NAMES */
#define MY_SQL_GLOBAL MY_SQL(2)    /* GLOBAL, PERSIST: later logins differ */
#define MY_SQL_ONCE MY_SQL(3)      /* for the next transaction alone */
#define MY_SQL_FOR MY_SQL(4)       /* SET STATEMENT ... FOR */
#define MY_SQL_COLLATION MY_SQL(5) /* a collation that no tracker tells */
#define MY_SQL_SYNTAX MY_SQL(6)    /* changes how later texts are read */
#define MY_SQL_ROLE MY_SQL(7)
#define MY_SQL_USE MY_SQL(8)
#define MY_SQL_VARIABLE MY_SQL(9) /* user variables get values */
#define MY_SQL_LITERAL MY_SQL(10) /* user variables get constants, by SET */
/*
 * One statement, USE or a SET of the session's variables to constants: what it
 * does depends on the session's state and the text alone.
 */
#define MY_SQL_PLAIN MY_SQL(11)

/* ---- what stays on the server, and what may take it away ---- */
#define MY_SQL_TEMP MY_SQL(12)
#define MY_SQL_DROP MY_SQL(13)
#define MY_SQL_LOCK_TABLES MY_SQL(14)
#define MY_SQL_UNLOCK_TABLES MY_SQL(15)
#define MY_SQL_GLOBAL_LOCK MY_SQL(16) /* of the whole server, for backups */
#define MY_SQL_GLOBAL_UNLOCK MY_SQL(17)
#define MY_SQL_USER_LOCK MY_SQL(18) /* GET_LOCK() and its like */
#define MY_SQL_USER_UNLOCK MY_SQL(19)
#define MY_SQL_HANDLER MY_SQL(20)
#define MY_SQL_HANDLER_CLOSE MY_SQL(21)
#define MY_SQL_XA MY_SQL(22) /* START, END, PREPARE */
#define MY_SQL_XA_END MY_SQL(23)
#define MY_SQL_PREPARE MY_SQL(24) /* by text */
#define MY_SQL_DEALLOCATE MY_SQL(25)
#define MY_SQL_BEGIN MY_SQL(26)
#define MY_SQL_END MY_SQL(27) /* COMMIT, ROLLBACK of it all */
#define MY_SQL_SAVEPOINT MY_SQL(28)
#define MY_SQL_ANY MY_SQL(29)  /* CALL and the like: code that may do all */
#define MY_SQL_LOST MY_SQL(30) /* the lexer could not follow */

/* ---- results that the next statement may ask for ---- */
#define MY_SQL_COUNTS_ROWS MY_SQL(31) /* SQL_CALC_FOUND_ROWS */
#define MY_SQL_MAKES_ID MY_SQL(32)    /* LAST_INSERT_ID(value) */
#define MY_SQL_SEQUENCE MY_SQL(33)    /* a sequence's value */
#define MY_SQL_ASKS_ID MY_SQL(34)     /* LAST_INSERT_ID(), @@identity */
#define MY_SQL_ASKS_ROWS MY_SQL(35)   /* FOUND_ROWS(), ROW_COUNT() */
#define MY_SQL_ASKS_WARNINGS MY_SQL(36)
#define MY_SQL_ASKS_THREAD MY_SQL(37) /* CONNECTION_ID() */

/* ---- what kind of text it is ---- */
#define MY_SQL_READ MY_SQL(38)  /* begins as a query does */
#define MY_SQL_WRITE MY_SQL(39) /* begins as a change of rows does */
#define MY_SQL_BARE MY_SQL(40)  /* SELECT of one of the functions, no more */
#define MY_SQL_SEVERAL MY_SQL(41)
#define MY_SQL_EMPTY MY_SQL(42)
#define MY_SQL_ROUTINE MY_SQL(43) /* defines stored code */
#define MY_SQL_LOCAL MY_SQL(44)   /* LOAD DATA LOCAL */
#define MY_SQL_KILL MY_SQL(45)
#define MY_SQL_HINT_SESSION MY_SQL(46) /* a comment, pool: session */
#define MY_SQL_HINT_NOPIN MY_SQL(47)   /* pool: nopin */

/* SET of session_track_*, which carpool needs itself; no MY_SQL_SESSION. */
#define MY_SQL_TRACKERS MY_SQL(48)
/* With it: so that not all of what the text sets is told, by
 * session_track_system_variables or by @@name without a scope. */
#define MY_SQL_TRACKER_LIST MY_SQL(50)

/* SET @@name = value, without a scope, of which MariaDB tells nothing. */
#define MY_SQL_UNTOLD MY_SQL(51)

/* SET of what keeps texts for the session's end: profiling, optimizer_trace. */
#define MY_SQL_TRACES MY_SQL(52)

/* DROP TEMPORARY without IF EXISTS: at least one is gone if it succeeds. */
#define MY_SQL_DROP_TEMP MY_SQL(49)

/* After these anything may have been left behind. */
#define MY_SQL_DOUBT (MY_SQL_ANY | MY_SQL_LOST)

enum my_kill_kind {
	MY_KILL_OTHER, /* by user, by query id, or an id that is computed */
	MY_KILL_CONNECTION,
	MY_KILL_QUERY,
};

struct my_kill {
	uint64_t id;
	enum my_kill_kind kind;
};

struct my_classify {
	struct my_lexer lexer;
	uint64_t flags;
	uint64_t before;       /* flags when stored code began */
	uint64_t pending;      /* flags of a function, if it is called */
	struct my_kill kill;   /* with MY_SQL_KILL */
	uint32_t depth;        /* of parentheses */
	uint8_t step;          /* where in the statement */
	uint8_t word;          /* of the name that a SET is about */
	uint8_t last;          /* the last word */
	uint8_t last_token;    /* enum my_lexer_token */
	uint8_t scope;         /* of the variables that have none themselves */
	uint8_t own_scope;     /* of this variable */
	uint8_t value_tokens;  /* of a SET's value, saturates */
	uint8_t bare;          /* how far the text is SELECT f() */
	uint8_t collation_len; /* 0: not told */
	bool has_begun;        /* a first statement */
	bool is_begun;         /* the statement's first token was seen */
	bool is_plain;
	bool is_user;   /* the SET is of a user variable */
	bool is_system; /* behind @@, not in the name of a SET */
	/* In a SET's value: the last name is of nothing known, if called; the
	 * last one was sys, the last token a dot; there was a SELECT. */
	bool is_unknown, is_sys, is_dotted, has_select;
	bool is_called;    /* the last sign opened LAST_INSERT_ID( */
	bool has_constant; /* the SET's value is one so far */
	/* What SET NAMES said behind COLLATE, as it was written. */
	char collation[MY_LEXER_WORD_MAX];
};

void my_classify_init(struct my_classify *c, struct my_lexer_options options);
void my_classify_feed(struct my_classify *c, const void *text, size_t len);

/* The text is complete: its flags (MY_SQL_*). */
uint64_t my_classify_end(struct my_classify *c);

/* The flags of a whole text. */
uint64_t my_classify_text(const void *text, size_t len,
			  struct my_lexer_options options);

/* Whom a text with MY_SQL_KILL is about: the last one. */
struct my_kill my_classify_kill(const void *text, size_t len,
				struct my_lexer_options options);

/*
 * What SET NAMES ... COLLATE, a text with MY_SQL_COLLATION, says: name gets it
 * as a C string and has room for MY_LEXER_WORD_MAX and one.  False: the text
 * does not tell, the server must be asked.
 */
bool my_classify_collation(const void *text, size_t len,
			   struct my_lexer_options options, char *name);

#endif
