/*
 * The list of protocols.  Constant; any thread.
 */
#include "protocols.h"

#include "mysql/mywire.h"
#include "postgres/pgwire.h"

const struct front_ops *const *
protocols_fronts(void)
{
	static const struct front_ops *const fronts[PROTOCOLS] = {
		[PROTOCOL_POSTGRES] = &pg_front_ops,
		[PROTOCOL_MYSQL] = &my_front_ops,
	};

	return fronts;
}
