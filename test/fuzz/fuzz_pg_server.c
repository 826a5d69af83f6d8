/*
 * A server's messages, as answers to a client's pipeline that the input's
 * first bytes choose.  The drive checks conservation at every step; here: any
 * cut gives the same output on both sides and the same orders.
 */
#include "fuzz_main.h"

#include "../unit/postgres/drive.h"

struct outcome {
	struct str to_client, to_server, log;
};

static const char *const pipelines[] = {
	"",
	"Q:select 1",
	"P::a|DS:|B::|DP:|E:|CP:|S",
	"P::a|B::|E:|S|Q:b|F|S",
	"Q:copy|d:x|c",
	"P::copy|B::|E:|S|d:x|c|S",
	"P::copy|B::|E:|S|S|d:x",
	"P:named:x|B:p:named|E:p|S",
	"P::a|H",
};

static void
play(const uint8_t *data, size_t size, enum drive_cut cut, struct outcome *o)
{
	struct drive d;

	drive_init(&d, (enum pool_mode)(data[0] % 3), CUT_NONE);
	if (data[0] & 4)
		drive_start_value(&d, "TimeZone", "CET");
	if (data[0] & 8)
		drive_start_value(&d, "application_name", "me");
	drive_client(&d, pipelines[data[1] % COUNT_OF(pipelines)]);
	if ((data[0] & 16) && d.is_linked)
		drive_abandon(&d);
	d.cut = cut;
	d.seed = 1 + data[0];
	drive_feed(&d, &d.s_in, (const char *)data + 2, size - 2);
	o->to_client = d.to_client;
	o->to_server = d.to_server;
	o->log = d.log;
	d.to_client = d.to_server = d.log = (struct str){ 0 };
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

	if (size < 3 || size > 30000)
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
