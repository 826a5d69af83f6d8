/*
 * The packets of the connection phase, read and written: the greeting, the
 * client's response, the switch to another plugin, COM_CHANGE_USER.
 *
 * What is read borrows from the payload, which must have a NUL behind its end:
 * some texts may lack their own where they come last.  Pure; any thread.
 * MySQL Internals, "Connection Phase"; MariaDB, "Connecting".
 */
#ifndef CARPOOL_SRC_MYSQL_MY_GREETING_H
#define CARPOOL_SRC_MYSQL_MY_GREETING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/my_native.h"
#include "base/text.h"
#include "my_bytes.h"

/* The longest login: names, and 64 KiB of attributes. */
#define MY_LOGIN_MAX (68u * 1024)

#define MY_OK_BYTE 0x00u
#define MY_MORE_BYTE 0x01u /* AuthMoreData */
#define MY_SWITCH_BYTE 0xfeu
#define MY_ERR_BYTE 0xffu

struct my_greeting {
	const char *version;
	const char *plugin; /* "" = not said */
	uint32_t thread_id;
	uint32_t caps;
	uint32_t ext;      /* MariaDB's */
	uint8_t collation; /* its low byte */
	uint16_t status;
	uint8_t scramble[MY_SCRAMBLE_BYTES];
};

/* False: it is no greeting of protocol 10 with a whole scramble. */
bool my_greeting_read(struct my_greeting *g, const uint8_t *payload,
		      size_t len);

void my_greeting_write(struct str *s, const struct my_greeting *g);

/* What a client says of itself at login, or in COM_CHANGE_USER. */
struct my_handshake {
	const char *user;
	const char *database; /* "" = none */
	const char *plugin;   /* "" = not said */
	const char *program;  /* attribute program_name, no NUL; NULL = none */
	size_t program_len;
	const uint8_t *auth;
	size_t auth_len;
	uint32_t caps;
	uint32_t ext; /* 0 unless the client is one of MariaDB */
	/* COM_CHANGE_USER: 16 bits, 0 = not said. */
	uint16_t collation;
};

enum my_handshake_kind {
	MY_HANDSHAKE_LOGIN,
	MY_HANDSHAKE_TLS, /* SSLRequest */
	MY_HANDSHAKE_OLD, /* older than 4.1: no plugins, no scramble */
	MY_HANDSHAKE_BAD,
};

/* What asks for TLS under TLS asked before. */
enum my_cover { MY_IN_CLEAR, MY_UNDER_TLS };
enum my_handshake_kind my_handshake_read(struct my_handshake *h,
					 const uint8_t *payload, size_t len,
					 enum my_cover cover);

/*
 * COM_CHANGE_USER without its first byte, of a client that agreed to these
 * caps, which h then has as well.  False: malformed.
 */
bool my_change_user_read(struct my_handshake *h, uint32_t caps,
			 const uint8_t *payload, size_t len);

/* The response's head alone, with which TLS is asked for. */
void my_ssl_request_write(struct str *s, const struct my_handshake *h);

/* One of carpool's own, with its attributes; database "" = none. */
void my_handshake_write(struct str *s, const struct my_handshake *h);

/* AuthSwitchRequest. */
struct my_switch {
	const char *plugin;
	const uint8_t *data; /* reading: with the NUL at its end, if one is
			      * there; writing: without */
	size_t len;
};

/* A payload whose first byte is MY_SWITCH_BYTE; false: malformed, or the old
 * kind without a name. */
bool my_switch_read(struct my_switch *s, const uint8_t *payload, size_t len);

void my_switch_write(struct str *s, const struct my_switch *w);

#endif
