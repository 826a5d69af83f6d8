/* EXPLAIN PIN of statements for MySQL; see proto/protocol.h. */
#ifndef CARPOOL_SRC_MYSQL_MY_EXPLAIN_H
#define CARPOOL_SRC_MYSQL_MY_EXPLAIN_H

#include "proto/protocol.h"

/* back_ops.explain */
void my_explain(const char *text, const struct policy *policy,
		void (*row)(void *arg, const struct explain_row *row),
		void *arg);

#endif
