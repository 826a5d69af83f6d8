/*
 * A tiny wire protocol, for tests of the core: as small as a protocol can be
 * that has logins, transactions, hidden exchanges and cancels.
 *
 * Every message is a type byte, two bytes of length (big endian) and as many
 * bytes of payload.  Both sides are pure functions, as the real ones are.
 *
 * From a client:
 *   L login: "user\0database\0mode\0"; mode "" = nothing to prepare, "go" = a
 *            prelude that need not be confirmed, "wait" = one that must be,
 *            "hello" = a notice during the login
 *   K cancel request: the key
 *   J login, but a job is run first
 *   Q query, B begin, C commit: go to a server
 *   U a message that no answer belongs to (as CopyData)
 *   X good-bye
 * To a client: R login done (its key), E error (scope byte, text), N notice,
 * and what servers answer.
 *
 * To a server: S login (user), V prelude, R reset, H check, O rollback, K
 * cancel, X good-bye, and what clients send.
 * From a server: A login accepted (8 bytes of key), F login refused for all, f
 * for this connection, D data, N notice, Z end of an answer: I (idle), T (in
 * transaction), S (idle, to be reset), D (idle, to be closed), P (pinned by a
 * temporary table), p (by that and by a channel).
 */
#ifndef TEST_FAKE_TINY_H
#define TEST_FAKE_TINY_H

#include "proto/protocol.h"

#define TINY_HEADER 3u
#define TINY_DIGEST 0x5eedu /* of whatever pins */

extern const struct front_ops tiny_front;
/* The same for every protocol. */
extern const struct front_ops *const tiny_fronts[PROTOCOLS];
extern const struct back_ops tiny_back;

/* States that are open now; for tests that nothing is lost or freed twice. */
unsigned tiny_fronts_open(void);
unsigned tiny_backs_open(void);

#endif
