/*
 * What the fuzz targets of the protocol have in common: what came out of a
 * drive, compared for every cut of the input, and a bound on the steps.
 */
#ifndef CARPOOL_TEST_FUZZ_FUZZ_DRIVE_H
#define CARPOOL_TEST_FUZZ_FUZZ_DRIVE_H

#include "../unit/postgres/drive.h"
#include "fuzz_main.h"

/* Inputs of more bytes are not fed byte by byte. */
#define FUZZ_BYTES_MAX 2000u

struct outcome {
	struct str to_client, to_server, log;
};

/* Takes the outcome out of a drive and ends it. */
static inline void
outcome_take(struct outcome *o, struct drive *d)
{
	drive_drain(&d->c_out, &d->to_client);
	drive_drain(&d->s_out, &d->to_server);
	o->to_client = d->to_client;
	o->to_server = d->to_server;
	o->log = d->log;
	d->to_client = d->to_server = d->log = (struct str){ 0 };
	drive_fini(d);
}

static inline void
outcome_fini(struct outcome *o)
{
	str_fini(&o->to_client);
	str_fini(&o->to_server);
	str_fini(&o->log);
}

static inline bool
is_same(const struct str *a, const struct str *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static inline void
outcome_show(const char *what, const struct outcome *o)
{
	struct str client = { 0 }, server = { 0 };

	drive_show(&client, (const uint8_t *)str_text(&o->to_client),
		   o->to_client.len, true);
	drive_show(&server, (const uint8_t *)str_text(&o->to_server),
		   o->to_server.len, false);
	fprintf(stderr, "%s\n\tto client: %s\n\tto server: %s\n\torders: %s\n",
		what, str_text(&client), str_text(&server), str_text(&o->log));
	str_fini(&client);
	str_fini(&server);
}

/* The splitting law; b is freed. */
static inline void
outcome_compare(const struct outcome *a, struct outcome *b)
{
	bool same = is_same(&a->to_client, &b->to_client) &&
		    is_same(&a->to_server, &b->to_server) &&
		    is_same(&a->log, &b->log);

	if (!same) {
		outcome_show("whole:", a);
		outcome_show("in pieces:", b);
	}
	ASSERT(same);
	outcome_fini(b);
}

/* Plays the input whole and in every cut. */
typedef void play_fn(const uint8_t *data, size_t size, enum drive_cut cut,
		     struct outcome *o);

static inline void
play_all(play_fn *play, const uint8_t *data, size_t size)
{
	struct outcome whole, other;

	play(data, size, CUT_NONE, &whole);
	for (unsigned cut = CUT_BYTES; cut < CUTS; cut++) {
		if (cut == CUT_BYTES && size > FUZZ_BYTES_MAX)
			continue;
		play(data, size, (enum drive_cut)cut, &other);
		outcome_compare(&whole, &other);
	}
	outcome_fini(&whole);
}

#endif
