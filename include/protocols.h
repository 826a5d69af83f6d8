/*
 * The protocols that this program speaks.  Nothing above the protocols' own
 * folders names one but protocols.c.
 */
#ifndef CARPOOL_PROTOCOLS_H
#define CARPOOL_PROTOCOLS_H

#include "proto/protocol.h"

/* The way in which clients speak; constant, never NULL.  Any thread. */
const struct front_ops *protocols_front(void);

#endif
