/*
 * A client's messages, with a server that does not answer.  The drive checks
 * conservation at every step; here: any cut of the input gives the same output
 * on both sides and the same orders.  First byte: the pool's mode, waiters,
 * and whether there is a server.
 */
#define FUZZ_PREFIX 1
#include "fuzz_drive.h"

static void
play(const uint8_t *data, size_t size, enum drive_cut cut, struct outcome *o)
{
	struct drive d;

	drive_init(&d, (enum pool_mode)(data[0] % 3), cut);
	d.is_strict = true;
	d.has_waiters = (data[0] & 4) != 0;
	d.holds_server = (data[0] & 8) != 0;
	d.seed = 1 + data[0];
	d.policy.max_packet_bytes = 100000;
	d.policy.simple_query_off = (data[0] & 16) != 0;
	drive_feed(&d, &d.c_in, (const char *)data + FUZZ_PREFIX,
		   size - FUZZ_PREFIX);
	if (data[0] & 32) {
		d.peer_eof = true;
		drive_pump(&d);
	}
	ASSERT(d.steps <= 16 * size + 200);
	o->to_client = d.to_client;
	o->to_server = d.to_server;
	o->log = d.log;
	d.to_client = d.to_server = d.log = (struct str){ 0 };
	if (d.is_linked) {
		drive_abandon(&d);
		ASSERT(pg_owed_is_sane(&((struct pg_back *)d.back)->owed));
	}
	drive_fini(&d);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	if (size > FUZZ_PREFIX && size <= 30000)
		play_all(play, data, size);
}
