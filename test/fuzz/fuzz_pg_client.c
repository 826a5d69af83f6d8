/*
 * A client's messages, behind which a model server works.  The drive checks
 * conservation at every step; here: any cut of the input gives the same output
 * on both sides and the same orders.
 */
#include "fuzz_main.h"

#include "../unit/postgres/drive.h"

struct outcome {
	struct str to_client, to_server, log;
};

static void
play(const uint8_t *data, size_t size, enum drive_cut cut, struct outcome *o)
{
	struct drive d;

	drive_init(&d, (enum pool_mode)(data[0] % 3), cut);
	d.has_waiters = (data[0] & 4) != 0;
	d.seed = 1 + data[0];
	d.policy.max_packet_bytes = 100000;
	drive_feed(&d, &d.c_in, (const char *)data + 1, size - 1);
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
free_outcome(struct outcome *o)
{
	str_fini(&o->to_client);
	str_fini(&o->to_server);
	str_fini(&o->log);
}

static bool
is_same(const struct str *a, const struct str *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole;

	if (size < 2 || size > 30000)
		return 0;
	play(data, size, CUT_NONE, &whole);
	for (unsigned cut = CUT_BYTES; cut < CUTS; cut++) {
		struct outcome o;

		if (cut == CUT_BYTES && size > 2000)
			continue;
		play(data, size, (enum drive_cut)cut, &o);
		ASSERT(is_same(&whole.to_client, &o.to_client));
		ASSERT(is_same(&whole.to_server, &o.to_server));
		ASSERT(is_same(&whole.log, &o.log));
		free_outcome(&o);
	}
	free_outcome(&whole);
	return 0;
}
