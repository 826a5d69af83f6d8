/*
 * The text of SCRAM messages: attributes, nonces, what both sides sign, and
 * the arithmetic of proofs.  Pure, any thread; private to auth/.  RFC 5802,
 * sections 3, 5.1 and 7.
 */
#ifndef CARPOOL_AUTH_SCRAM_TEXT_H
#define CARPOOL_AUTH_SCRAM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/scram.h"

/* Bytes inside a message; borrows from it. */
struct scram_view {
	const char *data;
	size_t len;
};

/* A place in a list of attributes, "a=value,b=value". */
struct scram_cursor {
	const char *begin; /* borrows the message, as all three */
	const char *at;
	const char *end;
};

/* Starts at data; false when the bytes hold a NUL, or are none or > max. */
bool scram_cursor_open(struct scram_cursor *c, const void *data, size_t len,
		       size_t max);

/*
 * Reads the attribute of this name and moves behind it; false, unmoved, when
 * another one stands there or none.  The value may be empty.
 */
bool scram_read(struct scram_cursor *c, char name, struct scram_view *value);

/* As scram_read, whatever the attribute's name is. */
bool scram_read_any(struct scram_cursor *c, char *name,
		    struct scram_view *value);

static inline bool
scram_at_end(const struct scram_cursor *c)
{
	return c->at == c->end;
}

/* A nonce: printable ASCII without commas, 1 to SCRAM_NONCE_MAX bytes. */
bool scram_is_nonce(struct scram_view v);

/* Does the view hold exactly these len bytes? */
bool scram_is_text(struct scram_view v, const char *text, size_t len);

/* A number of digits alone, at least 1; UINT32_MAX stands for all above. */
bool scram_read_number(struct scram_view v, uint32_t *value);

/* Decodes strict base64 that must stand for 32 bytes. */
bool scram_read_key(struct scram_view v, uint8_t key[SCRAM_KEY_BYTES]);

/* Appends; the callers' bounds keep it within the room (asserted). */
void scram_auth_add(struct scram_auth *a, const char *text, size_t len);
void scram_message_add(struct scram_message *m, const char *text, size_t len);
void scram_message_base64(struct scram_message *m, const void *data,
			  size_t len);

/* The header of client-first ("n,,", "y,,", "p=tls-server-end-point,,") by its
 * first letter. */
const char *scram_gs2_header(char flag);

#define SCRAM_BOUND_MAX 128u

/* c= of client-final: the header, and behind that of 'p' what the binding
 * holds, in base64 with a NUL. */
void scram_bound(char flag, const struct scram_binding *binding,
		 char out[SCRAM_BOUND_MAX]);

/* Empties a message. */
void scram_message_reset(struct scram_message *m);

/*
 * The proof from a client key, or the client key from a proof: both are the
 * other XOR the signature of the auth text under the stored key.
 */
bool scram_mask(const uint8_t stored_key[SCRAM_KEY_BYTES],
		const struct scram_auth *a, const uint8_t in[SCRAM_KEY_BYTES],
		uint8_t out[SCRAM_KEY_BYTES]);

#endif
