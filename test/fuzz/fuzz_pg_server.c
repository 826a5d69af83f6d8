/*
 * A server's messages, as answers to a client's pipeline that the input's
 * first bytes choose.  The drive checks conservation at every step; here: any
 * cut gives the same output on both sides and the same orders.
 */
#define FUZZ_PREFIX 2
#include "fuzz_drive.h"

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
	d.is_strict = true;
	if (data[0] & 4)
		drive_start_value(&d, "TimeZone", "CET");
	if (data[0] & 8)
		drive_start_value(&d, "application_name", "me");
	drive_client(&d, pipelines[data[1] % COUNT_OF(pipelines)]);
	if ((data[0] & 16) && d.is_linked)
		drive_abandon(&d);
	d.cut = cut;
	d.seed = 1 + data[0];
	drive_feed(&d, &d.s_in, (const char *)data + FUZZ_PREFIX,
		   size - FUZZ_PREFIX);
	ASSERT(d.steps <= 16 * size + 200);
	outcome_take(o, &d);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	if (size > FUZZ_PREFIX && size <= 30000)
		play_all(play, data, size);
}
