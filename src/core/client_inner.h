/*
 * What the files of the client share with each other and with nobody else.
 */
#ifndef CARPOOL_CORE_CLIENT_INNER_H
#define CARPOOL_CORE_CLIENT_INNER_H

#include "core/client.h"

/* The callback of its timer. */
void client_on_timer(struct timer *timer);

/* Sets its timer for the first of its times, unless it fires before. */
void client_arm(struct client *c);

/* As client_arm, at the end of a turn: most often there is nothing to do. */
void client_arm_if_due(struct client *c, usec_t now);

#endif
