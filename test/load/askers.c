/*
 * askers: many clients of one pooler, each of which knows its own answers.
 *
 *     askers --port N [--askers N] [--answers N] ...
 *
 * Every question has a tag that is asked only once, and its answer bears it:
 * rows, column names, notices, errors, copy data, parameters.  The first
 * message that is foreign, out of order or missing is printed, and the program
 * ends with status 1; else it prints its counts as one JSON object.  --ledger
 * writes what the table iso_rows must hold: tag, rows, and "sure" or "maybe"
 * (all or none).
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "asker.h"

static const char *const fault_names[FAULTS] = {
	[FAULT_NONE] = "none",
	[FAULT_SENT] = "gone_sending",
	[FAULT_RECEIVED] = "gone_reading",
	[FAULT_TERMINATE] = "terminated",
	[FAULT_SLOW] = "slow",
	[FAULT_CANCEL] = "canceled",
	[FAULT_CANCEL_RUNNING] = "canceled_running",
};

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
print_counts(const struct counts *c, double seconds)
{
	const char *comma = "";

	printf("{\"answers\": %" PRIu64 ", \"asked\": %" PRIu64
	       ", \"lost\": %" PRIu64 ", \"dropped\": %" PRIu64
	       ", \"messages\": %" PRIu64 ", \"units\": %" PRIu64
	       ", \"logins\": %" PRIu64 ", \"cancels\": %" PRIu64
	       ", \"hits\": %" PRIu64 ", \"hits_running\": %" PRIu64
	       ", \"seconds\": %.1f",
	       c->answered, c->asked, c->lost, c->dropped, c->messages,
	       c->units, c->logins, c->cancels, c->hits, c->hits_running,
	       seconds);
	printf(", \"faults\": {");
	for (int i = FAULT_NONE + 1; i < FAULTS; i++) {
		printf("%s\"%s\": %" PRIu64, comma, fault_names[i],
		       c->faults[i]);
		comma = ", ";
	}
	printf("}, \"by_kind\": {");
	comma = "";
	for (int i = 0; i < KINDS; i++) {
		printf("%s\"%s\": %" PRIu64, comma, kind_names[i],
		       c->by_kind[i]);
		comma = ", ";
	}
	printf("}}\n");
}

static bool
is_done(const struct asker *askers, int n)
{
	for (int i = 0; i < n; i++)
		if (askers[i].state != ASKER_DONE || askers[i].cancel_fd >= 0)
			return false;
	return true;
}

static void
look_at_times(struct load *load, struct asker *askers)
{
	load->now = now_us();
	if (load->counts.answered >= load->options.answers)
		load->is_ending = true;
	for (int i = 0; i < load->options.askers; i++)
		asker_on_time(&askers[i]);
}

static void
run(struct load *load, struct asker *askers)
{
	struct epoll_event events[128];

	while (!is_done(askers, load->options.askers)) {
		int n = epoll_wait(load->epoll, events, 128, 1);

		load->now = now_us();
		for (int i = 0; i < n; i++) {
			struct asker *a = &askers[events[i].data.u64 / 2];

			if (events[i].data.u64 % 2 == 1)
				asker_on_cancel_event(a);
			else
				asker_on_event(a);
		}
		look_at_times(load, askers);
	}
}

static int
usage(void)
{
	fputs("usage: askers --port N [--host A] [--user U] [--database D]\n"
	      "  [--askers N] [--answers N] [--seed N] [--big BYTES]\n"
	      "  [--faults PER-THOUSAND] [--think-us N] [--patience-s N]\n"
	      "  [--ledger FILE] [--only KIND] [--no-dirt]\n",
	      stderr);
	return 2;
}

static bool
parse(struct options *o, int argc, char **argv)
{
	static const struct option table[] = {
		{ "host", required_argument, NULL, 'h' },
		{ "port", required_argument, NULL, 'p' },
		{ "user", required_argument, NULL, 'u' },
		{ "database", required_argument, NULL, 'd' },
		{ "askers", required_argument, NULL, 'n' },
		{ "answers", required_argument, NULL, 'a' },
		{ "seed", required_argument, NULL, 's' },
		{ "big", required_argument, NULL, 'b' },
		{ "faults", required_argument, NULL, 'f' },
		{ "think-us", required_argument, NULL, 't' },
		{ "patience-s", required_argument, NULL, 'w' },
		{ "ledger", required_argument, NULL, 'l' },
		{ "only", required_argument, NULL, 'o' },
		{ "no-dirt", no_argument, NULL, 'D' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		uint64_t n = optarg != NULL ? strtoull(optarg, NULL, 10) : 0;

		switch (c) {
		case 'h':
			o->host = optarg;
			break;
		case 'p':
			o->port = (uint16_t)n;
			break;
		case 'u':
			o->user = optarg;
			break;
		case 'd':
			o->database = optarg;
			break;
		case 'n':
			o->askers = (int)n;
			break;
		case 'a':
			o->answers = n;
			break;
		case 's':
			o->seed = n;
			break;
		case 'b':
			o->big = (uint32_t)n;
			break;
		case 'f':
			o->faults = (uint32_t)n;
			break;
		case 't':
			o->think_us = (uint32_t)n;
			break;
		case 'w':
			o->patience_us = (int64_t)n * 1000000;
			break;
		case 'l':
			o->ledger = optarg;
			break;
		case 'o':
			o->only = optarg;
			break;
		case 'D':
			o->has_dirt = false;
			break;
		default:
			return false;
		}
	}
	return o->port != 0 && o->askers > 0 && o->askers <= ASKERS_MAX &&
	       o->big >= 64 && o->big <= 100000 && o->think_us > 0;
}

int
main(int argc, char **argv)
{
	static struct asker askers[ASKERS_MAX];
	static struct load load = {
		.options = {
			.host = "127.0.0.1",
			.user = "app",
			.database = "test",
			.askers = 200,
			.answers = 10000,
			.seed = 1,
			.big = 60000,
			.faults = 20,
			.think_us = 3000,
			.patience_us = 30000000,
			.has_dirt = true,
		},
	};
	const struct counts *c = &load.counts;
	int64_t began;

	if (!parse(&load.options, argc, argv))
		return usage();
	signal(SIGPIPE, SIG_IGN);
	load.dice.state = load.options.seed * 0x9e3779b97f4a7c15ull | 1;
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load.options.ledger != NULL) {
		load.ledger = fopen(load.options.ledger, "w");
		if (load.ledger == NULL) {
			perror(load.options.ledger);
			return 2;
		}
	}
	load.now = began = now_us();
	for (int i = 0; i < load.options.askers; i++)
		asker_init(&askers[i], &load, i);
	run(&load, askers);
	if (load.ledger != NULL && fclose(load.ledger) != 0) {
		perror(load.options.ledger);
		return 2;
	}
	print_counts(c, (double)(now_us() - began) / 1e6);
	if (c->asked != c->answered + c->lost + c->dropped) {
		fputs("askers: answers are missing\n", stderr);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
