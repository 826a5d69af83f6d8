/*
 * Unpredictable bytes from OpenSSL's private generator.  Any thread.
 */
#include "auth/entropy.h"

#include <limits.h>

#include <openssl/rand.h>

#include "base/log.h"
#include "base/mem.h"

void
auth_random(void *out, size_t len)
{
	ASSERT(len <= INT_MAX);
	if (RAND_bytes(out, (int)len) == 1)
		return;
	log_event(LOG_ERROR, "entropy_failed",
		  "reason=\"the random number generator gives no bytes\"");
	mem_assert_failed("the random number generator gives bytes "
			  "(RAND_bytes)",
			  __FILE__, __LINE__);
}

void
auth_mock_init(struct auth_mock *mock)
{
	auth_random(mock->secret, sizeof(mock->secret));
}

void
auth_mock_fini(struct auth_mock *mock)
{
	mem_wipe(mock, sizeof(*mock));
}
