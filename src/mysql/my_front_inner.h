/*
 * A client's login, for the two files that carry it out: my_front_login.c,
 * what it says and hears besides, and my_front_proof.c, how it proves itself.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_FRONT_INNER_H
#define CARPOOL_SRC_MYSQL_MY_FRONT_INNER_H

#include "auth/my_sha2.h"
#include "auth/secret.h"
#include "base/text.h"
#include "my_caps.h"
#include "my_front_login.h"

#define MY_PROGRAM_MAX 63u
#define MY_AUTH_MAX 64u /* of a response, kept; no proof is longer */

enum login_state {
	LOGIN_BEGIN,    /* the facts for the greeting are due */
	LOGIN_RESPONSE, /* the client's response is */
	LOGIN_TLS,      /* its request for TLS was dropped */
	LOGIN_ROUTE,    /* it is taken: find its pool */
	LOGIN_ROUTED,   /* the answer to ROUTE is due */
	LOGIN_CHANGED,  /* a COM_CHANGE_USER was dropped: ask for the secret */
	LOGIN_VERIFIED, /* the answer to VERIFY is */
	LOGIN_SWITCHED, /* the response of the plugin that was asked for */
	LOGIN_FULL,     /* the password, or a wish for our key */
	LOGIN_KEY,      /* a helper thread makes our key */
	LOGIN_WORKING,  /* a helper thread judges the password */
	LOGIN_PROVEN,
	LOGIN_FACTS, /* the pool's facts are due */
	LOGIN_DONE,  /* the OK is written */
};

enum plugin { PLUGIN_OTHER, PLUGIN_NATIVE, PLUGIN_SHA2 };

/* What proved keys are for, first byte of the second. */
enum { KEYS_NATIVE = 1, KEYS_SHA2 = 2 };

struct my_front_login {
	enum login_state state;
	uint32_t offered; /* MY_CLIENT_* */
	uint32_t offered_ext;
	enum plugin by_default;
	enum plugin plugin; /* the client's */
	uint8_t scramble[MY_SCRAMBLE_BYTES];
	uint8_t auth[MY_AUTH_MAX]; /* the response */
	size_t auth_len;           /* also when it is longer than kept */
	char *user;                /* owns; NULL before the response */
	char *database;            /* owns; "" = none */
	char program[MY_PROGRAM_MAX + 1];
	enum pool_mode mode;
	enum reason doomed; /* told after the proof */
	enum auth_method method;
	enum secret_kind kind; /* of the secret, or what stands for it */
	bool is_console;
	bool is_change;  /* COM_CHANGE_USER */
	bool is_foreign; /* its secret is one of another protocol */
	bool has_key;    /* the client was sent our key */
	bool has_keys;   /* it proved some, nobody took them yet */
	uint8_t is_for;  /* KEYS_*: what they prove */
	uint8_t keys[MY_SHA2_BYTES];
	char *secret;                 /* owns: NULL = a mock */
	const struct my_facts *facts; /* refs: of its pool, once they came */
	uint8_t class[MY_CLASS_BYTES];
	char words[256]; /* of the refusal */
};

/* ---- my_front_login.c ---- */

/* Ends the login; words NULL or "": the reason's own. */
struct order my_login_fail_words(struct my_front_login *l, enum reason reason,
				 const char *words);

/* The same with the words that name who it is. */
struct order my_login_fail(struct my_front_login *l, enum reason reason);

static inline struct order
my_login_next(struct my_front_login *l, enum login_state state, struct order o)
{
	l->state = state;
	return o;
}

/*
 * Writes what was composed, and frees it; the packet at the head, of used bytes
 * (0: there is none), is done with.
 */
struct order my_login_answer(struct my_front *f, struct turn *t,
			     enum login_state state, struct str *s,
			     size_t used);

/*
 * The packet at the head, whole, of at most max bytes: its payload, with a NUL
 * behind it, for the caller to wipe and free.  NULL: *o says what to do.  Its
 * number is taken.
 */
uint8_t *my_login_take_packet(struct my_front *f, struct turn *t, size_t max,
			      size_t *len, struct order *o);

/*
 * The scramble that the client was sent last, in its greeting or by a switch at
 * its login; false: no digest.  It is not kept but made anew: a COM_CHANGE_USER
 * answers it once more, and MariaDB's Connector/C does so too when it is sent
 * another one then.
 */
bool my_login_make_scramble(struct my_front *f, const struct turn *t);

const char *my_login_plugin_name(enum plugin plugin);

void my_login_keep_auth(struct my_front_login *l, const uint8_t *auth,
			size_t len);

/* No password is an empty response, or a single NUL. */
static inline bool
my_login_has_password(const struct my_front_login *l)
{
	return l->auth_len > 1 || (l->auth_len == 1 && l->auth[0] != 0);
}

/* ---- my_front_proof.c: the steps in these states ---- */

struct order my_login_on_verified(struct my_front *f, struct turn *t);
struct order my_login_on_switched(struct my_front *f, struct turn *t);
struct order my_login_on_full(struct my_front *f, struct turn *t);
struct order my_login_on_key_made(struct my_front *f, struct turn *t);
struct order my_login_on_work_done(struct my_front *f, struct turn *t);

#endif
