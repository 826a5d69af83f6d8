/*
 * What a reload shares with the start of the program.  Control thread.
 */
#ifndef CARPOOL_CONTROL_RELOAD_H
#define CARPOOL_CONTROL_RELOAD_H

#include "config/snapshot.h"

/* Logs errors and warnings, one line each. */
void reload_log_problems(const struct config_report *report);

#endif
