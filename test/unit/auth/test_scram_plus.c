/* SCRAM-SHA-256-PLUS: logins that are tied to the channel, or should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/scram.h"
#include "auth/scram_text.h"
#include "base/mem.h"

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

static struct scram_binding
binding(enum scram_plus plus, const char *data)
{
	struct scram_binding b = { .plus = plus, .len = strlen(data) };

	memcpy(b.data, data, b.len);
	return b;
}

/* Where both roles with these bindings end. */
static enum scram_status
meet(const struct scram_binding *server, const struct scram_binding *client)
{
	struct scram_message up, down;
	struct scram_client c;
	struct scram_server s;
	enum scram_status status;

	scram_server_begin(&s, &verifier, raw);
	scram_server_bind(&s, server);
	scram_client_begin(&c, raw, client, &up);
	status = scram_server_first(&s, up.text, up.len, &down);
	if (status != SCRAM_OK)
		return status;
	assert_int_equal(scram_client_challenge(&c, down.text, down.len, 5),
			 SCRAM_OK);
	assert_int_equal(scram_client_answer(&c, &keys, &up), SCRAM_OK);
	status = scram_server_final(&s, up.text, up.len, &down);
	if (status == SCRAM_OK)
		assert_int_equal(scram_client_finish(&c, down.text, down.len),
				 SCRAM_OK);
	return status;
}

#define FULL "0123456789012345678901234567890123456789012345678901234567890123"

#define NONE SCRAM_PLUS_NONE
#define OFFERED SCRAM_PLUS_OFFERED
#define CHOSEN SCRAM_PLUS_CHOSEN

static void
both_roles(void **state)
{
	static const struct {
		enum scram_plus server;
		const char *its;
		enum scram_plus client;
		const char *mine;
		enum scram_status status;
	} rows[] = {
		{ NONE, "", NONE, "", SCRAM_OK },
		{ OFFERED, "cert", NONE, "", SCRAM_OK },
		/* TLS ends between the two. */
		{ NONE, "", OFFERED, "cert", SCRAM_OK },
		{ CHOSEN, "cert", CHOSEN, "cert", SCRAM_OK },
		{ CHOSEN, FULL, CHOSEN, FULL, SCRAM_OK },
		/* -PLUS was taken from the list on its way. */
		{ OFFERED, "cert", OFFERED, "cert", SCRAM_DOWNGRADE },
		{ CHOSEN, "cert", CHOSEN, "tree", SCRAM_BINDING_MISMATCH },
		{ CHOSEN, "cert", CHOSEN, "certs", SCRAM_BINDING_MISMATCH },
		{ CHOSEN, "cert", CHOSEN, "", SCRAM_BINDING_MISMATCH },
		{ CHOSEN, "cert", NONE, "", SCRAM_CHANNEL_BINDING },
		{ CHOSEN, "cert", OFFERED, "cert", SCRAM_CHANNEL_BINDING },
		{ OFFERED, "cert", CHOSEN, "cert", SCRAM_CHANNEL_BINDING },
		{ NONE, "", CHOSEN, "cert", SCRAM_CHANNEL_BINDING },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct scram_binding s = binding(rows[i].server, rows[i].its);
		struct scram_binding c = binding(rows[i].client, rows[i].mine);

		if (meet(&s, &c) != rows[i].status)
			fail_msg("row %zu: %s", i,
				 scram_status_text(meet(&s, &c)));
	}
}

static void
headers(void **state)
{
	static const struct {
		const char *first;
		enum scram_status status;
	} rows[] = {
		{ "p=tls-server-end-point,,n=,r=abc", SCRAM_OK },
		{ "p=tls-server-end-point,a=x,n=,r=abc", SCRAM_AUTHZID },
		{ "p=tls-unique,,n=,r=abc", SCRAM_CHANNEL_BINDING },
		{ "p=tls-server-end-pointed,,n=,r=abc", SCRAM_MALFORMED },
		{ "p=tls-server-end-poin,,n=,r=abc", SCRAM_CHANNEL_BINDING },
		{ "p=tls-server-end-point,n=,r=abc", SCRAM_MALFORMED },
		{ "p=tls-server-end-point,", SCRAM_MALFORMED },
		{ "p=tls-server-end-point", SCRAM_MALFORMED },
		{ "p=", SCRAM_CHANNEL_BINDING },
		{ "p", SCRAM_CHANNEL_BINDING },
		{ "n,,n=,r=abc", SCRAM_CHANNEL_BINDING },
		{ "x,,n=,r=abc", SCRAM_MALFORMED },
	};
	struct scram_binding b = binding(SCRAM_PLUS_CHOSEN, "cert");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct scram_message out;
		struct scram_server s;
		enum scram_status status;

		scram_server_begin(&s, &verifier, raw);
		scram_server_bind(&s, &b);
		status = scram_server_first(&s, rows[i].first,
					    strlen(rows[i].first), &out);
		if (status != rows[i].status)
			fail_msg("%s: %s", rows[i].first,
				 scram_status_text(status));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_roles),
		cmocka_unit_test(headers),
	};

	return cmocka_run_group_tests(tests, make_keys, NULL);
}
