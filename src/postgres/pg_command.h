/*
 * A client's message on its way to the server: what the handlers of pg_front.c
 * and pg_extended.c share.
 *
 * A handler returns true when the message goes out with the run: its bytes stay
 * as they are, or it has written its own (pg_command_begin).
 * False: *order says what to do; only for a first message may anything have
 * changed.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_COMMAND_H
#define CARPOOL_SRC_POSTGRES_PG_COMMAND_H

#include "pg_back.h"
#include "pg_front.h"

struct pg_command {
	struct pg_frame frame;
	bool is_first;   /* no run in front of it: an order may be returned */
	size_t copied;   /* bytes of the run that are in peer_out already; a run
			  * that was begun to be copied is copied whole */
	bool has_failed; /* memory was out in the middle of something */
	const uint8_t *body; /* borrows: the first len bytes */
	size_t len;
	uint8_t scratch[PG_WHOLE_MAX];
};

typedef bool pg_handle_fn(struct pg_front *f, struct turn *turn,
			  struct pg_command *m, struct order *order);

/* pg_front.c: sets *order and returns false. */
bool pg_stop(struct order *order, struct order what);
bool pg_stop_plain(struct order *order, enum order_kind kind);
bool pg_stop_fail(struct order *order, enum reason reason);
bool pg_stop_discard(struct order *order, const struct pg_command *m);

/*
 * May a request go to the server now, with two entries more?  False: *order
 * says what must happen first.
 */
bool pg_command_has_server(struct pg_front *f, struct turn *turn,
			   const struct pg_command *m, struct order *order);

/* Client requests that are still to be answered. */
uint32_t pg_command_ends(const struct pg_back *b);

/* A message of the extended protocol is on its way, as it stands. */
bool pg_command_push(struct pg_front *f, struct turn *turn,
		     struct pg_owed entry);

/*
 * Refuses this message so that it undoes what an error of the server's would:
 * false always, with *order.
 */
bool pg_command_refuse(struct pg_front *f, struct turn *turn,
		       const struct pg_command *m, enum reason reason,
		       struct order *order);

/*
 * pg_look.c.  Looks at the text of a message, behind skip terminated texts, at
 * once when it is whole.  False: it goes in pieces, by *order, or fails.
 */
bool pg_command_look(struct pg_front *f, struct turn *turn,
		     const struct pg_command *m, unsigned skip,
		     struct order *order);

/* The next piece of a text that goes in pieces. */
struct order pg_look_go_on(struct pg_front *f, struct turn *turn);

/*
 * From here on bytes of the handler's own go to the server, behind those of
 * the run, which are copied.  False: the run goes out first (*order is not
 * set), or memory is out.
 */
bool pg_command_begin(struct turn *turn, struct pg_command *m,
		      struct order *order);

/*
 * Writes the message with text (len bytes) in place of the cut bytes at offset
 * at of its body.  One that is too long to be waited for must be the first,
 * and goes on by itself: false, with *order.
 */
bool pg_command_replace(struct pg_front *f, struct turn *turn,
			struct pg_command *m, size_t at, size_t cut,
			const char *text, size_t len, struct order *order);

/* A simple Query drops the unnamed statement: its entry says so. */
void pg_query_drops_unnamed(const struct pg_front *f, const struct pg_back *b,
			    struct pg_owed *entry);

/* pg_extended.c */
bool pg_on_parse(struct pg_front *f, struct turn *turn, struct pg_command *m,
		 struct order *order);
bool pg_on_bind(struct pg_front *f, struct turn *turn, struct pg_command *m,
		struct order *order);
bool pg_on_describe(struct pg_front *f, struct turn *turn, struct pg_command *m,
		    struct order *order);
bool pg_on_execute(struct pg_front *f, struct turn *turn, struct pg_command *m,
		   struct order *order);
bool pg_on_close(struct pg_front *f, struct turn *turn, struct pg_command *m,
		 struct order *order);

/*
 * A prepared statement is about to be used by this message: settings that its
 * arguments name.  pg_ask.c
 */
void pg_ask_arguments(struct pg_back *b, const struct statement *s,
		      const struct pg_command *m);

#endif
