/*
 * The console's commands: one table says what there is, who may use it and who
 * carries it out.  Deciding is pure: nothing happens before a command was
 * found, allowed and well-formed.
 */
#ifndef CARPOOL_ADMIN_COMMANDS_H
#define CARPOOL_ADMIN_COMMANDS_H

#include "columns.h"
#include "config/snapshot.h"
#include "words.h"

struct errand;

/* One thing that SHOW shows. */
struct show {
	const char *name; /* in capitals; may have blanks */
	/* What it needs; CONSOLE_NONE, as in a row that does not say, is more
	 * than anybody has. */
	enum console_right right;
	const struct columns *columns; /* NULL: no rows */
	/* Fills errand->rows and ends the errand, now or later. */
	void (*fill)(struct errand *errand);
	const char *fixed; /* the value of show_fixed */
};

/* One command. */
struct command {
	const char *name;         /* its first word, in capitals */
	enum console_right right; /* as above */
	const char *usage;        /* its arguments, for SHOW HELP; may be "" */
	size_t min_args, max_args;
	/* Further condition, or NULL: then the name is enough. */
	bool (*fits)(const struct words *words);
	/* Carries it out and ends the errand, now or later; NULL: the second
	 * word names a row of shows_table. */
	void (*run)(struct errand *errand);
	const struct columns *columns; /* NULL: it answers with none */
};

extern const struct command commands_table[];
extern const size_t commands_count;
extern const struct show shows_table[];
extern const size_t shows_count;

#define DECISION_TEXT_MAX 256

/* What to do with a command. */
struct decision {
	struct words words;
	const struct command *command; /* NULL: empty, or refused */
	const struct show *show;       /* where command is a SHOW */
	const char *sqlstate;          /* NULL: allowed */
	const char *hint;              /* NULL = none */
	char error[DECISION_TEXT_MAX];
};

/* Looks a command up for somebody of that right; end with decision_fini. */
void command_decide(struct decision *decision, const char *text,
		    enum console_right right);
void decision_fini(struct decision *decision);

/* The text of SHOW HELP; the caller frees it with mem_free.  NULL: no memory */
char *commands_help(void);

#endif
