/*
 * The session: carries out the orders of a client's front and of the back of
 * the server that it is linked to.  Runs on their worker.
 */
#ifndef CARPOOL_CORE_SESSION_H
#define CARPOOL_CORE_SESSION_H

#include "core/client.h"
#include "core/server.h"

/*
 * One turn of a client and its server, if any: reads what is there, steps both
 * sides until they wait, writes once for each socket.
 */
void session_turn(struct client *c);

/* A turn of a client's front with what it borrows. */
struct session_turn {
	struct turn turn;
	struct stream_facts facts;
	char addr[ADDR_TEXT_MAX];
	uint8_t key[CANCEL_KEY_BYTES];
	char words[TURN_WORDS];
};
void session_client_turn(struct client *c, struct session_turn *st);

/* Queues at the pool; true: it has a server at once. */
bool session_want_server(struct client *c);

/* The same for a server without a client. */
void session_server_turn(struct server *s);

/* One read of a server, if it has room; false: nothing came. */
bool session_read_server(struct server *s, size_t out_len);

/* Steps a server without a client until it waits. */
void session_server_step(struct server *s, const struct answer *answer);

/* The answer that an ASKING client waits for has come. */
void session_answer(struct client *c, const struct answer *answer);

/* Unlinks; the server stays with the caller. */
struct server *session_unlink(struct client *c);

/* A client that is fenced (hearer_fences) gives its server up. */
void session_end_fence(struct client *c, enum residue residue);

#endif
