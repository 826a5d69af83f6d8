/*
 * SASLprep (RFC 4013) of passwords, as PostgreSQL does it.  Any thread;
 * private to auth/.
 */
#ifndef CARPOOL_AUTH_SASLPREP_H
#define CARPOOL_AUTH_SASLPREP_H

#include <stddef.h>

enum saslprep_result {
	SASLPREP_DONE,      /* *out holds the prepared text */
	SASLPREP_UNCHANGED, /* ASCII alone: use the password as it is */
	SASLPREP_REFUSED,   /* not UTF-8, prohibited, or too long to prepare */
	SASLPREP_NO_MEMORY,
};

/*
 * Prepares password (NUL-terminated).  On SASLPREP_DONE *out is a new
 * NUL-terminated text which the caller frees with mem_wipe_str; otherwise it
 * is NULL.
 */
enum saslprep_result saslprep_password(const char *password, char **out);

#endif
