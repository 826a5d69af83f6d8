/*
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, both roles.
 *
 * Pure functions over byte views: the caller reads and writes the messages
 * (SASL framing is the protocol's business) and brings the entropy.  A state
 * is embedded in the caller's, belongs to one thread at a time and allocates
 * nothing; scram_*_fini wipes it.  Any step that fails ends the exchange: the
 * steps after it fail as well.
 *
 * What burns CPU (PBKDF2) are separate functions at the end of this file, for
 * a helper thread.  RFC 5802 (sections 5 to 7 for the messages), RFC 7677,
 * RFC 5929 (section 4, what it is bound to);
 * PostgreSQL manual, "SASL Authentication".
 */
#ifndef CARPOOL_AUTH_SCRAM_H
#define CARPOOL_AUTH_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/entropy.h"
#include "auth/secret.h"

#define SCRAM_MECHANISM "SCRAM-SHA-256"
#define SCRAM_MECHANISM_PLUS "SCRAM-SHA-256-PLUS"

#define SCRAM_NONCE_RAW 18u   /* random bytes behind a nonce of ours */
#define SCRAM_NONCE_TEXT 24u  /* the same in base64 */
#define SCRAM_NONCE_MAX 1024u /* bytes of a whole nonce, both parts */
#define SCRAM_CLIENT_MESSAGE_MAX                                               \
	1024u /* a longer one is refused, as by                                \
	       * PostgreSQL */
#define SCRAM_SERVER_MESSAGE_MAX 2048u
#define SCRAM_AUTH_MAX 4096u /* bytes of the text that is signed */
#define SCRAM_ERROR_MAX 64u

/* What we would have a server ask of us at most, unless told otherwise. */
#define SCRAM_ITERATIONS_CAP 100000u

enum scram_status {
	SCRAM_OK,
	SCRAM_MALFORMED,       /* not the message that is due, or too long */
	SCRAM_CHANNEL_BINDING, /* it binds to no channel, or to an unknown kind,
				* where the mechanism says otherwise */
	SCRAM_DOWNGRADE,       /* the client did not see our -PLUS */
	SCRAM_AUTHZID,         /* the client names another identity */
	SCRAM_EXTENSION,       /* a mandatory extension is asked for */
	SCRAM_BINDING_MISMATCH, /* c= does not repeat the first header */
	SCRAM_NONCE,            /* not the nonce of this exchange */
	SCRAM_WRONG_PROOF,      /* the client does not know the password */
	SCRAM_ITERATIONS,       /* the server asks for too much work */
	SCRAM_SALT,             /* the server's salt is empty or too long */
	SCRAM_SERVER_ERROR,     /* the server said e=, see its text */
	SCRAM_WRONG_SIGNATURE,  /* the server does not know the password */
	SCRAM_CRYPTO,           /* the library failed */
	SCRAM_STATUS_COUNT,
};

/* One sentence for a log line or an error's detail; never NULL. */
const char *scram_status_text(enum scram_status status);

/* A message to send: len bytes, and a NUL that is not sent. */
struct scram_message {
	size_t len;
	char text[SCRAM_SERVER_MESSAGE_MAX];
};

/* What proves a password to a server, and the server to a client. */
struct scram_keys {
	uint8_t client_key[SCRAM_KEY_BYTES];
	uint8_t server_key[SCRAM_KEY_BYTES];
};

/* The text that both sides sign, as far as it has grown (RFC 5802: 3). */
struct scram_auth {
	size_t len;
	char text[SCRAM_AUTH_MAX];
};

/* How the exchange goes with the channel that it runs in. */
enum scram_plus {
	SCRAM_PLUS_NONE,    /* it cannot be bound */
	SCRAM_PLUS_OFFERED, /* it could, but the mechanism is the plain one */
	SCRAM_PLUS_CHOSEN,  /* the mechanism is -PLUS */
};

#define SCRAM_BINDING_MAX 64u

/* Zero-initialised: there is none. */
struct scram_binding {
	enum scram_plus plus;
	size_t len;                      /* of data */
	uint8_t data[SCRAM_BINDING_MAX]; /* tls-server-end-point */
};

enum scram_state {
	SCRAM_STATE_FIRST,  /* the peer's first message is due */
	SCRAM_STATE_ANSWER, /* client role: the caller's keys are due */
	SCRAM_STATE_FINAL,  /* the peer's final message is due */
	SCRAM_STATE_DONE,   /* both sides have proved themselves */
	SCRAM_STATE_FAILED,
	SCRAM_STATES,
};

/* The server role: we verify a client. */
struct scram_server {
	enum scram_state state;
	char gs2_flag; /* 'n', 'y' or 'p', as client-first said */
	struct scram_binding binding;
	size_t nonce_at; /* where the whole nonce stands in auth.text */
	size_t nonce_len;
	char own_nonce[SCRAM_NONCE_TEXT + 1];
	struct scram_verifier verifier;
	uint8_t client_key[SCRAM_KEY_BYTES]; /* once DONE */
	struct scram_auth auth; /* last: what it does not use is not wiped */
};

/*
 * Starts an exchange against *v, which is copied; a mock goes the same way.
 * nonce: fresh random bytes.
 */
void scram_server_begin(struct scram_server *s, const struct scram_verifier *v,
			const uint8_t nonce[SCRAM_NONCE_RAW]);

/* Says, behind begin, what it is bound to, or could be. */
void scram_server_bind(struct scram_server *s,
		       const struct scram_binding *binding);

/*
 * Takes client-first (len bytes) and writes server-first.  The user name in
 * the message is ignored: PostgreSQL goes by the startup packet's.  SCRAM_OK,
 * or MALFORMED, CHANNEL_BINDING, DOWNGRADE, AUTHZID, EXTENSION (out is then
 * empty).
 */
enum scram_status scram_server_first(struct scram_server *s, const void *msg,
				     size_t len, struct scram_message *out);

/*
 * Puts other keys in the place of those that the exchange began with; salt and
 * iterations stay what the client was told.  For a user whose keys are not at
 * hand: begin against a mock, which names the same salt, bring the keys before
 * client-final, and clear verifier.is_mock, which this does not.  False: the
 * library failed.
 */
bool scram_server_rekey(struct scram_server *s, const struct scram_keys *keys);

/*
 * Takes client-final and writes server-final.  SCRAM_OK when the client knows
 * the password; else WRONG_PROOF, MALFORMED, EXTENSION, BINDING_MISMATCH,
 * NONCE or CRYPTO, and out is empty (PostgreSQL sends an error response, not
 * e=).
 */
enum scram_status scram_server_final(struct scram_server *s, const void *msg,
				     size_t len, struct scram_message *out);

/*
 * Copies the keys that the client proved, for logging in to servers that hold
 * the same verifier; false, keys untouched, before the exchange succeeded.
 */
bool scram_server_keys(const struct scram_server *s, struct scram_keys *keys);

/* Wipes the state; harmless on a zeroed one. */
void scram_server_fini(struct scram_server *s);

/* The client role: we log in to a server. */
struct scram_client {
	enum scram_state state;
	uint32_t iterations; /* what the server asks, after _challenge */
	size_t salt_len;
	uint8_t salt[SCRAM_SALT_MAX];
	size_t nonce_at; /* where the whole nonce stands in auth.text */
	size_t nonce_len;
	char own_nonce[SCRAM_NONCE_TEXT + 1];
	struct scram_binding binding;
	struct scram_auth auth;
	uint8_t signature[SCRAM_KEY_BYTES]; /* that the server must show */
	char error[SCRAM_ERROR_MAX]; /* the server's e=, printable, cut */
};

/* Starts an exchange and writes client-first.  nonce: fresh random bytes;
 * binding: copied, NULL = none.  OFFERED says that we could bind and the server
 * cannot, by which it sees whether somebody took its -PLUS away. */
void scram_client_begin(struct scram_client *c,
			const uint8_t nonce[SCRAM_NONCE_RAW],
			const struct scram_binding *binding,
			struct scram_message *out);

/*
 * Takes server-first.  On SCRAM_OK the caller makes the keys for c->salt,
 * c->salt_len and c->iterations (scram_salted_password on a helper thread and
 * scram_keys_derive; or keys from elsewhere) and goes on with _answer.
 * max_iterations: the most work that a server may ask of us.
 * Errors: MALFORMED, EXTENSION, NONCE, SALT, ITERATIONS, SERVER_ERROR.
 */
enum scram_status scram_client_challenge(struct scram_client *c,
					 const void *msg, size_t len,
					 uint32_t max_iterations);

/* Writes client-final from the keys, which are not kept.  OK or CRYPTO. */
enum scram_status scram_client_answer(struct scram_client *c,
				      const struct scram_keys *keys,
				      struct scram_message *out);

/*
 * Takes server-final.  Only SCRAM_OK proves that the server knows the
 * password; an AuthenticationOk without it must be refused by the caller.
 * Errors: MALFORMED, WRONG_SIGNATURE, SERVER_ERROR (c->error says which).
 */
enum scram_status scram_client_finish(struct scram_client *c, const void *msg,
				      size_t len);

/* Wipes the state; harmless on a zeroed one. */
void scram_client_fini(struct scram_client *c);

/* ---- keys ---- */

/*
 * The salt of this user for this process: the same for the same name, known
 * or not.  Verifiers made here from clear-text secrets must use it too, or a
 * salt that changes from login to login would give existing users away.
 * False, salt wiped: the library failed.
 */
bool scram_user_salt(const struct auth_mock *mock, const char *user,
		     uint8_t salt[SCRAM_SALT_BYTES]);

/*
 * Makes a verifier that no proof satisfies, for a user that does not exist or
 * has no usable secret.  iterations: those that real verifiers have.  Costs
 * no PBKDF2: where real users cost one (clear-text secrets that are not kept
 * as verifiers), run scram_verifier_from_password for a mock as well.
 * False, *v wiped: the library failed, or iterations is 0 or above
 * SCRAM_ITERATIONS_MAX.
 */
bool scram_verifier_mock(struct scram_verifier *v, const struct auth_mock *mock,
			 const char *user, uint32_t iterations);

/* ClientKey and ServerKey from a salted password; false: the library failed. */
bool scram_keys_derive(const uint8_t salted[SCRAM_KEY_BYTES],
		       struct scram_keys *keys);

/*
 * SaltedPassword: PBKDF2 over the prepared password (SASLprep as PostgreSQL
 * does it: ASCII as it is, and the raw bytes where preparation fails).
 * HELPER THREAD: takes milliseconds at 4096 iterations and grows with them;
 * the caller bounds them.  password: NUL-terminated.  False, out wiped, when
 * memory is out, the library failed, or iterations or salt_len are 0 or above
 * SCRAM_ITERATIONS_MAX or SCRAM_SALT_MAX.
 */
bool scram_salted_password(const char *password, const uint8_t *salt,
			   size_t salt_len, uint32_t iterations,
			   uint8_t out[SCRAM_KEY_BYTES]);

/*
 * The verifier of a clear-text password.  HELPER THREAD.  False, *v wiped, as
 * scram_salted_password.
 */
bool scram_verifier_from_password(struct scram_verifier *v,
				  const char *password, const uint8_t *salt,
				  size_t salt_len, uint32_t iterations);

/*
 * Does the clear-text password belong to the verifier?  Never to a mock, after
 * equal work.  HELPER THREAD.
 */
bool scram_verifier_accepts(const struct scram_verifier *v,
			    const char *password);

#endif
