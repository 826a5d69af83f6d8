/*
 * What TLS shows and accepts, from the files that the settings name.  A file
 * that does not serve is an error of the configuration, so a reload keeps what
 * there was.  Runs on the thread that builds.
 */
#include "io/tls.h"

#include <string.h>

#include "config/build.h"

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
	if (missing == NULL)
		return true;
	report_error(b->report, build_choice(b, "client_tls_sslmode")->at,
		     "client_tls_sslmode needs %s", missing);
	return false;
}

void
build_tls(struct build *b)
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
		.verify = set->client_tls_sslmode >= SSL_MODE_VERIFY_CA
				  ? TLS_VERIFY_MUST
				  : TLS_VERIFY_NONE,
	};
	struct str error = { 0 };

	if (set->client_tls_sslmode == SSL_MODE_DISABLE || !have_pair(b))
		return;
	if (o.verify != TLS_VERIFY_NONE && o.ca_file[0] == '\0') {
		report_error(b->report,
			     build_choice(b, "client_tls_sslmode")->at,
			     "client_tls_sslmode needs client_tls_ca_file, by "
			     "which certificates are verified");
		return;
	}
	if (b->source->ticket_key != NULL)
		memcpy(o.ticket_key, b->source->ticket_key,
		       sizeof(o.ticket_key));
	b->s->client_tls = tls_accepting(&o, &error);
	if (b->s->client_tls == NULL)
		report_error(b->report,
			     build_choice(b, "client_tls_cert_file")->at,
			     "TLS towards clients: %s",
			     error.failed ? "out of memory" : str_text(&error));
	str_fini(&error);
}
