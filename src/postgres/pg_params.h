/*
 * Sets of settings: names and values as ParameterStatus reports them.
 *
 * A set is immutable and reference-counted with atomics, so it may be shared
 * by connections of all threads; a change makes a new set.  Most clients of a
 * pool hold the very set that their server holds, so comparing them is
 * comparing two pointers.  PostgreSQL manual, "Message Flow", "Asynchronous
 * Operations".
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_PARAMS_H
#define CARPOOL_SRC_POSTGRES_PG_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "proto/policy.h"

struct pg_params;

/* A place in a set; zeroed is before the first. */
struct pg_param {
	const char *name;  /* borrows from the set */
	const char *value; /* directly behind the name's NUL */
	size_t next;
};

/* NULL stands for the empty set in all functions but where noted. */
struct pg_params *pg_params_ref(const struct pg_params *p);
void pg_params_unref(const struct pg_params *p);

/* Replaces *slot's set by one that is already referenced. */
void pg_params_put(struct pg_params **slot, struct pg_params *p);

/* The value, or NULL.  Names are compared without letter case. */
const char *pg_params_find(const struct pg_params *p, const char *name);

/*
 * A new set in which name has this value; the spelling of a known name stays.
 * NULL: memory is out.
 */
struct pg_params *pg_params_with(const struct pg_params *p, const char *name,
				 const char *value)
	__attribute__((warn_unused_result));

/* The same for a set whose pairs stand in the order of their names. */
struct pg_params *pg_params_insert(const struct pg_params *p, const char *name,
				   const char *value)
	__attribute__((warn_unused_result));

/* A new set without name; NULL: memory is out. */
struct pg_params *pg_params_without(const struct pg_params *p, const char *name)
	__attribute__((warn_unused_result));

/* Same names and values, byte for byte. */
bool pg_params_equal(const struct pg_params *a, const struct pg_params *b);

/*
 * True for sets of the same pairs in the same order, of which one is kept: of
 * any two always the same, so that all who meet end up with one.
 */
bool pg_params_unite(struct pg_params **a, struct pg_params **b);

/* Bytes of the names and values. */
size_t pg_params_size(const struct pg_params *p);

/* What a server may report of itself; it is copied at every change. */
#define PG_PARAMS_MAX 16384u

/* Moves to the next pair; false at the end. */
bool pg_params_next(const struct pg_params *p, struct pg_param *at);

/* A number for one pair, to remember it by. */
uint32_t pg_param_hash(const char *name, const char *value);

/*
 * Does carpool carry this setting from server to server?  The fixed names and
 * those of policy->extra_tracked, but none that only reports.
 */
bool pg_is_tracked(const char *name, const struct policy *policy);

/* May it stand in the set of what a client set besides? */
bool pg_is_own(const char *name);

/*
 * Does what a server has (NULL: nothing) already say what a client asked for,
 * if perhaps in another spelling?
 */
bool pg_is_same_value(const char *name, const char *asked, const char *has);

/* Do two names mean one encoding?  The server's own has UNICODE besides UTF8,
 * and says of a client the one that it asked for. */
bool pg_is_same_encoding(const char *a, const char *b);

/* Is name in a comma list, in any letter case; "*" matches all. */
bool pg_in_list(const char *name, const char *list);

/*
 * How to get from one set to the other: one difference in a tracked setting.
 * value NULL: from has it, to does not, it goes back to its default.
 */
struct pg_change {
	const char *name;
	const char *value;
	bool is_own; /* the value is in the words of current_setting() */
};

/*
 * Walks the differences in an order that depends on the sets alone; false at
 * the end.  at: zeroed before the first call.
 */
struct pg_walk {
	struct pg_param in_to;
	struct pg_param in_from;
	bool is_removing;
};
/* The same for sets of what clients set besides: what goes comes first. */
bool pg_params_own_change(const struct pg_params *from,
			  const struct pg_params *to, struct pg_walk *at,
			  struct pg_change *change);
bool pg_params_change(const struct pg_params *from, const struct pg_params *to,
		      const struct policy *policy, struct pg_walk *at,
		      struct pg_change *change);

/* Adds a text as a constant, with the same care. */
void pg_put_literal(struct str *sql, const char *value);

/*
 * Adds the statement that makes the change.  Values are quoted so that they
 * read the same whatever standard_conforming_strings and encoding the server
 * has; bytes beyond ASCII become '?', as PostgreSQL does with names.
 */
void pg_change_sql(struct str *sql, const struct pg_change *change);

/*
 * Replaces what is neither printable ASCII nor one of the characters in
 * "kept" by '?', in place.
 */
void pg_clean_ascii(char *text, const char *kept);

#endif
