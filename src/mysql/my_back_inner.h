/*
 * Logging in to a server, for the two files that carry it out: my_back_login.c,
 * what is said and heard besides, and my_back_proof.c, the proofs.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_BACK_INNER_H
#define CARPOOL_SRC_MYSQL_MY_BACK_INNER_H

#include "auth/my_ed25519.h"
#include "auth/my_sha2.h"
#include "auth/secret.h"
#include "base/text.h"
#include "my_back_login.h"
#include "my_facts.h"
#include "my_response.h"

enum back_login_state {
	BACK_GREETING,
	BACK_ASKED,    /* for TLS: the greeting was dropped */
	BACK_SECURING, /* the handshake is going on */
	BACK_AUTH,     /* the server judges, or asks for more */
	BACK_KEY,      /* its public key is due */
	BACK_WORKING,  /* a helper thread encrypts for that */
	BACK_TRACKERS, /* the answer to the SET of the trackers */
	BACK_BASELINE, /* the answer to what has all values told */
	BACK_CONNECT,  /* the answer to the connect_query */
	BACK_DONE,
};

enum plugin {
	PLUGIN_NATIVE,
	PLUGIN_SHA2,
	PLUGIN_ED25519,
	PLUGIN_CLEAR,
	PLUGIN_OTHER,
};

/* What the keys are for that a client proved. */
enum { KEYS_NONE, KEYS_NATIVE, KEYS_SHA2 };

struct my_back_login {
	enum back_login_state state;
	char *user;          /* owns */
	char *secret;        /* owns; "" = none */
	char *database;      /* owns; "" = none */
	char *connect_query; /* owns */
	uint32_t class_caps; /* what its clients agreed on */
	uint32_t class_ext;
	uint8_t tls;      /* enum server_tls */
	uint8_t keys_for; /* KEYS_* */
	uint8_t keys[MY_SHA2_BYTES];
	enum plugin plugin;
	uint8_t scramble[MY_SCRAMBLE_BYTES]; /* of the plugin */
	struct my_facts_words facts; /* version: owns; the rest borrows */
	struct str variables;        /* owns: as in the facts */
	struct my_response response; /* to a SET or the connect_query */
	char words[256];             /* of a refusal */
};

/* Is the password itself known? */
static inline bool
my_back_login_is_clear(const struct my_back_login *l)
{
	return secret_kind(l->secret) == SECRET_CLEAR;
}

/* A proof to send. */
struct my_back_proof {
	uint8_t bytes[MY_ED25519_BYTES];
	size_t len;
	const char *missing; /* why there is none, or NULL */
};

/* ---- my_back_login.c ---- */

/* Ends the login; words NULL: the reason's own. */
struct order my_back_login_fail(struct my_back_login *l, enum reason reason,
				enum fail_scope scope, const char *words);
struct order my_back_login_no_memory(struct my_back_login *l);
struct order my_back_login_broken(struct my_back_login *l);

/* The server asks for a proof that is not to be had. */
struct order my_back_login_cannot(struct my_back_login *l, const char *words);

/* Writes a packet and drops the one at the head, of used bytes. */
struct order my_back_login_answer(struct my_back *b, struct turn *t,
				  enum back_login_state state,
				  const void *payload, size_t len, size_t used);

/* ---- my_back_proof.c ---- */

enum plugin my_back_proof_plugin(const char *name);

/* The proof of the login's plugin for its scramble; nothing where there is no
 * password at all, which accounts without one are content with. */
void my_back_proof_make(const struct my_back_login *l, struct my_back_proof *p);

/* The packets of the dialogue, whole, of used bytes with their header. */
struct order my_back_proof_on_switch(struct my_back *b, struct turn *t,
				     const uint8_t *payload, size_t len,
				     size_t used);
struct order my_back_proof_on_more(struct my_back *b, struct turn *t,
				   const uint8_t *payload, size_t len,
				   size_t used);
struct order my_back_proof_on_key(struct my_back *b, const uint8_t *payload,
				  size_t len);

/* The step while a helper encrypts. */
struct order my_back_proof_on_encrypted(struct my_back *b, struct turn *t);

#endif
