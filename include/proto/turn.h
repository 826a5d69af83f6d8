/*
 * The turn: all that a step may touch.  Built on the stack by the session for
 * each call; nothing in it may be kept.
 */
#ifndef CARPOOL_PROTO_TURN_H
#define CARPOOL_PROTO_TURN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "proto/order.h"
#include "proto/policy.h"

/* Ways to prove who a client is, or to be proven to a server. */
enum auth_method {
	AUTH_TRUST, /* no proof asked; the user must be known */
	AUTH_ANY,   /* no proof, any name; the database's forced user serves */
	AUTH_PLAIN,
	AUTH_MD5,
	AUTH_SCRAM,
	AUTH_REJECT,
	/* The core decides these: a front is told of TRUST or REJECT. */
	AUTH_CERT, /* the certificate's name */
	AUTH_PEER, /* the system's name of who is at a unix socket */
	AUTH_HBA,  /* as the rules say */
};

/*
 * A secret for logging in to servers: what carpool knows of the server user.
 * All borrowed; "" = not known.
 */
struct credential {
	const char *user;
	const char *secret; /* clear text, md5..., or SCRAM-SHA-256$... */
	/* Keys a client proved in SCRAM, for pass-through; NULL = none. */
	const uint8_t *client_key; /* 32 bytes */
	const uint8_t *server_key; /* 32 bytes */
};

/* The answer to the order that the last step returned. */
enum answer_kind {
	ANSWER_NONE,
	ANSWER_ROUTE,  /* reason: REASON_NONE or why there is no such pool */
	ANSWER_VERIFY, /* method, secret */
	ANSWER_FACTS,  /* facts */
	ANSWER_JOB,    /* job */
	ANSWER_CANCEL, /* reason: REASON_NONE, NO_DATABASE: there is no such
			* client, or CONSOLE_DENIED: not this user's */
	ANSWER_ROWS,   /* rows of a console command are in; see front rows() */
};

struct answer {
	enum answer_kind kind;
	enum reason reason;
	bool is_console;         /* ROUTE: the console answers, no server */
	enum pool_mode mode;     /* ROUTE: of the pool that it leads to */
	enum auth_method method; /* VERIFY */
	const char *secret;      /* VERIFY: borrowed for this call; a mock is
				  * NULL: refuse after the full exchange */
	const char *words; /* VERIFY, REJECT: what the client is told, borrowed
			    * for this call, with reason; NULL = the reason's
			    * own */
	const char *decoy; /* VERIFY: the secret of somebody else, or NULL: an
			    * unknown user must look and cost like him */
	const void *facts; /* FACTS: the back's facts object, borrowed */
	void *job;         /* JOB: the arg of the finished job */
};

#define BINDING_MAX 64u

/* What the transport knows of the peer; borrowed. */
struct stream_facts {
	const char *peer_addr; /* "127.0.0.1", "unix" */
	uint16_t peer_port;
	bool is_unix;
	bool is_tls;
	bool has_alpn; /* ... for which both agreed on the protocol's name */
	/* See turn_binding; NULL = there is none. */
	size_t (*binding)(const void *transport, uint8_t out[BINDING_MAX]);
};

struct key_cache; /* of auth/; the core only hands them on */
struct rsa_key;

struct turn {
	void *self;           /* the own side's state */
	void *peer;           /* the linked other side's state, or NULL */
	struct buf *in;       /* bytes that came from the own side */
	struct buf *out;      /* bytes for the own side */
	struct buf *peer_out; /* bytes for the other side; NULL: not linked */
	usec_t now;
	const struct policy *policy;
	const struct stream_facts *stream;
	const void *transport; /* borrows: whom stream->binding is about */
	/* Fills out with len unpredictable bytes, ENTROPY_MAX at most. */
	void (*entropy)(void *arg, void *out, size_t len);
	void *entropy_arg; /* borrows */
	/* MOCK_SECRET_BYTES of this process, for answers to unknown users and
	 * other things that are to be known again and not to be guessed. */
	const uint8_t *mock_secret;
	/* Keys derived from secrets, kept for all; outlives the helpers. */
	struct key_cache *keys; /* borrows; NULL = nothing is kept */
	/* front: with which clients encrypt their passwords; outlives the
	 * helpers. */
	struct rsa_key *rsa; /* borrows; NULL = nothing is decrypted */
	/* back: how often what statements mean has changed in its database, a
	 * count of all servers there that only goes up; the same for the life
	 * of a server, and outlives it. */
	_Atomic uint64_t *changes; /* borrows */
	void *shared; /* what the front's share_open made for this thread */
	const uint8_t *cancel_key; /* front: CANCEL_KEY_BYTES for this client */
	uint64_t client_id; /* front, at a login: of no two in a process */
	char *words; /* front: TURN_WORDS bytes for the text of its order */
	/* Others wait for this server: a front then ends its pipeline soon, a
	 * back looks whether what pins its client is gone. */
	bool has_waiters;
	/*
	 * back: a message of the client is half-way in out (an unfinished
	 * RELAY of the front), so nothing may be appended there.  The step then
	 * holds BOUNDARY back as well and is called again when it is through.
	 */
	bool out_busy;
	bool has_news; /* back: notifications wait for the client */
	bool peer_eof; /* front: the client sends nothing more */
	struct answer answer;
};

/* front, at a login: may TLS begin now?  As servers have it, over the network
 * alone. */
static inline bool
turn_offers_tls(const struct turn *t)
{
	return t->policy->client_tls != CLIENT_TLS_NONE &&
	       !t->stream->is_unix && !t->stream->is_tls;
}

/* ... and must it have begun? */
static inline bool
turn_misses_tls(const struct turn *t)
{
	return t->policy->client_tls == CLIENT_TLS_MUST && turn_offers_tls(t);
}

/* back, at a login under a policy of this enum server_tls: shall TLS begin
 * before anything else is said? */
static inline bool
turn_wants_tls(const struct turn *t, unsigned server_tls)
{
	return server_tls != SERVER_TLS_NONE && t->stream != NULL &&
	       !t->stream->is_unix && !t->stream->is_tls;
}

/* At a login: what ties it to the server's certificate, in out (RFC 5929, 4),
 * and how many bytes that are; 0: there is no TLS, or nothing to tie it to. */
static inline size_t
turn_binding(const struct turn *t, uint8_t out[BINDING_MAX])
{
	if (t->stream == NULL || t->stream->binding == NULL)
		return 0;
	return t->stream->binding(t->transport, out);
}

/* Bytes of the key that the core issues to each client: pid and secret. */
#define CANCEL_KEY_BYTES 8
#define CANCEL_PLACE_BYTES 4 /* the first, by which a client is known */
#define MOCK_SECRET_BYTES 32
#define ENTROPY_MAX 512u
#define TURN_WORDS 64

#endif
