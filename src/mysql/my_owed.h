/*
 * What a server owes: the commands that it was sent and has not answered, in
 * their order.
 *
 * A client's command is sent when nothing else is owed, so the queue is short:
 * what makes a server fit, and one command behind it.  Owns nothing.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_OWED_H
#define CARPOOL_SRC_MYSQL_MY_OWED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "my_command.h"

#define MY_OWED_MAX 16u

enum my_owed_task {
	MY_OWED_CLIENT,   /* the client's own: the answer is for it */
	MY_OWED_SCHEMA,   /* the schema that the client has */
	MY_OWED_SET,      /* the settings that the client has */
	MY_OWED_CONTEXT,  /* settings of a statement that is prepared next */
	MY_OWED_LOAD,     /* a statement of the client's, prepared for it */
	MY_OWED_RETURN,   /* from those settings to the client's */
	MY_OWED_RESET,    /* everything that a client left */
	MY_OWED_TRACK,    /* carpool's trackers, after it or the client's own;
			   * what else no server keeps */
	MY_OWED_OWN,      /* the client's own, before it sets them; its
			   * LAST_INSERT_ID(), before it asks */
	MY_OWED_TRACKERS, /* what they are, after it */
	MY_OWED_CONNECT,  /* connect_query, after it */
	MY_OWED_LOOK,     /* a ping: is a transaction open? */
	MY_OWED_CHECK,    /* server_check_query */
	MY_OWED_KILL,     /* of what another connection runs */
	MY_OWED_UNDO,     /* the transaction of a client that is gone */
	MY_OWED_WARNINGS, /* what its client may ask for, see my_results.h */
	MY_OWED_ID,       /* the same */
	MY_OWED_FORGET,   /* warnings, before others get the server */
	MY_OWED_CLEAR,    /* the same, where that could not be */
};

struct my_owed {
	uint8_t task;                  /* enum my_owed_task */
	uint8_t head[MY_COMMAND_HEAD]; /* the command's first bytes */
	uint32_t len;                  /* of its payload */
};

struct my_owed_queue {
	struct my_owed entries[MY_OWED_MAX];
	uint8_t first, count;
	uint8_t hidden; /* of them not the client's */
};

static inline bool
my_owed_has_room(const struct my_owed_queue *q)
{
	return q->count < MY_OWED_MAX;
}

/* There is room. */
static inline void
my_owed_push(struct my_owed_queue *q, struct my_owed entry)
{
	ASSERT(my_owed_has_room(q));
	q->entries[(q->first + q->count) % MY_OWED_MAX] = entry;
	q->count++;
	if (entry.task != MY_OWED_CLIENT)
		q->hidden++;
}

/* The entry that is answered next; there is one. */
static inline struct my_owed *
my_owed_head(struct my_owed_queue *q)
{
	return &q->entries[q->first];
}

static inline void
my_owed_pop(struct my_owed_queue *q)
{
	if (my_owed_head(q)->task != MY_OWED_CLIENT)
		q->hidden--;
	q->first = (uint8_t)((q->first + 1) % MY_OWED_MAX);
	q->count--;
}

#endif
