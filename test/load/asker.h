/*
 * An asker: one client that logs in, asks unit after unit and judges each
 * message; now and then it vanishes, cancels or stops reading for a while.
 */
#ifndef LOAD_ASKER_H
#define LOAD_ASKER_H

#include <stdio.h>

#include "unit.h"

enum {
	ASKERS_MAX = 512,
	IN_BYTES = 256 << 10,
};

enum asker_state {
	ASKER_OFF, /* connects when it is time */
	ASKER_CONNECTING,
	ASKER_LOGIN,
	ASKER_IDLE, /* asks when it is time */
	ASKER_BUSY,
	ASKER_DONE,
};

/* What goes wrong in a unit. */
enum fault {
	FAULT_NONE,
	FAULT_SENT,           /* gone when so many bytes were sent */
	FAULT_RECEIVED,       /* gone when so many bytes came */
	FAULT_TERMINATE,      /* all, a Terminate, and gone */
	FAULT_SLOW,           /* stops reading for a while */
	FAULT_CANCEL,         /* after a while */
	FAULT_CANCEL_RUNNING, /* a while after the first answer */
	FAULTS,
};

struct options {
	const char *host;
	uint16_t port;
	const char *user, *database;
	const char *ledger; /* where to write what must be in the table */
	int askers;
	uint64_t answers; /* how many at least */
	uint64_t seed;
	uint32_t big;        /* bytes of large messages */
	uint32_t faults;     /* per thousand units, each of both kinds */
	uint32_t think_us;   /* longest pause between units */
	int64_t patience_us; /* longest wait for an answer */
	const char *only;    /* a kind's name, or NULL */
	bool has_dirt;
};

struct counts {
	uint64_t asked, answered; /* answers */
	uint64_t lost;            /* whose asker vanished */
	uint64_t dropped;         /* skipped after an own cancel */
	uint64_t by_kind[KINDS];  /* answered */
	uint64_t messages, units, logins;
	uint64_t faults[FAULTS];
	uint64_t cancels;
	uint64_t hits, hits_running; /* of all, of those with a server */
};

struct load {
	struct options options;
	struct counts counts;
	struct dice dice;
	int epoll;
	int64_t now;  /* microseconds */
	FILE *ledger; /* owns; or NULL */
	bool is_ending;
};

struct asker {
	struct load *load; /* borrows: for good */
	enum asker_state state;
	int fd, cancel_fd; /* -1: none */
	bool cancel_is_sent;
	int64_t wake;    /* when it goes on by itself; 0: never */
	int64_t since;   /* of the last sign of life while busy */
	int64_t read_at; /* reads again then; 0: reads */
	int64_t cancel_at;
	uint32_t events; /* as epoll knows them */
	size_t sent;     /* bytes of the unit */
	size_t received; /* in this unit */
	enum fault fault;
	size_t fault_at;
	bool has_canceled; /* in this unit, or after it but not yet closed */
	bool is_loose;     /* an own cancel hit */
	unsigned readies;  /* that must come before the unit is over */
	char status;       /* of the last ReadyForQuery */
	uint8_t key[8];
	struct self self;
	size_t in_len;
	uint8_t in[IN_BYTES];
	struct unit unit;
};

void asker_init(struct asker *a, struct load *load, int id);

/* Something is readable or writable; or it is time. */
void asker_on_event(struct asker *a);
void asker_on_cancel_event(struct asker *a);
void asker_on_time(struct asker *a);

/* Says what is wrong and ends the program. */
_Noreturn void asker_fail(const struct asker *a, const char *what,
			  const struct message *m);

#endif
