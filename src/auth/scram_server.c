/*
 * SCRAM-SHA-256, the server role: verifies a client.
 *
 * Pure, one thread at a time per state.  A mock verifier takes every path that
 * a real one takes, up to the comparison, so that messages and work are alike.
 * RFC 5802, section 5; where it leaves a choice, as PostgreSQL chooses.
 */
#include "auth/scram.h"

#include <string.h>

#include "auth/base64.h"
#include "auth/digest.h"
#include "auth/scram_text.h"
#include "base/mem.h"
#include "base/text.h"

/* Bytes of it that hold anything. */
static size_t
used_of(const struct scram_server *s)
{
	return offsetof(struct scram_server, auth.text) + s->auth.len;
}

void
scram_server_begin(struct scram_server *s, const struct scram_verifier *v,
		   const uint8_t nonce[SCRAM_NONCE_RAW])
{
	memset(s, 0, offsetof(struct scram_server, auth.text));
	s->state = SCRAM_STATE_FIRST;
	s->verifier = *v;
	base64_encode(nonce, SCRAM_NONCE_RAW, s->own_nonce);
}

void
scram_server_fini(struct scram_server *s)
{
	mem_wipe(s, used_of(s));
	s->state = SCRAM_STATE_FAILED;
}

static enum scram_status
fail(struct scram_server *s, enum scram_status status)
{
	scram_server_fini(s);
	return status;
}

void
scram_server_bind(struct scram_server *s, const struct scram_binding *binding)
{
	s->binding = *binding;
}

/*
 * Does the flag fit the mechanism?  'y' says that the client could bind to the
 * channel but takes us for a server that cannot: where we offered it, somebody
 * between us hid that.
 */
static enum scram_status
check_flag(const struct scram_server *s, char flag)
{
	if (flag != 'n' && flag != 'y' && flag != 'p')
		return SCRAM_MALFORMED;
	if ((flag == 'p') != (s->binding.plus == SCRAM_PLUS_CHOSEN))
		return SCRAM_CHANNEL_BINDING;
	if (flag == 'y' && s->binding.plus == SCRAM_PLUS_OFFERED)
		return SCRAM_DOWNGRADE;
	return SCRAM_OK;
}

/* Reads "n,,", "y,," or "p=tls-server-end-point,,", of *used bytes. */
static enum scram_status
read_gs2_header(struct scram_server *s, const char *msg, size_t len,
		size_t *used)
{
	enum scram_status status = check_flag(s, msg[0]);
	const char *header = scram_gs2_header(msg[0]);
	size_t flag_len = strlen(header) - 2;

	if (status != SCRAM_OK)
		return status;
	if (msg[0] == 'p' &&
	    (len < flag_len || memcmp(msg, header, flag_len) != 0))
		return SCRAM_CHANNEL_BINDING;
	*used = flag_len + 2;
	if (len < *used || msg[flag_len] != ',')
		return SCRAM_MALFORMED;
	if (msg[flag_len + 1] == 'a')
		return SCRAM_AUTHZID;
	if (msg[flag_len + 1] != ',')
		return SCRAM_MALFORMED;
	s->gs2_flag = msg[0];
	return SCRAM_OK;
}

/*
 * Reads client-first-message-bare.  Optional extensions are skipped; "m" is
 * reserved for mandatory ones and refused wherever it stands.
 */
static enum scram_status
read_bare(struct scram_cursor *c, struct scram_view *nonce)
{
	struct scram_view skipped;
	char name;

	if (c->at[0] == 'm')
		return SCRAM_EXTENSION;
	if (!scram_read(c, 'n', &skipped) || !scram_read(c, 'r', nonce) ||
	    !scram_is_nonce(*nonce))
		return SCRAM_MALFORMED;
	while (!scram_at_end(c)) {
		if (!scram_read_any(c, &name, &skipped))
			return SCRAM_MALFORMED;
		if (name == 'm')
			return SCRAM_EXTENSION;
	}
	return SCRAM_OK;
}

static void
write_first(struct scram_server *s, struct scram_view nonce,
	    struct scram_message *out)
{
	char number[16];
	size_t digits;

	scram_message_add(out, "r=", 2);
	scram_message_add(out, nonce.data, nonce.len);
	scram_message_add(out, s->own_nonce, SCRAM_NONCE_TEXT);
	scram_message_add(out, ",s=", 3);
	scram_message_base64(out, s->verifier.salt, s->verifier.salt_len);
	digits = text_format(number, sizeof(number), ",i=%u",
			     (unsigned)s->verifier.iterations);
	scram_message_add(out, number, digits);

	s->nonce_at = s->auth.len + 2;
	s->nonce_len = nonce.len + SCRAM_NONCE_TEXT;
	scram_auth_add(&s->auth, out->text, out->len);
}

enum scram_status
scram_server_first(struct scram_server *s, const void *msg, size_t len,
		   struct scram_message *out)
{
	struct scram_cursor c;
	struct scram_view nonce;
	enum scram_status status;
	size_t used;

	scram_message_reset(out);
	if (s->state != SCRAM_STATE_FIRST ||
	    !scram_cursor_open(&c, msg, len, SCRAM_CLIENT_MESSAGE_MAX))
		return fail(s, SCRAM_MALFORMED);
	status = read_gs2_header(s, msg, len, &used);
	if (status != SCRAM_OK)
		return fail(s, status);
	if (!scram_cursor_open(&c, (const char *)msg + used, len - used, len))
		return fail(s, SCRAM_MALFORMED);
	status = read_bare(&c, &nonce);
	if (status != SCRAM_OK)
		return fail(s, status);
	scram_auth_add(&s->auth, c.begin, (size_t)(c.end - c.begin));
	scram_auth_add(&s->auth, ",", 1);
	write_first(s, nonce, out);
	s->state = SCRAM_STATE_FINAL;
	return SCRAM_OK;
}

bool
scram_server_rekey(struct scram_server *s, const struct scram_keys *keys)
{
	struct scram_verifier *v = &s->verifier;

	if (!digest_sha256(keys->client_key, SCRAM_KEY_BYTES, v->stored_key))
		return false;
	memcpy(v->server_key, keys->server_key, SCRAM_KEY_BYTES);
	return true;
}

/* client-final, cut into its parts. */
struct final_parts {
	struct scram_view binding; /* borrow from the message, as all views */
	struct scram_view nonce;
	struct scram_view bare; /* all but the proof and the comma before */
	uint8_t proof[SCRAM_KEY_BYTES];
};

/* Reads client-final up to its end: nothing may follow the proof. */
static enum scram_status
read_final(struct scram_cursor *c, struct final_parts *f)
{
	struct scram_view value;
	char name;

	if (!scram_read(c, 'c', &f->binding) || !scram_read(c, 'r', &f->nonce))
		return SCRAM_MALFORMED;
	f->bare.data = c->begin;
	do {
		f->bare.len = (size_t)(c->at - c->begin);
		if (!scram_read_any(c, &name, &value))
			return SCRAM_MALFORMED;
		if (name == 'm')
			return SCRAM_EXTENSION;
	} while (name != 'p');
	if (!scram_at_end(c) || !scram_read_key(value, f->proof))
		return SCRAM_MALFORMED;
	return SCRAM_OK;
}

/* The header of the first message, with what it is bound to: c= must say it. */
static bool
is_same_binding(const struct scram_server *s, struct scram_view binding)
{
	char bound[SCRAM_BOUND_MAX];

	scram_bound(s->gs2_flag, &s->binding, bound);
	return scram_is_text(binding, bound, strlen(bound));
}

/* Recovers the client key and compares its digest with the stored one. */
static enum scram_status
check_proof(struct scram_server *s, const uint8_t proof[SCRAM_KEY_BYTES])
{
	uint8_t digest[SCRAM_KEY_BYTES];
	bool is_right;

	if (!scram_mask(s->verifier.stored_key, &s->auth, proof,
			s->client_key) ||
	    !digest_sha256(s->client_key, SCRAM_KEY_BYTES, digest))
		return SCRAM_CRYPTO;
	is_right = text_equal_secret(digest, s->verifier.stored_key,
				     SCRAM_KEY_BYTES);
	mem_wipe(digest, sizeof(digest));
	return is_right && !s->verifier.is_mock ? SCRAM_OK : SCRAM_WRONG_PROOF;
}

static enum scram_status
write_final(const struct scram_server *s, struct scram_message *out)
{
	uint8_t signature[SCRAM_KEY_BYTES];

	if (!digest_hmac(s->verifier.server_key, s->auth.text, s->auth.len,
			 signature))
		return SCRAM_CRYPTO;
	scram_message_add(out, "v=", 2);
	scram_message_base64(out, signature, sizeof(signature));
	return SCRAM_OK;
}

/* Everything of client-final that comes before the proof is looked at. */
static enum scram_status
check_form(struct scram_server *s, const void *msg, size_t len,
	   struct final_parts *f)
{
	struct scram_cursor c;
	enum scram_status status;

	if (s->state != SCRAM_STATE_FINAL ||
	    !scram_cursor_open(&c, msg, len, SCRAM_CLIENT_MESSAGE_MAX))
		return SCRAM_MALFORMED;
	status = read_final(&c, f);
	if (status != SCRAM_OK)
		return status;
	if (!is_same_binding(s, f->binding))
		return SCRAM_BINDING_MISMATCH;
	if (!scram_is_text(f->nonce, s->auth.text + s->nonce_at, s->nonce_len))
		return SCRAM_NONCE;
	return SCRAM_OK;
}

enum scram_status
scram_server_final(struct scram_server *s, const void *msg, size_t len,
		   struct scram_message *out)
{
	struct final_parts f;
	enum scram_status status;

	scram_message_reset(out);
	status = check_form(s, msg, len, &f);
	if (status != SCRAM_OK)
		return fail(s, status);
	scram_auth_add(&s->auth, ",", 1);
	scram_auth_add(&s->auth, f.bare.data, f.bare.len);
	status = check_proof(s, f.proof);
	if (status == SCRAM_OK)
		status = write_final(s, out);
	if (status != SCRAM_OK)
		return fail(s, status);
	s->state = SCRAM_STATE_DONE;
	return SCRAM_OK;
}

bool
scram_server_keys(const struct scram_server *s, struct scram_keys *keys)
{
	if (s->state != SCRAM_STATE_DONE)
		return false;
	memcpy(keys->client_key, s->client_key, SCRAM_KEY_BYTES);
	memcpy(keys->server_key, s->verifier.server_key, SCRAM_KEY_BYTES);
	return true;
}
