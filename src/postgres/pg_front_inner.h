/*
 * A client's login, for pg_front_login.c and pg_front_proof.c alone.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_FRONT_INNER_H
#define CARPOOL_SRC_POSTGRES_PG_FRONT_INNER_H

#include "auth/pg_md5.h"
#include "auth/scram.h"
#include "pg_front.h"
#include "pg_startup.h"

enum login_state {
	LOGIN_STARTUP,
	LOGIN_ROUTED,   /* the answer to ROUTE is due */
	LOGIN_VERIFIED, /* the answer to VERIFY is due */
	LOGIN_PASSWORD,
	LOGIN_SASL_INITIAL,
	LOGIN_SASL_FIRST, /* as INITIAL, which came without data */
	LOGIN_SASL_FINAL,
	LOGIN_WORKING, /* a helper thread computes */
	LOGIN_PROVEN,
	LOGIN_FACTS, /* the answer to NEED_FACTS is due */
};

struct pg_front_login {
	enum login_state state;
	enum login_state worked_from; /* WORKING: what the work is for */
	unsigned seen;                /* PG_SEEN_* */
	struct pg_startup startup;
	struct str own; /* owns: what its servers are told; session mode */
	enum pool_mode mode;
	enum reason doomed; /* told after the proof */
	enum auth_method method;
	bool starts_tls; /* the request is answered, and dropped */
	bool is_direct;  /* it began with TLS, without a request */
	bool is_console;
	bool has_keys;  /* the client proved them, nobody took them yet */
	bool is_old;    /* speaks protocol 2 */
	bool is_costly; /* PBKDF2 for him, or for one who is taken for him */
	char *secret;   /* owns: NULL = a mock */
	uint8_t salt[PG_MD5_SALT_BYTES];
	struct scram_binding binding;
	struct scram_server *scram; /* owns: once SASL has begun, or NULL */
	char words[256];            /* of the refusal */
};

/* Ends it; words NULL or "": the reason's own.  The words are copied. */
struct order pg_login_fail_words(struct pg_front_login *l, enum reason reason,
				 const char *words);
/* The same with the words that the reason has for this client. */
struct order pg_login_fail(struct pg_front_login *l, enum reason reason);

/* Goes on to state with o. */
struct order pg_login_next(struct pg_front_login *l, enum login_state state,
			   struct order o);

/* pg_front_proof.c: the steps of these states. */
struct order pg_login_on_verified(struct pg_front_login *l, struct turn *t);
struct order pg_login_on_password(struct pg_front_login *l, struct turn *t);
struct order pg_login_on_client_first(struct pg_front_login *l, struct turn *t);
struct order pg_login_on_client_final(struct pg_front_login *l, struct turn *t);
struct order pg_login_on_work_done(struct pg_front_login *l, struct turn *t);

#endif
