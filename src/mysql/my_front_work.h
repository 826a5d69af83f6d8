/*
 * What a client's login by caching_sha2_password costs in CPU, on a helper
 * thread: RSA, and thousands of digests.
 *
 * The work owns copies of all that it needs but the key and the cache, so the
 * client may vanish meanwhile.  Private to my_front_login.c.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_FRONT_WORK_H
#define CARPOOL_SRC_MYSQL_MY_FRONT_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/key_cache.h"
#include "auth/my_sha2.h"
#include "auth/rsa_key.h"

/* A password as it came, and whose it is said to be; borrows all. */
struct my_login_proof {
	struct key_cache *keys; /* or NULL */
	struct rsa_key *rsa;    /* NULL: the password came in clear */
	const char *user;
	const char *secret; /* NULL = a mock */
	const uint8_t *message;
	size_t len;
	uint8_t scramble[MY_SCRAMBLE_BYTES];
};

struct my_login_work;

/* NULL: out of memory. */
struct my_login_work *my_login_work_new(const struct my_login_proof *proof);

/* HELPER THREAD.  Makes our key if it is not there. */
void my_login_work_key(void *arg);

/* HELPER THREAD.  Judges the password, and keeps what it proved. */
void my_login_work_password(void *arg);

/* Did it end well?  A password's stage 1 goes into stage1, NULL: not wanted. */
bool my_login_work_ok(const struct my_login_work *w,
		      uint8_t stage1[MY_SHA2_BYTES]);

/* Wipes and frees. */
void my_login_work_drop(void *arg);

/* The stage 1 of a secret, if it is clear text or was kept; false: it is not
 * known. */
bool my_login_stage1(struct key_cache *keys, const char *user,
		     const char *secret, uint8_t stage1[MY_SHA2_BYTES]);

#endif
