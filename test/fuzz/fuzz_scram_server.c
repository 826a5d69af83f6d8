/*
 * SCRAM as a hostile client meets it: two messages, in which marks stand for
 * the nonce and for the right proof.  Nobody is let in who did not send the
 * proof of the password over this very exchange, and never against a mock.
 * The first byte chooses the verifier.
 */
#include "fuzz_scram.h"

struct exchange {
	struct str first; /* client-first, its header cut off */
	struct str server_first;
	char flag; /* of the header */
	const uint8_t *client_key;
	uint8_t expected[32]; /* the proof that is right for the last message */
};

/* RFC 5802, section 3, written once more. */
static void
make_proof(void *arg, const struct str *before, uint8_t proof[32])
{
	struct exchange *x = arg;
	struct str text = { 0 };
	size_t bare = before->len;
	uint8_t stored[32];

	if (bare >= 3 && memcmp(before->data + bare - 3, ",p=", 3) == 0)
		bare -= 3;
	str_add(&text, str_text(&x->first), x->first.len);
	str_putc(&text, ',');
	str_add(&text, str_text(&x->server_first), x->server_first.len);
	str_putc(&text, ',');
	str_add(&text, str_text(before), bare);
	fuzz_sha256(x->client_key, stored);
	fuzz_hmac(stored, text.data, text.len, proof);
	for (unsigned i = 0; i < 32; i++)
		proof[i] ^= x->client_key[i];
	str_fini(&text);
}

/* The proof that the message holds must be the right one for its text. */
static void
check_proof(struct exchange *x, const struct str *last)
{
	static const char head[] = ",p=";
	struct str before = { 0 }, want = { 0 };
	uint8_t proof[32];
	size_t at = last->len - 44;

	ASSERT(last->len > 47);
	ASSERT(memcmp(last->data + at - 3, head, 3) == 0);
	str_add(&before, last->data, at);
	make_proof(x, &before, proof);
	fuzz_put_key(&want, proof);
	ASSERT(memcmp(want.data, last->data + at, 44) == 0);
	str_fini(&before);
	str_fini(&want);
}

static struct scram_verifier
make_verifier(uint8_t how, const uint8_t client_key[32])
{
	struct auth_mock mock = { { 0 } };
	struct scram_verifier v = { .iterations = 4096, .salt_len = 16 };

	if (how & 1)
		ASSERT(scram_verifier_mock(&v, &mock, "joe", 4096));
	if (how & 2)
		v.salt_len = SCRAM_SALT_MAX;
	if (how & 4)
		v.iterations = SCRAM_ITERATIONS_MAX;
	fuzz_sha256(client_key, v.stored_key);
	return v;
}

/* Header and nonce must be those of this exchange. */
static void
check_form(const struct exchange *x, const struct str *last, const char *nonce,
	   size_t nonce_len)
{
	const char *header = x->flag == 'y' ? "c=eSws,r=" : "c=biws,r=";

	ASSERT(last->len > 9 + nonce_len);
	ASSERT(memcmp(last->data, header, 9) == 0);
	ASSERT(memcmp(last->data + 9, nonce, nonce_len) == 0);
	ASSERT(last->data[9 + nonce_len] == ',');
}

/* The last message against what the first one led to. */
static void
finish(struct scram_server *s, struct exchange *x, const struct str *line,
       const struct scram_verifier *v)
{
	const char *r = x->server_first.data + 2;
	const char *comma = memchr(r, ',', x->server_first.len - 2);
	struct scram_message out;
	struct scram_keys keys;
	enum scram_status status;
	struct str last;

	ASSERT(comma != NULL);
	last = fuzz_fill(line, r, (size_t)(comma - r), make_proof, x);
	status = scram_server_final(s, str_text(&last), last.len, &out);
	ASSERT(out.len < sizeof(out.text));
	ASSERT((status == SCRAM_OK) == (out.len > 0));
	ASSERT(scram_server_keys(s, &keys) == (status == SCRAM_OK));
	if (status == SCRAM_OK) {
		ASSERT(!v->is_mock);
		check_form(x, &last, r, (size_t)(comma - r));
		check_proof(x, &last);
		ASSERT(memcmp(keys.client_key, x->client_key, 32) == 0);
	}
	/* It is over, well or not. */
	ASSERT(scram_server_final(s, str_text(&last), last.len, &out) !=
	       SCRAM_OK);
	str_fini(&last);
}

/* Whoever knows the password is let in, whatever his first message was. */
static void
finish_well(const struct scram_verifier *v, struct exchange *x,
	    const struct str *first)
{
	static const char line[] = "c=....,r=\1,p=\2";
	const char *r = x->server_first.data + 2;
	struct scram_message out;
	struct scram_server s;
	struct str text = { 0 }, last;

	str_add(&text, line, sizeof(line) - 1);
	memcpy(text.data + 2, x->flag == 'y' ? "eSws" : "biws", 4);
	last = fuzz_fill(&text, r, strcspn(r, ","), make_proof, x);
	scram_server_begin(&s, v, fuzz_nonce);
	ASSERT(scram_server_first(&s, first->data, first->len, &out) ==
	       SCRAM_OK);
	ASSERT(scram_server_final(&s, last.data, last.len, &out) ==
	       (last.len > SCRAM_CLIENT_MESSAGE_MAX ? SCRAM_MALFORMED
		: v->is_mock                        ? SCRAM_WRONG_PROOF
						    : SCRAM_OK));
	scram_server_fini(&s);
	str_fini(&text);
	str_fini(&last);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	static const uint8_t client_key[32] = { 1, 2, 3 };
	struct exchange x = { .client_key = client_key };
	struct scram_verifier v;
	struct scram_server s;
	struct scram_message out;
	struct str line, first;
	enum scram_status status;

	if (size < 2 || size > 4000)
		return;
	v = make_verifier(data[0], client_key);
	data++;
	size--;
	scram_server_begin(&s, &v, fuzz_nonce);
	line = fuzz_line(&data, &size);
	first = fuzz_fill(&line, "nonce", 5, make_proof, &x);
	str_fini(&line);
	status = scram_server_first(&s, str_text(&first), first.len, &out);
	ASSERT(out.len < sizeof(out.text));
	ASSERT((status == SCRAM_OK) == (out.len > 0));
	line = fuzz_line(&data, &size);
	if (status == SCRAM_OK) {
		ASSERT(first.len <= SCRAM_CLIENT_MESSAGE_MAX);
		ASSERT(memcmp(out.text, "r=", 2) == 0);
		x.flag = first.data[0];
		str_add(&x.first, first.data + 3, first.len - 3);
		str_add(&x.server_first, out.text, out.len);
		finish(&s, &x, &line, &v);
		finish_well(&v, &x, &first);
	} else {
		ASSERT(scram_server_final(&s, str_text(&line), line.len,
					  &out) != SCRAM_OK);
	}
	scram_server_fini(&s);
	str_fini(&line);
	str_fini(&first);
	str_fini(&x.first);
	str_fini(&x.server_first);
}
