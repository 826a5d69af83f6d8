/*
 * The list of protocols.  Constant; any thread.
 */
#include "protocols.h"

#include "postgres/pgwire.h"

const struct front_ops *
protocols_front(void)
{
	return &pg_front_ops;
}
