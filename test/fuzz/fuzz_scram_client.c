/*
 * SCRAM as a hostile server plays it: server-first and server-final, in which
 * marks stand for the client's nonce and for the right signature.  What a
 * server can make us store and compute stays within bounds, and it is believed
 * only when it showed the signature of the password over this very exchange.
 * Then base64 and stored verifiers, each against a reading of its own.
 */
#include "fuzz_scram.h"

#include "auth/base64.h"

static const struct scram_keys keys = { { 1, 2, 3 }, { 4, 5, 6 } };

/* A signature over the exchange, known once the client has answered. */
static void
make_signature(void *arg, const struct str *before, uint8_t signature[32])
{
	const struct str *text = arg;

	(void)before;
	fuzz_hmac(keys.server_key, str_text(text), text->len, signature);
}

/* What both sides sign, made from the messages themselves. */
static struct str
signed_text(const struct scram_message *first, const struct str *challenge,
	    const struct scram_message *answer)
{
	const char *proof = strstr(answer->text, ",p=");
	struct str text = { 0 };

	ASSERT(proof != NULL);
	str_add(&text, first->text + 3, first->len - 3);
	str_putc(&text, ',');
	str_add(&text, str_text(challenge), challenge->len);
	str_putc(&text, ',');
	str_add(&text, answer->text, (size_t)(proof - answer->text));
	return text;
}

static void
finish(struct scram_client *c, struct str *text, const struct str *line)
{
	struct str last = fuzz_fill(line, "", 0, make_signature, text);
	struct str want = { 0 };
	uint8_t signature[32];

	if (scram_client_finish(c, str_text(&last), last.len) == SCRAM_OK) {
		make_signature(text, NULL, signature);
		str_puts(&want, "v=");
		fuzz_put_key(&want, signature);
		ASSERT(want.len == last.len);
		ASSERT(memcmp(want.data, last.data, want.len) == 0);
	}
	ASSERT(strlen(c->error) < SCRAM_ERROR_MAX);
	ASSERT(scram_client_finish(c, str_text(&last), last.len) != SCRAM_OK);
	str_fini(&last);
	str_fini(&want);
}

/* A server that knows the password is believed; the state is a copy. */
static void
finish_well(struct scram_client c, const struct str *text)
{
	uint8_t signature[32];
	struct str last = { 0 };

	fuzz_hmac(keys.server_key, text->data, text->len, signature);
	str_puts(&last, "v=");
	fuzz_put_key(&last, signature);
	ASSERT(scram_client_finish(&c, last.data, last.len) == SCRAM_OK);
	scram_client_fini(&c);
	str_fini(&last);
}

static void
exchange(const uint8_t *data, size_t size)
{
	struct scram_message first, answer;
	struct scram_client c;
	struct str line, challenge, text = { 0 };

	scram_client_begin(&c, fuzz_nonce, NULL, &first);
	line = fuzz_line(&data, &size);
	challenge = fuzz_fill(&line, c.own_nonce, SCRAM_NONCE_TEXT,
			      make_signature, &text);
	str_fini(&line);
	line = fuzz_line(&data, &size);
	if (scram_client_challenge(&c, str_text(&challenge), challenge.len,
				   SCRAM_ITERATIONS_CAP) == SCRAM_OK) {
		ASSERT(challenge.len <= SCRAM_SERVER_MESSAGE_MAX);
		ASSERT(c.iterations > 0 &&
		       c.iterations <= SCRAM_ITERATIONS_CAP);
		ASSERT(c.salt_len > 0 && c.salt_len <= SCRAM_SALT_MAX);
		ASSERT(memcmp(challenge.data + 2, c.own_nonce,
			      SCRAM_NONCE_TEXT) == 0);
		ASSERT(scram_client_answer(&c, &keys, &answer) == SCRAM_OK);
		text = signed_text(&first, &challenge, &answer);
		finish_well(c, &text);
		finish(&c, &text, &line);
	} else {
		ASSERT(scram_client_answer(&c, &keys, &answer) != SCRAM_OK);
		ASSERT(answer.len == 0);
	}
	scram_client_fini(&c);
	str_fini(&line);
	str_fini(&challenge);
	str_fini(&text);
}

/* Strict: what is read is what writing it would give. */
static void
base64(const uint8_t *data, size_t size)
{
	uint8_t bytes[64];
	char again[BASE64_LEN(sizeof(bytes)) + 1];
	size_t n, measured;
	bool ok = base64_measure((const char *)data, size, &measured);

	if (base64_decode((const char *)data, size, bytes, sizeof(bytes), &n)) {
		ASSERT(ok && n == measured && n <= sizeof(bytes));
		ASSERT(base64_encode(bytes, n, again) == size);
		ASSERT(memcmp(again, data, size) == 0);
	} else {
		ASSERT(!ok || measured > sizeof(bytes));
	}
}

static void
verifier(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size);
	struct scram_verifier v;

	if (scram_verifier_parse(text, &v)) {
		ASSERT(secret_kind(text) == SECRET_SCRAM);
		ASSERT(v.iterations > 0 &&
		       v.iterations <= SCRAM_ITERATIONS_MAX);
		ASSERT(v.salt_len > 0 && v.salt_len <= SCRAM_SALT_MAX);
		ASSERT(!v.is_mock);
		scram_verifier_fini(&v);
	}
	mem_free(text);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 4000)
		return;
	switch (data[0] % 3) {
	case 0:
		exchange(data + 1, size - 1);
		break;
	case 1:
		base64(data + 1, size - 1);
		break;
	default:
		verifier(data + 1, size - 1);
		break;
	}
}
