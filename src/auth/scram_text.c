/*
 * The text of SCRAM messages.  Pure, any thread.
 */
#include "auth/scram_text.h"

#include <string.h>

#include "auth/base64.h"
#include "auth/digest.h"
#include "base/mem.h"

const char *
scram_status_text(enum scram_status status)
{
	static const char *const texts[SCRAM_STATUS_COUNT] = {
		[SCRAM_OK] = "success",
		[SCRAM_MALFORMED] = "malformed SCRAM message",
		[SCRAM_CHANNEL_BINDING] =
			"the channel binding does not fit the mechanism",
		[SCRAM_DOWNGRADE] =
			"channel binding was hidden from the client",
		[SCRAM_AUTHZID] = "an authorization identity is not supported",
		[SCRAM_EXTENSION] =
			"a mandatory SCRAM extension is not supported",
		[SCRAM_BINDING_MISMATCH] =
			"unexpected SCRAM channel-binding attribute",
		[SCRAM_NONCE] = "the SCRAM nonce does not match",
		[SCRAM_WRONG_PROOF] = "wrong password",
		[SCRAM_ITERATIONS] =
			"the server asks for too many SCRAM iterations",
		[SCRAM_SALT] = "the server's SCRAM salt is empty or too long",
		[SCRAM_SERVER_ERROR] = "the server ended the SCRAM exchange",
		[SCRAM_WRONG_SIGNATURE] = "wrong server signature",
		[SCRAM_CRYPTO] = "a cryptographic function failed",
	};

	if ((unsigned)status >= SCRAM_STATUS_COUNT)
		return "unknown";
	return texts[status];
}

bool
scram_cursor_open(struct scram_cursor *c, const void *data, size_t len,
		  size_t max)
{
	if (len == 0 || len > max || memchr(data, '\0', len) != NULL)
		return false;
	c->begin = c->at = data;
	c->end = c->begin + len;
	return true;
}

static bool
is_attribute_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
scram_read_any(struct scram_cursor *c, char *name, struct scram_view *value)
{
	const char *p = c->at;
	const char *comma;

	if (p != c->begin) {
		if (p == c->end || *p != ',')
			return false;
		p++;
	}
	if (c->end - p < 2 || !is_attribute_name(p[0]) || p[1] != '=')
		return false;
	*name = p[0];
	p += 2;
	comma = memchr(p, ',', (size_t)(c->end - p));
	value->data = p;
	value->len = (size_t)((comma != NULL ? comma : c->end) - p);
	c->at = p + value->len;
	return true;
}

bool
scram_read(struct scram_cursor *c, char name, struct scram_view *value)
{
	struct scram_cursor next = *c;
	char found;

	if (!scram_read_any(&next, &found, value) || found != name)
		return false;
	*c = next;
	return true;
}

bool
scram_is_nonce(struct scram_view v)
{
	if (v.len == 0 || v.len > SCRAM_NONCE_MAX)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] < 0x21 || v.data[i] > 0x7e || v.data[i] == ',')
			return false;
	}
	return true;
}

bool
scram_is_text(struct scram_view v, const char *text, size_t len)
{
	return v.len == len && memcmp(v.data, text, len) == 0;
}

bool
scram_read_number(struct scram_view v, uint32_t *value)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] < '0' || v.data[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(v.data[i] - '0');
		if (n > UINT32_MAX)
			n = UINT32_MAX;
	}
	if (n == 0)
		return false;
	*value = (uint32_t)n;
	return true;
}

bool
scram_read_key(struct scram_view v, uint8_t key[SCRAM_KEY_BYTES])
{
	size_t bytes;

	return base64_decode(v.data, v.len, key, SCRAM_KEY_BYTES, &bytes) &&
	       bytes == SCRAM_KEY_BYTES;
}

void
scram_auth_add(struct scram_auth *a, const char *text, size_t len)
{
	ASSERT(len <= sizeof(a->text) - a->len);
	memcpy(a->text + a->len, text, len);
	a->len += len;
}

void
scram_message_add(struct scram_message *m, const char *text, size_t len)
{
	ASSERT(len < sizeof(m->text) - m->len);
	memcpy(m->text + m->len, text, len);
	m->len += len;
	m->text[m->len] = '\0';
}

void
scram_message_base64(struct scram_message *m, const void *data, size_t len)
{
	ASSERT(BASE64_LEN(len) < sizeof(m->text) - m->len);
	m->len += base64_encode(data, len, m->text + m->len);
}

void
scram_message_reset(struct scram_message *m)
{
	m->len = 0;
	m->text[0] = '\0';
}

bool
scram_mask(const uint8_t stored_key[SCRAM_KEY_BYTES],
	   const struct scram_auth *a, const uint8_t in[SCRAM_KEY_BYTES],
	   uint8_t out[SCRAM_KEY_BYTES])
{
	uint8_t signature[SCRAM_KEY_BYTES];

	if (!digest_hmac(stored_key, a->text, a->len, signature))
		return false;
	for (size_t i = 0; i < SCRAM_KEY_BYTES; i++)
		out[i] = in[i] ^ signature[i];
	mem_wipe(signature, sizeof(signature));
	return true;
}

const char *
scram_gs2_header(char flag)
{
	if (flag == 'p')
		return "p=tls-server-end-point,,";
	return flag == 'y' ? "y,," : "n,,";
}

void
scram_bound(char flag, const struct scram_binding *binding,
	    char out[SCRAM_BOUND_MAX])
{
	const char *header = scram_gs2_header(flag);
	size_t len = strlen(header);
	uint8_t raw[SCRAM_BINDING_MAX + 32];

	memcpy(raw, header, len);
	if (flag == 'p') {
		memcpy(raw + len, binding->data, binding->len);
		len += binding->len;
	}
	base64_encode(raw, len, out);
}
