/*
 * What servers of MySQL's kind say of themselves: what clients are greeted
 * with, and told at the end of their login.
 *
 * Immutable once made; counted references, any thread.  Facts of several
 * servers meet in what all of them can do, for a client is greeted before it
 * says which database it wants.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_FACTS_H
#define CARPOOL_SRC_MYSQL_MY_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Servers are logged in to with this collation, utf8mb4_general_ci, which all
 * of them have. */
#define MY_LOGIN_COLLATION 45u

/* What facts are made of; texts are copied. */
struct my_facts_words {
	const char *version; /* as the server greets, "5.5.5-10.11..." */
	const char *schema;  /* the default database, "" = none */
	/* What a login has of the session variables: names and values, each
	 * with its NUL. */
	const char *variables;
	size_t variables_len;
	uint32_t caps;      /* the server's own, MY_CLIENT_* */
	uint32_t ext;       /* MY_MARIADB_*; 0 for MySQL */
	uint16_t collation; /* the server's default, its low byte */
	uint16_t status;    /* after login, MY_STATUS_* */
	bool is_sha2;       /* prefers caching_sha2_password */
	bool is_tracked;    /* its session trackers are on */
};

struct my_facts; /* opaque but for the words */

/* NULL when memory is out. */
const struct my_facts *my_facts_new(const struct my_facts_words *words);

/* The same of a greeting alone: what a server says before any login. */
struct my_greeting;
const struct my_facts *my_facts_of(const struct my_greeting *g);

/* The words; borrowed while a reference is held. */
const struct my_facts_words *my_facts_words(const struct my_facts *f);

/* Is this a MariaDB server, whose clients have the second word of bits? */
bool my_facts_is_mariadb(const struct my_facts *f);

/* A place among the variables; zeroed is before the first. */
struct my_facts_variable {
	const char *name; /* borrows from the facts */
	const char *value;
	size_t next;
};

/* Moves to the next variable; false at the end. */
bool my_facts_next(const struct my_facts *f, struct my_facts_variable *at);

/* Returns its argument.  NULL is allowed. */
const struct my_facts *my_facts_ref(const struct my_facts *f);
void my_facts_unref(const struct my_facts *f);

/*
 * New facts of what both can do: the lower version, the common bits, the
 * schema, variables and collation only where they are the same.  NULL: memory
 * is out.
 */
const struct my_facts *my_facts_meet(const struct my_facts *a,
				     const struct my_facts *b);

/* Would clients be greeted alike?  What a login tells besides is not looked
 * at. */
bool my_facts_equal(const struct my_facts *a, const struct my_facts *b);

/*
 * The version as a number, "10.11.19" as 101119, without MariaDB's prefix
 * "5.5.5-"; 0 where there is none.
 */
uint32_t my_facts_number(const char *version);

#endif
