/*
 * The protocols that this program speaks.  Nothing above the protocols' own
 * folders names one but protocols.c.
 */
#ifndef CARPOOL_PROTOCOLS_H
#define CARPOOL_PROTOCOLS_H

#include "proto/protocol.h"

/* The ways in which clients speak, by enum protocol; constant, none is NULL.
 * Any thread. */
const struct front_ops *const *protocols_fronts(void);

#endif
