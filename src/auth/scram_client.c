/*
 * SCRAM-SHA-256, the client role: logs in to a server.
 *
 * Pure, one thread at a time per state.  The server is not trusted: what it
 * may make us store or compute is bounded, and it must prove itself too.
 * RFC 5802, section 5.
 */
#include "auth/scram.h"

#include <string.h>

#include "auth/base64.h"
#include "auth/digest.h"
#include "auth/scram_text.h"
#include "base/mem.h"
#include "base/text.h"

static char
gs2_flag(const struct scram_client *c)
{
	static const char flags[] = {
		[SCRAM_PLUS_NONE] = 'n',
		[SCRAM_PLUS_OFFERED] = 'y',
		[SCRAM_PLUS_CHOSEN] = 'p',
	};

	return flags[c->binding.plus];
}

void
scram_client_begin(struct scram_client *c, const uint8_t nonce[SCRAM_NONCE_RAW],
		   const struct scram_binding *binding,
		   struct scram_message *out)
{
	/* The server goes by the start-up message's user, not by this one. */
	static const char bare[] = "n=,r=";
	const char *header;

	mem_wipe(c, sizeof(*c));
	c->state = SCRAM_STATE_FIRST;
	if (binding != NULL)
		c->binding = *binding;
	header = scram_gs2_header(gs2_flag(c));
	base64_encode(nonce, SCRAM_NONCE_RAW, c->own_nonce);
	scram_auth_add(&c->auth, bare, sizeof(bare) - 1);
	scram_auth_add(&c->auth, c->own_nonce, SCRAM_NONCE_TEXT);

	scram_message_reset(out);
	scram_message_add(out, header, strlen(header));
	scram_message_add(out, c->auth.text, c->auth.len);
}

void
scram_client_fini(struct scram_client *c)
{
	mem_wipe(c, sizeof(*c));
	c->state = SCRAM_STATE_FAILED;
}

static enum scram_status
fail(struct scram_client *c, enum scram_status status)
{
	char error[SCRAM_ERROR_MAX];

	memcpy(error, c->error, sizeof(error));
	scram_client_fini(c);
	memcpy(c->error, error, sizeof(error));
	return status;
}

/* Keeps the server's error word, fit for a log line. */
static enum scram_status
take_error(struct scram_client *c, struct scram_view v)
{
	size_t len = v.len < SCRAM_ERROR_MAX ? v.len : SCRAM_ERROR_MAX - 1;

	for (size_t i = 0; i < len; i++) {
		char ch = v.data[i];

		c->error[i] = '?';
		if (ch >= 0x20 && ch <= 0x7e)
			c->error[i] = ch;
	}
	c->error[len] = '\0';
	return SCRAM_SERVER_ERROR;
}

/* The whole nonce must be ours with something of the server's behind it. */
static bool
is_extended(const struct scram_client *c, struct scram_view nonce)
{
	return scram_is_nonce(nonce) && nonce.len > SCRAM_NONCE_TEXT &&
	       memcmp(nonce.data, c->own_nonce, SCRAM_NONCE_TEXT) == 0;
}

static enum scram_status
take_salt(struct scram_client *c, struct scram_view salt)
{
	size_t bytes;

	if (!base64_measure(salt.data, salt.len, &bytes))
		return SCRAM_MALFORMED;
	if (bytes == 0 || bytes > sizeof(c->salt))
		return SCRAM_SALT;
	if (!base64_decode(salt.data, salt.len, c->salt, sizeof(c->salt),
			   &c->salt_len))
		return SCRAM_MALFORMED;
	return SCRAM_OK;
}

static enum scram_status
take_iterations(struct scram_client *c, struct scram_view v, uint32_t max)
{
	if (!scram_read_number(v, &c->iterations))
		return SCRAM_MALFORMED;
	if (c->iterations > max || c->iterations > SCRAM_ITERATIONS_MAX)
		return SCRAM_ITERATIONS;
	return SCRAM_OK;
}

static enum scram_status
read_challenge(struct scram_client *c, struct scram_cursor *at,
	       uint32_t max_iterations)
{
	struct scram_view nonce, salt, iterations, value;
	enum scram_status status;

	if (scram_read(at, 'm', &value))
		return SCRAM_EXTENSION;
	if (scram_read(at, 'e', &value))
		return take_error(c, value);
	if (!scram_read(at, 'r', &nonce))
		return SCRAM_MALFORMED;
	if (!is_extended(c, nonce))
		return SCRAM_NONCE;
	if (!scram_read(at, 's', &salt) || !scram_read(at, 'i', &iterations) ||
	    !scram_at_end(at))
		return SCRAM_MALFORMED;
	status = take_salt(c, salt);
	if (status == SCRAM_OK)
		status = take_iterations(c, iterations, max_iterations);
	c->nonce_at = c->auth.len + 1 + (size_t)(nonce.data - at->begin);
	c->nonce_len = nonce.len;
	return status;
}

enum scram_status
scram_client_challenge(struct scram_client *c, const void *msg, size_t len,
		       uint32_t max_iterations)
{
	struct scram_cursor at;
	enum scram_status status;

	if (c->state != SCRAM_STATE_FIRST ||
	    !scram_cursor_open(&at, msg, len, SCRAM_SERVER_MESSAGE_MAX))
		return fail(c, SCRAM_MALFORMED);
	status = read_challenge(c, &at, max_iterations);
	if (status != SCRAM_OK)
		return fail(c, status);
	scram_auth_add(&c->auth, ",", 1);
	scram_auth_add(&c->auth, msg, len);
	c->state = SCRAM_STATE_ANSWER;
	return SCRAM_OK;
}

/* The proof, and the signature that the server will have to show. */
static bool
sign(struct scram_client *c, const struct scram_keys *keys,
     uint8_t proof[SCRAM_KEY_BYTES])
{
	uint8_t stored[SCRAM_KEY_BYTES];
	bool ok;

	ok = digest_sha256(keys->client_key, SCRAM_KEY_BYTES, stored) &&
	     scram_mask(stored, &c->auth, keys->client_key, proof) &&
	     digest_hmac(keys->server_key, c->auth.text, c->auth.len,
			 c->signature);
	mem_wipe(stored, sizeof(stored));
	return ok;
}

enum scram_status
scram_client_answer(struct scram_client *c, const struct scram_keys *keys,
		    struct scram_message *out)
{
	char bound[SCRAM_BOUND_MAX];
	uint8_t proof[SCRAM_KEY_BYTES];

	scram_message_reset(out);
	if (c->state != SCRAM_STATE_ANSWER)
		return fail(c, SCRAM_MALFORMED);
	scram_bound(gs2_flag(c), &c->binding, bound);
	scram_message_add(out, "c=", 2);
	scram_message_add(out, bound, strlen(bound));
	scram_message_add(out, ",r=", 3);
	scram_message_add(out, c->auth.text + c->nonce_at, c->nonce_len);
	scram_auth_add(&c->auth, ",", 1);
	scram_auth_add(&c->auth, out->text, out->len);
	if (!sign(c, keys, proof)) {
		scram_message_reset(out);
		return fail(c, SCRAM_CRYPTO);
	}
	scram_message_add(out, ",p=", 3);
	scram_message_base64(out, proof, sizeof(proof));
	c->state = SCRAM_STATE_FINAL;
	return SCRAM_OK;
}

static enum scram_status
read_verdict(struct scram_client *c, struct scram_cursor *at)
{
	uint8_t signature[SCRAM_KEY_BYTES];
	struct scram_view value;

	if (scram_read(at, 'e', &value))
		return take_error(c, value);
	if (!scram_read(at, 'v', &value) || !scram_at_end(at) ||
	    !scram_read_key(value, signature))
		return SCRAM_MALFORMED;
	if (!text_equal_secret(signature, c->signature, sizeof(signature)))
		return SCRAM_WRONG_SIGNATURE;
	return SCRAM_OK;
}

enum scram_status
scram_client_finish(struct scram_client *c, const void *msg, size_t len)
{
	struct scram_cursor at;
	enum scram_status status;

	if (c->state != SCRAM_STATE_FINAL ||
	    !scram_cursor_open(&at, msg, len, SCRAM_SERVER_MESSAGE_MAX))
		return fail(c, SCRAM_MALFORMED);
	status = read_verdict(c, &at);
	if (status != SCRAM_OK)
		return fail(c, status);
	c->state = SCRAM_STATE_DONE;
	return SCRAM_OK;
}
