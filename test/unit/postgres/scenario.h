/*
 * Scenarios: what a client and a server say in turn, and what each of them and
 * the core is told.  Each runs whole, byte by byte and at random cuts.
 */
#ifndef CARPOOL_TEST_UNIT_POSTGRES_SCENARIO_H
#define CARPOOL_TEST_UNIT_POSTGRES_SCENARIO_H

#include "drive.h"

enum who { CLIENT, SERVER, GONE, END_OF_CLIENT, NEWS, IN_PLACE };

struct move {
	enum who who;
	const char *say;
};

#define MOVES 14

struct scenario {
	const char *name;
	enum pool_mode mode;
	bool no_prepared;      /* max_prepared_statements = 0 */
	bool hears;            /* on_listen = emulate */
	uint32_t max_prepared; /* max_prepared_statements; 0: many */
	const char *start[2];  /* a setting of the client's startup packet */
	struct move moves[MOVES];
	const char *to_client;
	const char *to_server;
	const char *log;
};

static inline void
scenario_run(const struct scenario *s, enum drive_cut cut, unsigned seed)
{
	struct str client = { 0 }, server = { 0 };
	struct drive d;

	drive_init(&d, s->mode, cut);
	d.seed = seed;
	if (s->no_prepared)
		d.policy.max_prepared_statements = 0;
	if (s->hears)
		drive_hears(&d);
	if (s->max_prepared > 0)
		d.policy.max_prepared_statements = s->max_prepared;
	if (s->start[0] != NULL)
		drive_start_value(&d, s->start[0], s->start[1]);
	for (size_t i = 0; i < MOVES && s->moves[i].say != NULL; i++) {
		const struct move *m = &s->moves[i];

		if (m->who == CLIENT) {
			drive_client(&d, m->say);
		} else if (m->who == SERVER) {
			drive_server(&d, m->say);
		} else if (m->who == GONE) {
			drive_abandon(&d);
		} else if (m->who == NEWS) {
			d.has_news = true;
		} else if (m->who == IN_PLACE) {
			drive_in_place(&d);
		} else {
			d.peer_eof = true;
			drive_pump(&d);
		}
	}
	drive_show(&client, (uint8_t *)d.to_client.data, d.to_client.len, true);
	drive_show(&server, (uint8_t *)d.to_server.data, d.to_server.len,
		   false);
	if (strcmp(str_text(&client), s->to_client) != 0 ||
	    strcmp(str_text(&server), s->to_server) != 0 ||
	    strcmp(str_text(&d.log), s->log) != 0)
		print_message("%s, cut %d, seed %u:\n client %s\n server %s\n "
			      "orders %s\n",
			      s->name, (int)cut, seed, str_text(&client),
			      str_text(&server), str_text(&d.log));
	assert_string_equal(str_text(&client), s->to_client);
	assert_string_equal(str_text(&server), s->to_server);
	assert_string_equal(str_text(&d.log), s->log);
	str_fini(&client);
	str_fini(&server);
	drive_fini(&d);
}

static inline void
scenarios_run(const struct scenario *s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		scenario_run(&s[i], CUT_NONE, 1);
		scenario_run(&s[i], CUT_BYTES, 1);
		for (unsigned seed = 1; seed <= 20; seed++)
			scenario_run(&s[i], CUT_RANDOM, seed);
	}
}

#endif
