/* SCRAM-SHA-256, the server role: clients of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "auth/base64.h"
#include "auth/digest.h"
#include "auth/scram.h"
#include "auth/scram_text.h"
#include "base/mem.h"
#include "base/text.h"
#include "vectors.h"

#define A8 "aaaaaaaa"
#define A64 A8 A8 A8 A8 A8 A8 A8 A8
#define CNONCE "fyko+d2lbbFgONRv9qkxdawL"

static const uint8_t raw[SCRAM_NONCE_RAW] = "0123456789abcdefgh";
static const char own_nonce[] = "MDEyMzQ1Njc4OWFiY2RlZmdo";

/* One password for all tests, few iterations: made once. */
static struct scram_verifier verifier;
static struct scram_keys keys;

static int
make_keys(void **state)
{
	static const uint8_t salt[SCRAM_SALT_BYTES] = "salt of 16 byte";
	uint8_t salted[32];

	(void)state;
	assert_true(
		scram_salted_password("pencil", salt, sizeof(salt), 7, salted));
	assert_true(scram_keys_derive(salted, &keys));
	assert_true(scram_verifier_from_password(&verifier, "pencil", salt,
						 sizeof(salt), 7));
	return 0;
}

/* Starts an exchange and takes it to the point where client-final is due. */
static void
reach_final(struct scram_server *s, const char *first,
	    struct scram_message *challenge)
{
	scram_server_begin(s, &verifier, raw);
	assert_int_equal(scram_server_first(s, first, strlen(first), challenge),
			 SCRAM_OK);
}

/* client-final for this exchange: header parts given, proof computed. */
static void
make_final(const struct scram_message *challenge, const char *first_bare,
	   const char *without_proof, const struct scram_keys *k,
	   struct scram_message *out)
{
	struct scram_auth auth = { .len = 0 };
	uint8_t stored[32], proof[32];

	scram_auth_add(&auth, first_bare, strlen(first_bare));
	scram_auth_add(&auth, ",", 1);
	scram_auth_add(&auth, challenge->text, challenge->len);
	scram_auth_add(&auth, ",", 1);
	scram_auth_add(&auth, without_proof, strlen(without_proof));
	assert_true(digest_sha256(k->client_key, 32, stored));
	assert_true(scram_mask(stored, &auth, k->client_key, proof));
	scram_message_reset(out);
	scram_message_add(out, without_proof, strlen(without_proof));
	scram_message_add(out, ",p=", 3);
	scram_message_base64(out, proof, sizeof(proof));
}

/* The exchange of RFC 7677, set up in the middle: its nonce is not of our
 * form. */
static void
test_rfc(void **state)
{
	static const char text[] = RFC_CLIENT_BARE "," RFC_SERVER_FIRST;
	static const char nonce[] = RFC_NONCE;
	struct scram_verifier v;
	struct scram_server s;
	struct scram_message out;
	struct scram_keys got;
	uint8_t salt[16], digest[32];
	size_t len;

	(void)state;
	assert_true(base64_decode(RFC_SALT, strlen(RFC_SALT), salt, 16, &len));
	assert_true(scram_verifier_from_password(&v, RFC_PASSWORD, salt, len,
						 4096));
	scram_server_begin(&s, &v, raw);
	s.state = SCRAM_STATE_FINAL;
	s.gs2_flag = 'n';
	scram_auth_add(&s.auth, text, strlen(text));
	s.nonce_at = strlen(RFC_CLIENT_BARE ",r=");
	s.nonce_len = strlen(nonce);
	assert_int_equal(scram_server_final(&s, RFC_CLIENT_FINAL,
					    strlen(RFC_CLIENT_FINAL), &out),
			 SCRAM_OK);
	assert_string_equal(out.text, RFC_SERVER_FINAL);
	assert_true(scram_server_keys(&s, &got));
	assert_true(digest_sha256(got.client_key, 32, digest));
	assert_memory_equal(digest, v.stored_key, 32);
	assert_memory_equal(got.server_key, v.server_key, 32);
	scram_server_fini(&s);
}

static void
test_good(void **state)
{
	static const struct {
		const char *first;
		const char *bare;
		const char *binding;
		const char *extension;
	} cases[] = {
		{ "n,,n=,r=" CNONCE, "n=,r=" CNONCE, "biws", "" },
		{ "y,,n=,r=" CNONCE, "n=,r=" CNONCE, "eSws", "" },
		{ "n,,n=user,r=" CNONCE, "n=user,r=" CNONCE, "biws", "" },
		{ "n,,n=a=2Cb=3D,r=" CNONCE, "n=a=2Cb=3D,r=" CNONCE, "biws",
		  "" },
		{ "n,,n=,r=" CNONCE ",x=y,Q=", "n=,r=" CNONCE ",x=y,Q=", "biws",
		  "" },
		{ "n,,n=,r=" CNONCE, "n=,r=" CNONCE, "biws", ",x=1,y=2" },
	};
	char without[512], first[512];
	struct scram_server s;
	struct scram_message challenge, last, out;
	struct scram_keys got;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		reach_final(&s, cases[i].first, &challenge);
		text_format(first, sizeof(first), "r=%s%s,s=%s,i=7", CNONCE,
			    own_nonce, "c2FsdCBvZiAxNiBieXRlAA==");
		assert_string_equal(challenge.text, first);
		assert_int_equal(challenge.len, strlen(first));
		assert_false(scram_server_keys(&s, &got));
		text_format(without, sizeof(without), "c=%s,r=%s%s%s",
			    cases[i].binding, CNONCE, own_nonce,
			    cases[i].extension);
		make_final(&challenge, cases[i].bare, without, &keys, &last);
		if (scram_server_final(&s, last.text, last.len, &out) !=
		    SCRAM_OK)
			fail_msg("case %zu", i);
		assert_int_equal(out.len, 46);
		assert_true(scram_server_keys(&s, &got));
		assert_memory_equal(&got, &keys, sizeof(keys));
		/* nothing may follow */
		assert_int_equal(
			scram_server_final(&s, last.text, last.len, &out),
			SCRAM_MALFORMED);
		assert_false(scram_server_keys(&s, &got));
		scram_server_fini(&s);
	}
}

static void
test_bad_first(void **state)
{
	static const struct {
		const char *text;
		enum scram_status status;
	} cases[] = {
		{ "", SCRAM_MALFORMED },
		{ "p=tls-server-end-point,,n=,r=abc", SCRAM_CHANNEL_BINDING },
		{ "p,,n=,r=abc", SCRAM_CHANNEL_BINDING },
		{ "N,,n=,r=abc", SCRAM_MALFORMED },
		{ "x,,n=,r=abc", SCRAM_MALFORMED },
		{ ",,n=,r=abc", SCRAM_MALFORMED },
		{ "n=,r=abc", SCRAM_MALFORMED },
		{ "nn,,n=,r=abc", SCRAM_MALFORMED },
		{ "n,a=admin,n=,r=abc", SCRAM_AUTHZID },
		{ "n,a=,n=,r=abc", SCRAM_AUTHZID },
		{ "n,b=admin,n=,r=abc", SCRAM_MALFORMED },
		{ "n,n=,r=abc", SCRAM_MALFORMED },
		{ "n,,", SCRAM_MALFORMED },
		{ "n,,m=ext,n=,r=abc", SCRAM_EXTENSION },
		{ "n,,n=,r=abc,m=ext", SCRAM_EXTENSION },
		{ "n,,,n=,r=abc", SCRAM_MALFORMED },
		{ "n,,r=abc", SCRAM_MALFORMED },
		{ "n,,r=abc,n=", SCRAM_MALFORMED },
		{ "n,,n=", SCRAM_MALFORMED },
		{ "n,,n=,", SCRAM_MALFORMED },
		{ "n,,n=,r", SCRAM_MALFORMED },
		{ "n,,n,r=abc", SCRAM_MALFORMED },
		{ "n,,N=,r=abc", SCRAM_MALFORMED },
		{ "n,,n=,r=", SCRAM_MALFORMED },
		{ "n,,n=,r=,x=y", SCRAM_MALFORMED },
		{ "n,,n=,r=a b", SCRAM_MALFORMED },
		{ "n,,n=,r=a\tb", SCRAM_MALFORMED },
		{ "n,,n=,r=a\x7f", SCRAM_MALFORMED },
		{ "n,,n=,r=a\xc3\xa9", SCRAM_MALFORMED },
		{ "n,,n=,r=abc,", SCRAM_MALFORMED },
		{ "n,,n=,r=abc,,", SCRAM_MALFORMED },
		{ "n,,n=,r=abc,x", SCRAM_MALFORMED },
		{ "n,,n=,r=abc,1=x", SCRAM_MALFORMED },
		{ "n,,n=,r=abc,xy=z", SCRAM_MALFORMED },
		{ "n,,n=,r=abc,=z", SCRAM_MALFORMED },
		{ "n,,n=,q=abc", SCRAM_MALFORMED },
	};
	struct scram_server s;
	struct scram_message out;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *text = cases[i].text;

		scram_server_begin(&s, &verifier, raw);
		out.len = 5;
		if (scram_server_first(&s, text, strlen(text), &out) !=
		    cases[i].status)
			fail_msg("case %zu: %s", i, text);
		assert_int_equal(out.len, 0);
		assert_int_equal(s.state, SCRAM_STATE_FAILED);
		assert_int_equal(s.verifier.stored_key[0], 0);
		/* a second try finds the exchange ended */
		assert_int_equal(
			scram_server_first(&s, "n,,n=,r=abc", 11, &out),
			SCRAM_MALFORMED);
	}
	scram_server_begin(&s, &verifier, raw);
	assert_int_equal(scram_server_first(&s, "n,,n=\0,r=abc", 12, &out),
			 SCRAM_MALFORMED);
	scram_server_begin(&s, &verifier, raw);
	assert_int_equal(scram_server_first(&s, "n,,n=,r=abc\0", 12, &out),
			 SCRAM_MALFORMED);
}

/* Up to the limit it works, to the end of the exchange; above, it does not. */
static void
test_long_first(void **state)
{
	char first[SCRAM_CLIENT_MESSAGE_MAX + 2];
	char *huge = mem_zalloc(65536);
	struct scram_server s;
	struct scram_message out;

	(void)state;
	assert_non_null(huge);
	memset(first, 'a', sizeof(first));
	memcpy(first, "n,,n=,r=", 8);
	scram_server_begin(&s, &verifier, raw);
	assert_int_equal(
		scram_server_first(&s, first, SCRAM_CLIENT_MESSAGE_MAX, &out),
		SCRAM_OK);
	assert_true(out.len > SCRAM_CLIENT_MESSAGE_MAX);
	scram_server_begin(&s, &verifier, raw);
	assert_int_equal(scram_server_first(&s, first,
					    SCRAM_CLIENT_MESSAGE_MAX + 1, &out),
			 SCRAM_MALFORMED);
	memset(huge, 'a', 65536);
	memcpy(huge, "n,,n=,r=", 8);
	scram_server_begin(&s, &verifier, raw);
	assert_int_equal(scram_server_first(&s, huge, 65536, &out),
			 SCRAM_MALFORMED);
	mem_free(huge);
}

/* The longest of everything at once stays within the signed text's room. */
static void
test_fullest(void **state)
{
	char first[SCRAM_CLIENT_MESSAGE_MAX], without[1200], tail[600];
	struct scram_server s;
	struct scram_verifier wide = verifier;
	struct scram_message challenge, last, out;
	size_t len;

	(void)state;
	wide.salt_len = SCRAM_SALT_MAX;
	wide.iterations = SCRAM_ITERATIONS_MAX;
	memset(tail, 'e', sizeof(tail));
	tail[sizeof(tail) - 1] = '\0';
	len = text_format(first, sizeof(first),
			  "n,,n=" A64 ",r=" A64 A64 A64 ",x=%s", tail);
	scram_server_begin(&s, &wide, raw);
	assert_int_equal(scram_server_first(&s, first, len, &challenge),
			 SCRAM_OK);
	len = text_format(without, sizeof(without),
			  "c=biws,r=" A64 A64 A64 "%s,x=%s", own_nonce, tail);
	assert_true(len + 47 <= SCRAM_CLIENT_MESSAGE_MAX);
	make_final(&challenge, first + 3, without, &keys, &last);
	assert_int_equal(scram_server_final(&s, last.text, last.len, &out),
			 SCRAM_OK);
}

static void
test_bad_final(void **state)
{
#define GOOD_P "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define N CNONCE "MDEyMzQ1Njc4OWFiY2RlZmdo"
	static const struct {
		const char *text;
		enum scram_status status;
	} cases[] = {
		{ "", SCRAM_MALFORMED },
		{ "c=biws,r=" N ",p=" GOOD_P, SCRAM_WRONG_PROOF },
		{ "c=biws,r=" N ",x=y,p=" GOOD_P, SCRAM_WRONG_PROOF },
		/* channel binding */
		{ "c=eSws,r=" N ",p=" GOOD_P, SCRAM_BINDING_MISMATCH },
		{ "c=,r=" N ",p=" GOOD_P, SCRAM_BINDING_MISMATCH },
		{ "c=biw,r=" N ",p=" GOOD_P, SCRAM_BINDING_MISMATCH },
		{ "c=biwsAAAA,r=" N ",p=" GOOD_P, SCRAM_BINDING_MISMATCH },
		{ "c=BIWS,r=" N ",p=" GOOD_P, SCRAM_BINDING_MISMATCH },
		{ "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCws,r=" N ",p=" GOOD_P,
		  SCRAM_BINDING_MISMATCH },
		/* nonce */
		{ "c=biws,r=" CNONCE ",p=" GOOD_P, SCRAM_NONCE },
		{ "c=biws,r=,p=" GOOD_P, SCRAM_NONCE },
		{ "c=biws,r=" N "x,p=" GOOD_P, SCRAM_NONCE },
		{ "c=biws,r=X" N ",p=" GOOD_P, SCRAM_NONCE },
		{ "c=biws,r=MDEyMzQ1Njc4OWFiY2RlZmdo" CNONCE ",p=" GOOD_P,
		  SCRAM_NONCE },
		/* proof */
		{ "c=biws,r=" N, SCRAM_MALFORMED },
		{ "c=biws,r=" N ",", SCRAM_MALFORMED },
		{ "c=biws,r=" N ",p", SCRAM_MALFORMED },
		{ "c=biws,r=" N ",p=", SCRAM_MALFORMED },
		{ "c=biws,r=" N ",p=AAAA", SCRAM_MALFORMED },
		{ "c=biws,r=" N ",p=" GOOD_P "AAAA", SCRAM_MALFORMED },
		{ "c=biws,r=" N ",p=AAAA" GOOD_P, SCRAM_MALFORMED },
		{ "c=biws,r=" N ",p= " GOOD_P, SCRAM_MALFORMED },
		{ "c=biws,r=" N ",p=" GOOD_P " ", SCRAM_MALFORMED },
		{ "c=biws,r=" N ",p=" GOOD_P "\n", SCRAM_MALFORMED },
		{ "c=biws,r=" N
		  ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		  SCRAM_MALFORMED },
		{ "c=biws,r=" N
		  ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
		  SCRAM_MALFORMED },
		{ "c=biws,r=" N
		  ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
		  SCRAM_MALFORMED },
		{ "c=biws,r=" N
		  ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAA-AAAAAAAAAAAAAA=",
		  SCRAM_MALFORMED },
		/* extra data */
		{ "c=biws,r=" N ",p=" GOOD_P ",", SCRAM_MALFORMED },
		{ "c=biws,r=" N ",p=" GOOD_P ",x=y", SCRAM_MALFORMED },
		{ "c=biws,r=" N ",p=" GOOD_P ",p=" GOOD_P, SCRAM_MALFORMED },
		/* order and shape */
		{ "r=" N ",c=biws,p=" GOOD_P, SCRAM_MALFORMED },
		{ "p=" GOOD_P, SCRAM_MALFORMED },
		{ ",c=biws,r=" N ",p=" GOOD_P, SCRAM_MALFORMED },
		{ "c=biws,,r=" N ",p=" GOOD_P, SCRAM_MALFORMED },
		{ "c=biws,x=y,r=" N ",p=" GOOD_P, SCRAM_MALFORMED },
		{ "c=biws,r=" N ",m=x,p=" GOOD_P, SCRAM_EXTENSION },
		{ "c=biws,r=" N ",9=x,p=" GOOD_P, SCRAM_MALFORMED },
		{ "C=biws,r=" N ",p=" GOOD_P, SCRAM_MALFORMED },
		{ "n,,n=,r=" CNONCE, SCRAM_MALFORMED },
	};
	struct scram_server s;
	struct scram_message challenge, out;
	struct scram_keys got;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *text = cases[i].text;

		reach_final(&s, "n,,n=,r=" CNONCE, &challenge);
		out.len = 5;
		if (scram_server_final(&s, text, strlen(text), &out) !=
		    cases[i].status)
			fail_msg("case %zu: %s", i, text);
		assert_int_equal(out.len, 0);
		assert_int_equal(s.state, SCRAM_STATE_FAILED);
		assert_false(scram_server_keys(&s, &got));
	}
}

/* Final before first, first twice: no step out of its turn. */
static void
test_order(void **state)
{
	static const char first[] = "n,,n=,r=" CNONCE;
	static const char last[] = "c=biws,r=" N ",p=" GOOD_P;
	struct scram_server s;
	struct scram_message out;

	(void)state;
	scram_server_begin(&s, &verifier, raw);
	assert_int_equal(scram_server_final(&s, last, strlen(last), &out),
			 SCRAM_MALFORMED);
	reach_final(&s, first, &out);
	assert_int_equal(scram_server_first(&s, first, strlen(first), &out),
			 SCRAM_MALFORMED);
	assert_int_equal(scram_server_final(&s, last, strlen(last), &out),
			 SCRAM_MALFORMED);
}

/* Every truncation of both messages, in a heap block of just its size. */
static void
test_truncations(void **state)
{
	static const char first[] = "n,,n=,r=" CNONCE;
	struct scram_server s;
	struct scram_message challenge, last, out;

	(void)state;
	for (size_t cut = 0; cut < strlen(first); cut++) {
		char *part = mem_strndup(first, cut);
		void *bare = mem_zalloc(cut + 1);
		enum scram_status got;

		assert_non_null(part);
		memcpy(bare, part, cut);
		scram_server_begin(&s, &verifier, raw);
		got = scram_server_first(&s, bare, cut, &out);
		/* a shorter nonce is a nonce too */
		assert_int_equal(got, cut > 8 ? SCRAM_OK : SCRAM_MALFORMED);
		mem_free(part);
		mem_free(bare);
	}
	reach_final(&s, first, &challenge);
	make_final(&challenge, first + 3, "c=biws,r=" N, &keys, &last);
	for (size_t cut = 0; cut < last.len; cut++) {
		char *part = mem_realloc(NULL, cut + 1);

		assert_non_null(part);
		memcpy(part, last.text, cut);
		reach_final(&s, first, &challenge);
		assert_int_equal(scram_server_final(&s, part, cut, &out),
				 SCRAM_MALFORMED);
		mem_free(part);
	}
	reach_final(&s, first, &challenge);
	assert_int_equal(scram_server_final(&s, last.text, last.len, &out),
			 SCRAM_OK);
}

/* No single changed byte of client-final is taken. */
static void
test_every_byte_counts(void **state)
{
	static const char first[] = "n,,n=,r=" CNONCE;
	static const char others[] = { '\0', ' ', ',',    '=',   'A',
				       'm',  'p', '\x80', '\xff' };
	struct scram_server s;
	struct scram_message challenge, last, out;

	(void)state;
	reach_final(&s, first, &challenge);
	make_final(&challenge, first + 3, "c=biws,r=" N, &keys, &last);
	for (size_t at = 0; at < last.len; at++) {
		for (size_t k = 0; k < sizeof(others) + 1; k++) {
			char saved = last.text[at];

			last.text[at] = k < sizeof(others) ? others[k]
							   : (char)(saved ^ 1);
			if (last.text[at] != saved) {
				reach_final(&s, first, &challenge);
				if (scram_server_final(&s, last.text, last.len,
						       &out) == SCRAM_OK)
					fail_msg("byte %zu", at);
				assert_int_equal(out.len, 0);
			}
			last.text[at] = saved;
		}
	}
}

static void
test_wrong_password(void **state)
{
	static const char first[] = "n,,n=,r=" CNONCE;
	struct scram_server s;
	struct scram_message challenge, last, out;
	struct scram_keys wrong = keys;

	(void)state;
	wrong.client_key[31] ^= 1;
	reach_final(&s, first, &challenge);
	make_final(&challenge, first + 3, "c=biws,r=" N, &wrong, &last);
	assert_int_equal(scram_server_final(&s, last.text, last.len, &out),
			 SCRAM_WRONG_PROOF);
	assert_int_equal(out.len, 0);
	assert_int_equal(s.client_key[0], 0);
}

/* Proof of another exchange: the nonces make it worthless. */
static void
test_replay(void **state)
{
	static const uint8_t other[SCRAM_NONCE_RAW] = "another one, fresh";
	static const char first[] = "n,,n=,r=" CNONCE;
	struct scram_server s;
	struct scram_message challenge, last, out;

	(void)state;
	reach_final(&s, first, &challenge);
	make_final(&challenge, first + 3, "c=biws,r=" N, &keys, &last);
	scram_server_begin(&s, &verifier, other);
	assert_int_equal(scram_server_first(&s, first, strlen(first), &out),
			 SCRAM_OK);
	assert_int_equal(scram_server_final(&s, last.text, last.len, &out),
			 SCRAM_NONCE);
}

/* An unknown user sees what a known one with a wrong password sees. */
static void
test_mock(void **state)
{
	static const char first[] = "n,,n=,r=" CNONCE;
	static const char last[] = "c=biws,r=" N ",p=" GOOD_P;
	struct auth_mock mock;
	struct scram_verifier v;
	struct scram_server s;
	struct scram_message one, two, real, out;

	(void)state;
	auth_mock_init(&mock);
	assert_true(scram_verifier_mock(&v, &mock, "nobody", 7));
	scram_server_begin(&s, &v, raw);
	assert_int_equal(scram_server_first(&s, first, strlen(first), &one),
			 SCRAM_OK);
	assert_int_equal(scram_server_final(&s, last, strlen(last), &out),
			 SCRAM_WRONG_PROOF);
	assert_int_equal(out.len, 0);
	/* the same name again: the same salt */
	assert_true(scram_verifier_mock(&v, &mock, "nobody", 7));
	scram_server_begin(&s, &v, raw);
	assert_int_equal(scram_server_first(&s, first, strlen(first), &two),
			 SCRAM_OK);
	assert_string_equal(one.text, two.text);
	/* the shape is a real one's */
	reach_final(&s, first, &real);
	assert_int_equal(one.len, real.len);
}

/* A mock that holds the right keys still refuses the right proof. */
static void
test_mock_is_doomed(void **state)
{
	static const char first[] = "n,,n=,r=" CNONCE;
	struct scram_verifier v = verifier;
	struct scram_server s;
	struct scram_message challenge, last, out;

	(void)state;
	v.is_mock = true;
	scram_server_begin(&s, &v, raw);
	assert_int_equal(
		scram_server_first(&s, first, strlen(first), &challenge),
		SCRAM_OK);
	make_final(&challenge, first + 3, "c=biws,r=" N, &keys, &last);
	assert_int_equal(scram_server_final(&s, last.text, last.len, &out),
			 SCRAM_WRONG_PROOF);
}

static void
test_library_failure(void **state)
{
	static const char last[] = "c=biws,r=" N ",p=" GOOD_P;
	struct scram_server s;
	struct scram_message out;

	(void)state;
	reach_final(&s, "n,,n=,r=" CNONCE, &out);
	assert_int_equal(EVP_set_default_properties(NULL, "no=where"), 1);
	assert_int_equal(scram_server_final(&s, last, strlen(last), &out),
			 SCRAM_CRYPTO);
	assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
}

static void
test_status_texts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SCRAM_STATUS_COUNT; i++)
		assert_true(strlen(scram_status_text((enum scram_status)i)) >
			    4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad_first),
		cmocka_unit_test(test_long_first),
		cmocka_unit_test(test_fullest),
		cmocka_unit_test(test_bad_final),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_every_byte_counts),
		cmocka_unit_test(test_wrong_password),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_mock),
		cmocka_unit_test(test_mock_is_doomed),
		cmocka_unit_test(test_library_failure),
		cmocka_unit_test(test_status_texts),
	};

	return cmocka_run_group_tests(tests, make_keys, NULL);
}
