/*
 * What servers say before anybody has logged in, for protocols whose server
 * speaks first: a client is greeted with what all servers of the protocol's
 * entries have in common.
 *
 * It is asked for when the first client comes and after each reload, by a
 * connection to each host that says nothing and reads what it is told.
 */
#ifndef CARPOOL_CORE_GREETING_H
#define CARPOOL_CORE_GREETING_H

#include <stdatomic.h>
#include <stdbool.h>

#include "io/loop.h"

struct asking;
struct core;

struct kept_facts {
	const void *facts; /* refs */
	struct kept_facts *next;
};

/* Of one protocol. */
struct greeting {
	struct mail mail;  /* for the way to the control loop */
	struct core *core; /* borrows */
	unsigned protocol;
	_Atomic bool is_wanted;      /* the mail is out */
	_Atomic(const void *) facts; /* borrows from kept; NULL: not known */
	/* The control thread's: */
	struct kept_facts *kept; /* owns; newest first */
	struct asking *asking;   /* owns: under way, or NULL */
};

/* Those of a new core, before any other thread is. */
void greeting_init(struct core *core);

/*
 * The facts to greet a client of this protocol with, kept until the core is
 * freed, or NULL: none are known.  Any thread.
 */
const void *greeting_facts(struct core *core, unsigned protocol);

/*
 * Has the servers asked; the clients that wait are told when the answer is
 * there, or that none came.  Any thread.
 */
void greeting_want(struct core *core, unsigned protocol);

/* A new snapshot is in force: its servers may say something else.  Control
 * thread. */
void greeting_renew(struct core *core);

/* The questions that are out come to nothing; control thread, after the last
 * turn of its loop. */
void greeting_fini(struct core *core);

#endif
