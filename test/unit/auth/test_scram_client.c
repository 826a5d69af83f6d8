/* SCRAM-SHA-256, the client role: servers of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "auth/base64.h"
#include "auth/scram.h"
#include "auth/scram_text.h"
#include "base/mem.h"
#include "base/text.h"
#include "vectors.h"

#define A16 "AAAAAAAAAAAAAAAA"
#define SALT_63 A16 A16 A16 A16 A16 "AAAA"
#define OWN "MDEyMzQ1Njc4OWFiY2RlZmdo"
#define SALT "c2FsdA=="

static const uint8_t raw[SCRAM_NONCE_RAW] = "0123456789abcdefgh";

static struct scram_verifier verifier;
static struct scram_keys keys;

static int
make_keys(void **state)
{
	uint8_t salted[32];

	(void)state;
	assert_true(scram_salted_password("pencil", (const uint8_t *)"salt", 4,
					  5, salted));
	assert_true(scram_keys_derive(salted, &keys));
	assert_true(scram_verifier_from_password(
		&verifier, "pencil", (const uint8_t *)"salt", 4, 5));
	return 0;
}

static void
begin(struct scram_client *c)
{
	struct scram_message first;

	scram_client_begin(c, raw, NULL, &first);
	assert_string_equal(first.text, "n,,n=,r=" OWN);
	assert_int_equal(first.len, strlen(first.text));
}

static enum scram_status
challenge(struct scram_client *c, const char *text)
{
	return scram_client_challenge(c, text, strlen(text),
				      SCRAM_ITERATIONS_CAP);
}

static void
test_rfc(void **state)
{
	static const char text[] = RFC_CLIENT_BARE "," RFC_SERVER_FIRST;
	struct scram_client c;
	struct scram_message first, last;
	struct scram_keys k;
	uint8_t salt[16], salted[32];
	size_t len;

	(void)state;
	assert_true(base64_decode(RFC_SALT, strlen(RFC_SALT), salt, 16, &len));
	assert_true(
		scram_salted_password(RFC_PASSWORD, salt, len, 4096, salted));
	assert_true(scram_keys_derive(salted, &k));
	/* The RFC's nonce and user name are not of our form. */
	scram_client_begin(&c, raw, NULL, &first);
	c.state = SCRAM_STATE_ANSWER;
	c.auth.len = 0;
	scram_auth_add(&c.auth, text, strlen(text));
	c.nonce_at = strlen(RFC_CLIENT_BARE ",r=");
	c.nonce_len = strlen(RFC_NONCE);
	assert_int_equal(scram_client_answer(&c, &k, &last), SCRAM_OK);
	assert_string_equal(last.text, RFC_CLIENT_FINAL);
	assert_int_equal(scram_client_finish(&c, RFC_SERVER_FINAL,
					     strlen(RFC_SERVER_FINAL)),
			 SCRAM_OK);
	assert_int_equal(c.state, SCRAM_STATE_DONE);
}

/* Both roles against each other, with secrets that PostgreSQL made. */
static void
test_both_roles(void **state)
{
	struct scram_client c;
	struct scram_server s;
	struct scram_message up, down;
	struct scram_verifier v;
	struct scram_keys k, proved;
	uint8_t salted[32];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(made_verifiers); i++) {
		assert_true(
			scram_verifier_parse(made_verifiers[i].verifier, &v));
		scram_server_begin(&s, &v, raw);
		scram_client_begin(&c, raw, NULL, &up);
		assert_int_equal(scram_server_first(&s, up.text, up.len, &down),
				 SCRAM_OK);
		assert_int_equal(
			scram_client_challenge(&c, down.text, down.len, 4096),
			SCRAM_OK);
		assert_int_equal(c.iterations, 4096);
		assert_int_equal(c.salt_len, v.salt_len);
		assert_memory_equal(c.salt, v.salt, v.salt_len);
		assert_true(scram_salted_password(made_verifiers[i].password,
						  c.salt, c.salt_len,
						  c.iterations, salted));
		assert_true(scram_keys_derive(salted, &k));
		assert_int_equal(scram_client_answer(&c, &k, &up), SCRAM_OK);
		assert_int_equal(scram_server_final(&s, up.text, up.len, &down),
				 SCRAM_OK);
		assert_int_equal(scram_client_finish(&c, down.text, down.len),
				 SCRAM_OK);
		assert_true(scram_server_keys(&s, &proved));
		assert_memory_equal(&proved, &k, sizeof(k));
	}
}

/* The keys that a client proved open another server with its verifier. */
static void
test_pass_through(void **state)
{
	struct scram_client c;
	struct scram_server s;
	struct scram_message up, down;
	struct scram_keys proved;
	const uint8_t other[SCRAM_NONCE_RAW] = "a second exchange.";

	(void)state;
	for (int round = 0; round < 2; round++) {
		scram_server_begin(&s, &verifier, round ? raw : other);
		scram_client_begin(&c, round ? other : raw, NULL, &up);
		assert_int_equal(scram_server_first(&s, up.text, up.len, &down),
				 SCRAM_OK);
		assert_int_equal(
			scram_client_challenge(&c, down.text, down.len, 5),
			SCRAM_OK);
		assert_int_equal(
			scram_client_answer(&c, round ? &proved : &keys, &up),
			SCRAM_OK);
		assert_int_equal(scram_server_final(&s, up.text, up.len, &down),
				 SCRAM_OK);
		assert_int_equal(scram_client_finish(&c, down.text, down.len),
				 SCRAM_OK);
		assert_true(scram_server_keys(&s, &proved));
	}
}

static void
test_challenges(void **state)
{
	static const struct {
		const char *text;
		enum scram_status status;
	} cases[] = {
		{ "r=" OWN "x,s=" SALT ",i=5", SCRAM_OK },
		{ "r=" OWN "x,s=" SALT ",i=1", SCRAM_OK },
		{ "r=" OWN "x,s=" SALT ",i=100000", SCRAM_OK },
		{ "r=" OWN "x,s=" SALT_63 "AA==,i=5", SCRAM_OK },
		/* iterations */
		{ "r=" OWN "x,s=" SALT ",i=100001", SCRAM_ITERATIONS },
		{ "r=" OWN "x,s=" SALT ",i=2147483648", SCRAM_ITERATIONS },
		{ "r=" OWN "x,s=" SALT ",i=4294967296", SCRAM_ITERATIONS },
		{ "r=" OWN "x,s=" SALT ",i=4294967301", SCRAM_ITERATIONS },
		{ "r=" OWN "x,s=" SALT ",i=18446744073709551617",
		  SCRAM_ITERATIONS },
		{ "r=" OWN "x,s=" SALT
		  ",i=99999999999999999999999999999999999999999",
		  SCRAM_ITERATIONS },
		{ "r=" OWN "x,s=" SALT ",i=0", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=" SALT ",i=00", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=" SALT ",i=-1", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=" SALT ",i=+5", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=" SALT ",i= 5", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=" SALT ",i=5 ", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=" SALT ",i=5x", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=" SALT ",i=0x5", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=" SALT ",i=", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=" SALT, SCRAM_MALFORMED },
		/* nonce */
		{ "r=" OWN ",s=" SALT ",i=5", SCRAM_NONCE },
		{ "r=,s=" SALT ",i=5", SCRAM_NONCE },
		{ "r=x" OWN ",s=" SALT ",i=5", SCRAM_NONCE },
		{ "r=MDEyMzQ1Njc4OWFiY2RlZmdx"
		  "x,s=" SALT ",i=5",
		  SCRAM_NONCE },
		{ "r=MDEyMzQ1Njc4OWFiY2RlZmd,s=" SALT ",i=5", SCRAM_NONCE },
		{ "r=" OWN " x,s=" SALT ",i=5", SCRAM_NONCE },
		{ "r=" OWN "\x80,s=" SALT ",i=5", SCRAM_NONCE },
		/* salt */
		{ "r=" OWN "x,s=,i=5", SCRAM_SALT },
		{ "r=" OWN "x,s=" SALT_63 "AAA=,i=5", SCRAM_SALT },
		{ "r=" OWN "x,s=" SALT_63 A16 A16 A16 ",i=5", SCRAM_SALT },
		{ "r=" OWN "x,s=c2FsdA=,i=5", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=c2FsdA,i=5", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=c2FsdB==,i=5", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=c2 sdA==,i=5", SCRAM_MALFORMED },
		{ "r=" OWN "x,s= " SALT ",i=5", SCRAM_MALFORMED },
		/* order, extensions, extra data */
		{ "", SCRAM_MALFORMED },
		{ "r", SCRAM_MALFORMED },
		{ "s=" SALT ",r=" OWN "x,i=5", SCRAM_MALFORMED },
		{ "r=" OWN "x,i=5,s=" SALT, SCRAM_MALFORMED },
		{ "r=" OWN "x,x=y,s=" SALT ",i=5", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=" SALT ",i=5,", SCRAM_MALFORMED },
		{ "r=" OWN "x,s=" SALT ",i=5,x=y", SCRAM_MALFORMED },
		{ ",r=" OWN "x,s=" SALT ",i=5", SCRAM_MALFORMED },
		{ "R=" OWN "x,s=" SALT ",i=5", SCRAM_MALFORMED },
		{ "m=x,r=" OWN "x,s=" SALT ",i=5", SCRAM_EXTENSION },
		{ "e=other-error", SCRAM_SERVER_ERROR },
		{ "v=" A16, SCRAM_MALFORMED },
	};
	static const char with_nul[] = "r=" OWN "x\0,s=" SALT ",i=5";
	struct scram_client c;
	struct scram_message out;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		begin(&c);
		if (challenge(&c, cases[i].text) != cases[i].status)
			fail_msg("case %zu: %s", i, cases[i].text);
		if (cases[i].status == SCRAM_OK)
			continue;
		assert_int_equal(c.state, SCRAM_STATE_FAILED);
		assert_int_equal(scram_client_answer(&c, &keys, &out),
				 SCRAM_MALFORMED);
		assert_int_equal(out.len, 0);
	}
	begin(&c);
	assert_int_equal(
		scram_client_challenge(&c, with_nul, sizeof(with_nul) - 1, 100),
		SCRAM_MALFORMED);
}

/* The most that a caller may allow is still what PBKDF2 can take. */
static void
test_iterations_cap(void **state)
{
	static const char most[] = "r=" OWN "x,s=" SALT ",i=2147483647";
	static const char more[] = "r=" OWN "x,s=" SALT ",i=2147483648";
	static const char wrap[] = "r=" OWN "x,s=" SALT ",i=4294967297";
	struct scram_client c;

	(void)state;
	begin(&c);
	assert_int_equal(
		scram_client_challenge(&c, most, strlen(most), UINT32_MAX),
		SCRAM_OK);
	assert_int_equal(c.iterations, 2147483647);
	begin(&c);
	assert_int_equal(
		scram_client_challenge(&c, more, strlen(more), UINT32_MAX),
		SCRAM_ITERATIONS);
	begin(&c);
	assert_int_equal(
		scram_client_challenge(&c, wrap, strlen(wrap), UINT32_MAX),
		SCRAM_ITERATIONS);
	begin(&c);
	assert_int_equal(scram_client_challenge(&c, most, strlen(most), 4096),
			 SCRAM_ITERATIONS);
}

/* A nonce of length n, to the end of the exchange where it is allowed. */
static void
try_nonce(size_t n, enum scram_status expected)
{
	char *text = mem_zalloc(n + 64);
	struct scram_client c;
	struct scram_message out;
	size_t len = 2 + n;

	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, "r=" OWN, 26);
	memcpy(text + len, ",s=" SALT ",i=5", 15);
	len += 15;
	begin(&c);
	assert_int_equal(scram_client_challenge(&c, text, len, 5), expected);
	if (expected == SCRAM_OK) {
		assert_int_equal(scram_client_answer(&c, &keys, &out),
				 SCRAM_OK);
		assert_memory_equal(out.text + 9, text + 2, n);
	}
	mem_free(text);
}

static void
test_long_nonces(void **state)
{
	(void)state;
	try_nonce(25, SCRAM_OK);
	try_nonce(48, SCRAM_OK);
	try_nonce(1023, SCRAM_OK);
	try_nonce(SCRAM_NONCE_MAX, SCRAM_OK);
	try_nonce(SCRAM_NONCE_MAX + 1, SCRAM_NONCE);
	try_nonce(2000, SCRAM_NONCE);
	try_nonce(2100, SCRAM_MALFORMED);
	try_nonce(65536, SCRAM_MALFORMED);
}

/* A salt of many kilobytes is refused before a byte of it is kept. */
static void
test_huge_salt(void **state)
{
	static const size_t sizes[] = { 96, 1024, 1940, 4096, 65536 };
	struct scram_client c;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		size_t n = sizes[i] / 4 * 4;
		char *text = mem_zalloc(n + 64);
		size_t len;

		assert_non_null(text);
		memcpy(text, "r=" OWN "x,s=", 30);
		memset(text + 30, 'A', n);
		memcpy(text + 30 + n, ",i=5", 4);
		len = 34 + n;
		begin(&c);
		assert_int_equal(scram_client_challenge(&c, text, len, 5),
				 len > SCRAM_SERVER_MESSAGE_MAX
					 ? SCRAM_MALFORMED
					 : SCRAM_SALT);
		assert_int_equal(c.salt_len, 0);
		mem_free(text);
	}
}

/* Takes a client to the point where server-final is due. */
static void
reach_final(struct scram_client *c, struct scram_message *verdict)
{
	struct scram_server s;
	struct scram_message up, down;

	scram_server_begin(&s, &verifier, raw);
	scram_client_begin(c, raw, NULL, &up);
	assert_int_equal(scram_server_first(&s, up.text, up.len, &down),
			 SCRAM_OK);
	assert_int_equal(scram_client_challenge(c, down.text, down.len, 5),
			 SCRAM_OK);
	assert_int_equal(scram_client_answer(c, &keys, &up), SCRAM_OK);
	assert_int_equal(scram_server_final(&s, up.text, up.len, verdict),
			 SCRAM_OK);
}

static void
test_verdicts(void **state)
{
#define ZERO_V "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	static const struct {
		const char *text;
		enum scram_status status;
	} cases[] = {
		{ "v=" ZERO_V, SCRAM_WRONG_SIGNATURE },
		{ "v=" ZERO_V ",", SCRAM_MALFORMED },
		{ "v=" ZERO_V ",x=y", SCRAM_MALFORMED },
		{ "v=" ZERO_V "\n", SCRAM_MALFORMED },
		{ "v=AAAA", SCRAM_MALFORMED },
		{ "v=" ZERO_V "AAAA", SCRAM_MALFORMED },
		{ "v=", SCRAM_MALFORMED },
		{ "v", SCRAM_MALFORMED },
		{ "", SCRAM_MALFORMED },
		{ "V=" ZERO_V, SCRAM_MALFORMED },
		{ "x=y,v=" ZERO_V, SCRAM_MALFORMED },
		{ "r=" OWN "x,s=" SALT ",i=5", SCRAM_MALFORMED },
		{ "e=invalid-proof", SCRAM_SERVER_ERROR },
		{ "e=", SCRAM_SERVER_ERROR },
	};
	struct scram_client c;
	struct scram_message right;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		reach_final(&c, &right);
		if (scram_client_finish(&c, cases[i].text,
					strlen(cases[i].text)) !=
		    cases[i].status)
			fail_msg("case %zu", i);
		assert_int_equal(c.state, SCRAM_STATE_FAILED);
		/* the right one comes too late */
		assert_int_equal(scram_client_finish(&c, right.text, right.len),
				 SCRAM_MALFORMED);
	}
}

static void
test_server_error_text(void **state)
{
	static const char hostile[] = "e=bad\n\x1b[1m\xff!,x=y";
	char longer[300];
	struct scram_client c;
	struct scram_message right;

	(void)state;
	reach_final(&c, &right);
	assert_int_equal(scram_client_finish(&c, hostile, sizeof(hostile) - 1),
			 SCRAM_SERVER_ERROR);
	assert_string_equal(c.error, "bad??[1m?!");
	memset(longer, 'e', sizeof(longer));
	longer[1] = '=';
	reach_final(&c, &right);
	assert_int_equal(scram_client_finish(&c, longer, sizeof(longer)),
			 SCRAM_SERVER_ERROR);
	assert_int_equal(strlen(c.error), SCRAM_ERROR_MAX - 1);
}

/* Every truncation and every changed byte of both of the server's messages. */
static void
test_damage(void **state)
{
	static const char first[] = "r=" OWN "abc,s=" SALT ",i=12";
	char text[64];
	struct scram_client c;
	struct scram_message right;

	(void)state;
	for (size_t cut = 0; cut < strlen(first); cut++) {
		char *part = mem_realloc(NULL, cut + 1);

		assert_non_null(part);
		memcpy(part, first, cut);
		begin(&c);
		/* one digit less is a number still */
		assert_int_equal(scram_client_challenge(&c, part, cut, 100) ==
					 SCRAM_OK,
				 cut == strlen(first) - 1);
		mem_free(part);
	}
	reach_final(&c, &right);
	for (size_t at = 0; at < right.len; at++) {
		struct scram_message bad = right;

		reach_final(&c, &right);
		assert_int_equal(scram_client_finish(&c, right.text, at),
				 SCRAM_MALFORMED);
		bad.text[at] ^= 1;
		reach_final(&c, &right);
		assert_int_not_equal(scram_client_finish(&c, bad.text, bad.len),
				     SCRAM_OK);
	}
	for (size_t at = 0; at < strlen(first); at++) {
		for (int b = 0; b < 256; b++) {
			memcpy(text, first, sizeof(first));
			text[at] = (char)b;
			begin(&c);
			(void)scram_client_challenge(&c, text, strlen(first),
						     100);
		}
	}
}

/* A step out of its turn ends the exchange. */
static void
test_order(void **state)
{
	struct scram_client c;
	struct scram_message out, right;

	(void)state;
	begin(&c);
	assert_int_equal(scram_client_answer(&c, &keys, &out), SCRAM_MALFORMED);
	begin(&c);
	assert_int_equal(scram_client_finish(&c, "v=" ZERO_V, 46),
			 SCRAM_MALFORMED);
	/* no signature is due before keys were given */
	begin(&c);
	assert_int_equal(challenge(&c, "r=" OWN "x,s=" SALT ",i=5"), SCRAM_OK);
	assert_int_equal(scram_client_finish(&c, "v=" ZERO_V, 46),
			 SCRAM_MALFORMED);
	reach_final(&c, &right);
	assert_int_equal(challenge(&c, "r=" OWN "x,s=" SALT ",i=5"),
			 SCRAM_MALFORMED);
}

static void
test_wiped(void **state)
{
	static const uint8_t zero[SCRAM_AUTH_MAX];
	struct scram_client c;
	struct scram_message right;

	(void)state;
	reach_final(&c, &right);
	scram_client_fini(&c);
	assert_memory_equal(c.signature, zero, sizeof(c.signature));
	assert_memory_equal(c.salt, zero, sizeof(c.salt));
	assert_memory_equal(c.auth.text, zero, sizeof(c.auth.text));
	assert_int_equal(c.state, SCRAM_STATE_FAILED);
}

static void
test_library_failure(void **state)
{
	struct scram_client c;
	struct scram_message out;

	(void)state;
	begin(&c);
	assert_int_equal(challenge(&c, "r=" OWN "x,s=" SALT ",i=5"), SCRAM_OK);
	assert_int_equal(EVP_set_default_properties(NULL, "no=where"), 1);
	assert_int_equal(scram_client_answer(&c, &keys, &out), SCRAM_CRYPTO);
	assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
	assert_int_equal(out.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc),
		cmocka_unit_test(test_both_roles),
		cmocka_unit_test(test_pass_through),
		cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_iterations_cap),
		cmocka_unit_test(test_long_nonces),
		cmocka_unit_test(test_huge_salt),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_server_error_text),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_wiped),
		cmocka_unit_test(test_library_failure),
	};

	return cmocka_run_group_tests(tests, make_keys, NULL);
}
