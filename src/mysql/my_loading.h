/*
 * Prepared statements, as a server gets and loses them.
 *
 * What a client executes and the server lacks is prepared, hidden, in front of
 * it, under the settings that its text was prepared under, and the client's
 * command waits for the answer.  Runs on the worker that owns the server.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_LOADING_H
#define CARPOOL_SRC_MYSQL_MY_LOADING_H

#include "my_back.h"
#include "my_loaded.h"
#include "my_named.h"

enum my_loading {
	MY_LOADING_SENT,
	/* Its schema could be entered, but not left again. */
	MY_LOADING_NO_WAY,
	MY_LOADING_NO_MEMORY, /* part of it may have been sent */
};

/*
 * Has the server prepare what this client's statement n needs; behind all that
 * it owes now its session is the client's.
 */
enum my_loading my_load_ask(struct my_back *b, struct turn *t, struct buf *out,
			    struct my_front *f, const struct my_named *n);

/* The client's own COM_STMT_PREPARE of it is about to be sent; false: memory
 * is out. */
bool my_load_begin(struct my_back *b, struct buf *out,
		   const struct policy *policy, struct statement *s);

/* Takes one from the server; false: memory is out. */
bool my_load_close(struct my_back *b, struct buf *out, struct my_load *l);

/* Of its text, as the console shows it; 0: not known. */
uint64_t my_load_digest(const struct statement *s);

/* What its holders have in it has changed: the pins follow. */
void my_load_count_pins(struct my_back *b);

/* The client is unlinked. */
void my_load_unlink(struct my_back *b);

/*
 * At offset at begins the first packet of the answer to a client's PREPARE:
 * the number in it becomes the client's own.
 */
void my_load_rename(const struct my_back *b, struct turn *t, size_t at);

/* A hidden command of these was answered; false: memory is out. */
bool my_load_done(struct my_back *b, struct turn *t, enum my_owed_task task,
		  const struct my_response *r);

/* So was the client's, if that was about a statement; false: memory is out. */
bool my_load_answered(struct my_back *b, struct turn *t, uint8_t command,
		      const struct my_response *r);

#endif
