/*
 * Console requests inside the core; see struct console_request in core.h.
 */
#ifndef CARPOOL_CORE_REQUEST_H
#define CARPOOL_CORE_REQUEST_H

#include "core/core.h"

/* Frees a request with all that it owns; NULL is allowed. */
void console_request_free(struct console_request *r);

#endif
