/*
 * The bits by which a client and a server agree on what they speak, and what
 * carpool makes of each.  MySQL's are one word of 32 bits; MariaDB has a
 * second word, which means something only when a greeting's bit
 * MY_CLIENT_MYSQL is clear.  Owns nothing; any thread.  MySQL Internals,
 * "Capability Flags"; MariaDB, "Connecting".
 */
#ifndef CARPOOL_SRC_MYSQL_MY_CAPS_H
#define CARPOOL_SRC_MYSQL_MY_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "my_bytes.h"

#define MY_CLIENT_MYSQL 0x00000001u /* LONG_PASSWORD; clear: MariaDB */
#define MY_CLIENT_FOUND_ROWS 0x00000002u
#define MY_CLIENT_LONG_FLAG 0x00000004u
#define MY_CLIENT_CONNECT_WITH_DB 0x00000008u
#define MY_CLIENT_NO_SCHEMA 0x00000010u
#define MY_CLIENT_COMPRESS 0x00000020u
#define MY_CLIENT_ODBC 0x00000040u
#define MY_CLIENT_LOCAL_FILES 0x00000080u
#define MY_CLIENT_IGNORE_SPACE 0x00000100u
#define MY_CLIENT_PROTOCOL_41 0x00000200u
#define MY_CLIENT_INTERACTIVE 0x00000400u
#define MY_CLIENT_SSL 0x00000800u
#define MY_CLIENT_IGNORE_SIGPIPE 0x00001000u
#define MY_CLIENT_TRANSACTIONS 0x00002000u /* OK and EOF have a status */
#define MY_CLIENT_RESERVED 0x00004000u
#define MY_CLIENT_SECURE_CONNECTION 0x00008000u
#define MY_CLIENT_MULTI_STATEMENTS 0x00010000u
#define MY_CLIENT_MULTI_RESULTS 0x00020000u
#define MY_CLIENT_PS_MULTI_RESULTS 0x00040000u
#define MY_CLIENT_PLUGIN_AUTH 0x00080000u
#define MY_CLIENT_CONNECT_ATTRS 0x00100000u
#define MY_CLIENT_LENENC_AUTH 0x00200000u /* PLUGIN_AUTH_LENENC_CLIENT_DATA */
#define MY_CLIENT_EXPIRED_PASSWORDS 0x00400000u
#define MY_CLIENT_SESSION_TRACK 0x00800000u
#define MY_CLIENT_DEPRECATE_EOF 0x01000000u
#define MY_CLIENT_OPTIONAL_METADATA 0x02000000u
#define MY_CLIENT_ZSTD 0x04000000u
#define MY_CLIENT_QUERY_ATTRIBUTES 0x08000000u
#define MY_CLIENT_MULTI_FACTOR 0x10000000u
#define MY_CLIENT_CAPABILITY_EXTENSION 0x20000000u
#define MY_CLIENT_SSL_VERIFY 0x40000000u
#define MY_CLIENT_REMEMBER_OPTIONS 0x80000000u

#define MY_MARIADB_PROGRESS 0x00000001u
#define MY_MARIADB_COM_MULTI 0x00000002u
#define MY_MARIADB_BULK 0x00000004u
#define MY_MARIADB_EXTENDED_METADATA 0x00000008u
#define MY_MARIADB_CACHE_METADATA 0x00000010u
#define MY_MARIADB_BULK_UNIT_RESULTS 0x00000020u

/*
 * Never offered to a client and never asked of a server: what carpool has not
 * (compression; TLS, which is offered by the settings), what changes the layout
 * of requests, and what no shared connection can keep.  With CACHE_METADATA a
 * server leaves out the definitions that it believes the client to have; but a
 * statement of several clients was described to one of them.  QUERY_ATTRIBUTES
 * puts a list in front of each statement's text.
 */
#define MY_CAPS_NEVER                                                          \
	(MY_CLIENT_COMPRESS | MY_CLIENT_SSL | MY_CLIENT_EXPIRED_PASSWORDS |    \
	 MY_CLIENT_OPTIONAL_METADATA | MY_CLIENT_ZSTD |                        \
	 MY_CLIENT_QUERY_ATTRIBUTES | MY_CLIENT_MULTI_FACTOR |                 \
	 MY_CLIENT_CAPABILITY_EXTENSION | MY_CLIENT_SSL_VERIFY |               \
	 MY_CLIENT_REMEMBER_OPTIONS)
#define MY_EXT_NEVER                                                           \
	(~(MY_MARIADB_BULK | MY_MARIADB_EXTENDED_METADATA |                    \
	   MY_MARIADB_BULK_UNIT_RESULTS))

/*
 * What changes the bytes or the meaning of answers, so that clients which
 * agreed on it differently never share a server.  A client that did not ask
 * for MULTI_STATEMENTS must not get them: they are what stacked injections
 * need.
 */
#define MY_CAPS_CLASS                                                          \
	(MY_CLIENT_FOUND_ROWS | MY_CLIENT_NO_SCHEMA | MY_CLIENT_LOCAL_FILES |  \
	 MY_CLIENT_IGNORE_SPACE | MY_CLIENT_INTERACTIVE |                      \
	 MY_CLIENT_MULTI_STATEMENTS | MY_CLIENT_MULTI_RESULTS |                \
	 MY_CLIENT_PS_MULTI_RESULTS | MY_CLIENT_DEPRECATE_EOF)
#define MY_EXT_CLASS                                                           \
	(MY_MARIADB_EXTENDED_METADATA | MY_MARIADB_BULK_UNIT_RESULTS)

/*
 * Asked of every server that has it, whatever its clients have: it changes
 * nothing that they see, or carpool writes the answer anew for those without
 * (SESSION_TRACK).  CONNECT_WITH_DB comes with a database's name.
 */
#define MY_CAPS_ALWAYS                                                         \
	(MY_CLIENT_MYSQL | MY_CLIENT_LONG_FLAG | MY_CLIENT_PROTOCOL_41 |       \
	 MY_CLIENT_TRANSACTIONS | MY_CLIENT_SECURE_CONNECTION |                \
	 MY_CLIENT_PLUGIN_AUTH | MY_CLIENT_CONNECT_ATTRS |                     \
	 MY_CLIENT_LENENC_AUTH | MY_CLIENT_SESSION_TRACK)
#define MY_EXT_ALWAYS MY_MARIADB_BULK

/* A server or client without these is refused: no status, no scramble. */
#define MY_CAPS_NEEDED (MY_CLIENT_PROTOCOL_41 | MY_CLIENT_SECURE_CONNECTION)

/*
 * In the class's second word: the login names no schema, and no command makes a
 * session forget one.
 */
#define MY_EXT_NO_SCHEMA 0x80000000u

/* The class as a server's startup words: both words, one after the other. */
#define MY_CLASS_BYTES 8u

static inline void
my_class_put(uint8_t words[MY_CLASS_BYTES], uint32_t caps, uint32_t ext)
{
	my_set_u32(words, caps & MY_CAPS_CLASS);
	my_set_u32(words + 4, ext & (MY_EXT_CLASS | MY_EXT_NO_SCHEMA));
}

static inline uint32_t my_class_ext(const uint8_t words[MY_CLASS_BYTES]);

/* Does a login with these words (len bytes) name no schema? */
static inline bool
my_class_is_bare(const void *words, size_t len)
{
	return len == MY_CLASS_BYTES &&
	       (my_class_ext(words) & MY_EXT_NO_SCHEMA) != 0;
}

static inline uint32_t
my_class_caps(const uint8_t words[MY_CLASS_BYTES])
{
	return my_get_u32(words);
}

static inline uint32_t
my_class_ext(const uint8_t words[MY_CLASS_BYTES])
{
	return my_get_u32(words + 4);
}

#endif
