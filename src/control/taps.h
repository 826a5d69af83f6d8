/*
 * Taps: the connections on which carpool listens for its clients, one for each
 * pool that has some.  Control thread, but for taps_submit.
 */
#ifndef CARPOOL_CONTROL_TAPS_H
#define CARPOOL_CONTROL_TAPS_H

#include "control/control.h"
#include "core/channels.h"

struct taps;

struct taps *taps_new(struct control *c);
/* No more connections; whoever waits is told. */
void taps_stop(struct taps *taps);
/* After the core has ended.  NULL is allowed. */
void taps_free(struct taps *taps);

#endif
