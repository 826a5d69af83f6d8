/*
 * PostgreSQL's md5 login: both directions.
 *
 * Pure functions, any thread, nothing is allocated by us.  MD5 may be missing
 * (a FIPS provider): every function then fails rather than guess.
 * PostgreSQL manual, "Message Flow", AuthenticationMD5Password.
 */
#ifndef CARPOOL_AUTH_PG_MD5_H
#define CARPOOL_AUTH_PG_MD5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PG_MD5_SALT_BYTES 4u
#define PG_MD5_TEXT_BYTES 35u               /* "md5" and 32 hex digits */
#define PG_MD5_ROOM (PG_MD5_TEXT_BYTES + 1) /* with the NUL */

/*
 * Writes what a server stores for this password: "md5" and the hex digest of
 * password and user name.  Both NUL-terminated.  False: no MD5; out is "".
 */
bool pg_md5_secret(const char *password, const char *user,
		   char out[PG_MD5_ROOM]);

/*
 * Writes the password message's text that answers salt, from a clear-text or
 * an md5 secret of the server's user.  False, with out "", when the secret is
 * of another kind (NULL, empty, a SCRAM verifier) or MD5 is missing.
 */
bool pg_md5_response(const char *secret, const char *user,
		     const uint8_t salt[PG_MD5_SALT_BYTES],
		     char out[PG_MD5_ROOM]);

/*
 * Is response (len bytes, not terminated) the right answer to salt?  secret
 * may be NULL or of a kind that cannot answer, as for an unknown user: false
 * then, after the same work as for a known one.  Compares in constant time.
 */
bool pg_md5_verify(const char *secret, const char *user,
		   const uint8_t salt[PG_MD5_SALT_BYTES], const void *response,
		   size_t len);

#endif
