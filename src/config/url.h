/*
 * Connection URLs of Postgres and of MySQL.
 */
#ifndef CARPOOL_CONFIG_URL_H
#define CARPOOL_CONFIG_URL_H

#include <stdbool.h>

#include "config/pile.h"
#include "config/report.h"

/* What a URL says; texts borrow from the pile, "" = not said. */
struct url {
	enum protocol protocol;
	const char *host; /* comma list, as are the ports */
	const char *port;
	const char *dbname;
	const char *user;
	const char *password;
	const char *application_name;
	const char *client_encoding;
	enum load_balance balance;
	/* In the words of the protocol's own entries. */
	const char *ssl_mode;
	const char *ssl_ca;
	const char *ssl_cert;
	const char *ssl_key;
	const char *ssl_negotiation; /* of Postgres alone */
	const char *channel_binding; /* the same */
};

/* Does text start like a URL (letters, "://")?  Of whatever kind. */
bool url_is_one(const char *text);

/*
 * Reads a postgresql://, postgres://, mysql:// or mariadb:// URL.  True, or
 * false with the errors in report.  Parameters of client libraries and other
 * tools are left out; one that carpool would have to follow and does not yet is
 * refused.  The URL itself is never repeated in a message.
 */
bool url_parse(const char *url, struct pile *pile, struct place at,
	       struct config_report *report, struct url *out);

#endif
