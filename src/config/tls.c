/*
 * What TLS shows and accepts, from the files that the settings and the entries
 * of databases name.  A file that does not serve is an error of the
 * configuration, so a reload keeps what there was.  Runs on the thread that
 * builds.
 */
#include "io/tls.h"

#include <string.h>

#include "config/build.h"

enum side { SIDE_CLIENTS, SIDE_SERVERS };

/* A context towards these, or NULL with the problem reported. */
static struct tls_context *
make(struct build *b, struct place at, const char *whose, enum side side,
     const struct tls_options *o)
{
	struct str error = { 0 };
	struct tls_context *t = NULL;

	if (side == SIDE_CLIENTS)
		t = tls_accepting(o, &error);
	else
		t = tls_connecting(o, &error);
	if (t == NULL)
		report_error(b->report, at, "TLS towards %s: %s", whose,
			     error.failed ? "out of memory" : str_text(&error));
	str_fini(&error);
	return t;
}

/* ---- clients ---- */

/* One of both alone shows nothing. */
static bool
have_pair(struct build *b)
{
	const struct settings *set = &b->s->settings;
	const char *missing = NULL;

	if (set->client_tls_cert_file[0] == '\0')
		missing = "client_tls_cert_file";
	else if (set->client_tls_key_file[0] == '\0')
		missing = "client_tls_key_file";
	else if (set->client_tls_sslmode >= SSL_MODE_VERIFY_CA &&
		 set->client_tls_ca_file[0] == '\0')
		missing = "client_tls_ca_file, by which certificates are "
			  "verified";
	if (missing == NULL)
		return true;
	report_error(b->report, build_choice(b, "client_tls_sslmode")->at,
		     "client_tls_sslmode needs %s", missing);
	return false;
}

/* Single rules may look at certificates of whoever has one. */
static enum tls_verify
verify_clients(const struct build *b)
{
	const struct settings *set = &b->s->settings;

	if (set->client_tls_sslmode >= SSL_MODE_VERIFY_CA)
		return TLS_VERIFY_MUST;
	return snapshot_hba_has_certs(b->s) &&
			       set->client_tls_ca_file[0] != '\0'
		       ? TLS_VERIFY_MAY
		       : TLS_VERIFY_NONE;
}

static void
build_clients(struct build *b)
{
	const struct settings *set = &b->s->settings;
	struct tls_options o = {
		.cert_file = set->client_tls_cert_file,
		.key_file = set->client_tls_key_file,
		.ca_file = set->client_tls_ca_file,
		.protocols = set->client_tls_protocols,
		.ciphers = set->client_tls_ciphers,
		.tls13_ciphers = set->client_tls13_ciphers,
		.curve = set->client_tls_ecdhcurve,
		.verify = verify_clients(b),
	};

	if (set->client_tls_sslmode == SSL_MODE_DISABLE || !have_pair(b))
		return;
	if (b->source->ticket_key != NULL)
		memcpy(o.ticket_key, b->source->ticket_key,
		       sizeof(o.ticket_key));
	b->s->client_tls = make(b, build_choice(b, "client_tls_cert_file")->at,
				"clients", SIDE_CLIENTS, &o);
}

/* ---- servers ---- */

static enum tls_verify
verify_of(enum ssl_mode mode)
{
	return mode >= SSL_MODE_VERIFY_CA ? TLS_VERIFY_MUST : TLS_VERIFY_NONE;
}

/* With what the settings say where the draft says nothing. */
static void
take_files(const struct build *b, struct database_body *body)
{
	const struct settings *set = &b->s->settings;
	const struct database_draft *d = &body->draft;
	bool has_own = d->ssl_cert[0] != '\0';

	body->db.ssl_cert = has_own ? d->ssl_cert : set->server_tls_cert_file;
	body->db.ssl_key = has_own ? d->ssl_key : set->server_tls_key_file;
	body->db.ssl_ca =
		d->ssl_ca[0] != '\0' ? d->ssl_ca : set->server_tls_ca_file;
}

static struct tls_context *
make_server(struct build *b, struct place at, const char *whose,
	    const struct config_database *db)
{
	const struct settings *set = &b->s->settings;
	struct tls_options o = {
		.cert_file = db->ssl_cert,
		.key_file = db->ssl_key,
		.ca_file = db->ssl_ca,
		.protocols = set->server_tls_protocols,
		.ciphers = set->server_tls_ciphers,
		.tls13_ciphers = set->server_tls13_ciphers,
		.verify = verify_of(db->ssl_mode),
	};

	if (o.verify != TLS_VERIFY_NONE && o.ca_file[0] == '\0') {
		report_error(b->report, at,
			     "TLS towards %s: nobody is named who vouches for "
			     "certificates (server_tls_ca_file, sslrootcert, "
			     "ssl-ca)",
			     whose);
		return NULL;
	}
	return make(b, at, whose, SIDE_SERVERS, &o);
}

/* Is what its entry says no more than what the settings say? */
static bool
is_usual(const struct build *b, const struct database_body *body)
{
	const struct database_draft *d = &body->draft;

	return d->ssl_ca[0] == '\0' && d->ssl_cert[0] == '\0' &&
	       verify_of(body->db.ssl_mode) ==
		       verify_of(b->s->settings.server_tls_sslmode);
}

static void
build_server(struct build *b, struct database_body *body)
{
	struct config_database *db = &body->db;
	char whose[160];

	take_files(b, body);
	/* As client libraries have it: who names them wants them used. */
	if (db->ssl_mode == SSL_MODE_REQUIRE && body->draft.ssl_ca[0] != '\0')
		db->ssl_mode = SSL_MODE_VERIFY_CA;
	if (db->ssl_mode < SSL_MODE_PREFER)
		return;
	if (db->ssl_is_direct && db->ssl_mode < SSL_MODE_REQUIRE) {
		report_error(b->report, body->entry.at,
			     "database \"%s\": sslnegotiation=direct needs "
			     "sslmode=require or more",
			     db->name);
		return;
	}
	if (!is_usual(b, body)) {
		(void)text_format(whose, sizeof(whose),
				  "the servers of database \"%s\"", db->name);
		db->tls = make_server(b, body->entry.at, whose, db);
		return;
	}
	if (!b->has_server_tls)
		b->s->server_tls = make_server(
			b, build_choice(b, "server_tls_sslmode")->at, "servers",
			db);
	b->has_server_tls = true;
	if (b->s->server_tls != NULL)
		db->tls = tls_context_ref(b->s->server_tls);
}

void
build_tls(struct build *b)
{
	build_clients(b);
	for (size_t i = 0; i < b->s->database_count; i++)
		build_server(b, b->s->databases[i]);
}
