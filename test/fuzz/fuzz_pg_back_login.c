/*
 * What comes from a server that is logged in to, hostile ones included.  Any
 * cut gives the same output and the same orders.  First byte: what is known of
 * the user, and the settings.
 */
#define FUZZ_PREFIX 1
#include "fuzz_drive.h"

/* Keys that a client proved, and a clear-text secret only now and then: its
 * PBKDF2 would take all the time. */
static void
play(const uint8_t *data, size_t size, enum drive_cut cut, struct outcome *out)
{
	static const uint8_t key[32] = { 1, 2, 3 };
	struct credential cred = { .user = "u", .secret = "" };
	struct drive d;

	drive_init(&d, POOL_TRANSACTION, cut);
	d.is_strict = true;
	d.has_client = false;
	d.policy.connect_query = data[0] & 2 ? "select 1" : "";
	d.policy.client_encoding = data[0] & 4 ? "LATIN1" : "";
	if ((data[0] & 0xf1) == 0xf1)
		cred.secret = "pw";
	else if (data[0] & 8)
		cred.secret = "md551a7ed06a09e0cd3379f6bffdd0ac556";
	else
		cred.client_key = cred.server_key = key;
	pg_back_ops.close(d.back);
	d.back = pg_back_ops.open(&cred, "db", (struct startup_words){ 0 },
				  &d.policy);
	ASSERT(d.back != NULL);
	drive_pump(&d);
	drive_feed(&d, &d.s_in, (const char *)data + FUZZ_PREFIX,
		   size - FUZZ_PREFIX);
	ASSERT(d.steps <= 4 * size + 64);
	outcome_take(out, &d);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	if (size > FUZZ_PREFIX && size <= 12000)
		play_all(play, data, size);
}
