/*
 * A client's command, for the files that carry them out.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_FRONT_COMMAND_H
#define CARPOOL_SRC_MYSQL_MY_FRONT_COMMAND_H

#include "my_front.h"

/* A text up to this is waited for, so that a slow sender holds no server. */
#define TEXT_WAIT 8192u

/* The command at the beginning, as far as it was looked at. */
struct command {
	struct my_head head;
	uint8_t first[MY_COMMAND_HEAD];
	const struct my_command_info *info;
};

static inline struct order
my_front_no_memory(void)
{
	return order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
}

/* Answers it by an OK, or an error. */
struct order my_front_ok(struct my_front *f, struct turn *t,
			 const struct command *c);
struct order my_front_error(struct my_front *f, struct turn *t,
			    const struct command *c, unsigned code,
			    const char *text);

/* Sends a command whose text is looked at as it passes. */
struct order my_front_send_long(struct my_front *f, struct turn *t,
				const struct command *c);

/* Why a text must not be run here; REASON_NONE: it may. */
enum reason my_front_refusal(uint64_t flags, const struct policy *policy);

/* The order that asks for a server. */
struct order my_front_need_server(struct my_front *f, struct turn *t);

#endif
