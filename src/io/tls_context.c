/*
 * What a side of TLS shows and accepts: OpenSSL's SSL_CTX, set up as the
 * settings say, with PgBouncer's words where they have a meaning of their own.
 * Any thread; what is made here does not change any more.
 */
#include "io/tls.h"

#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "base/mem.h"
#include "tls_inner.h"

/* PgBouncer's: what its TLS library calls them. */
#define CIPHERS_SECURE "HIGH:!aNULL:@STRENGTH"
#define CIPHERS_COMPAT "HIGH:!aNULL"
#define CIPHERS_LEGACY "ALL:!ADH:!EXP:!LOW:!MD5:@STRENGTH"

/* ---- words ---- */

static bool
is_unset(const char *text)
{
	return text == NULL || text[0] == '\0';
}

static const char *
cipher_list(const char *word)
{
	static const struct {
		const char *word, *list;
	} lists[] = {
		{ "default", CIPHERS_SECURE },
		{ "secure", CIPHERS_SECURE },
		{ "fast", CIPHERS_SECURE },
		{ "normal", CIPHERS_COMPAT },
		{ "compat", CIPHERS_COMPAT },
		{ "legacy", CIPHERS_LEGACY },
		{ "all", "ALL:!aNULL:!eNULL" },
		{ "insecure", "ALL:!aNULL:!eNULL" },
	};

	for (size_t i = 0; i < COUNT_OF(lists); i++)
		if (strcasecmp(word, lists[i].word) == 0)
			return lists[i].list;
	return word;
}

/* The versions that a word stands for, or 0; bits, TLS 1.0 the first. */
static unsigned
versions_of(const char *word, size_t len)
{
	static const struct {
		const char *word;
		unsigned versions;
	} words[] = {
		{ "secure", 12 }, { "default", 12 }, { "all", 15 },
		{ "legacy", 15 }, { "tlsv1", 15 },   { "tlsv1.0", 1 },
		{ "tlsv1.1", 2 }, { "tlsv1.2", 4 },  { "tlsv1.3", 8 },
	};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strncasecmp(words[i].word, word, len) == 0 &&
		    words[i].word[len] == '\0')
			return words[i].versions;
	return 0;
}

/* False: a word that is none. */
static bool
read_versions(const char *text, unsigned *versions)
{
	*versions = 0;
	while (*text != '\0') {
		size_t len = strcspn(text, ",: ");
		bool is_not = *text == '!';
		unsigned word = versions_of(text + is_not, len - is_not);

		if (len > 0 && word == 0)
			return false;
		/* All but that, where it is the first. */
		if (is_not && *versions == 0)
			*versions = versions_of("all", 3);
		*versions = is_not ? *versions & ~word : *versions | word;
		text += len + (text[len] != '\0');
	}
	return *versions != 0;
}

/* ---- a context ---- */

static bool
complain(struct str *error, const char *what, const char *name)
{
	unsigned long code = ERR_peek_error();
	const char *why = NULL;
	char text[128];

	if (ERR_SYSTEM_ERROR(code))
		why = strerror_r(ERR_GET_REASON(code), text, sizeof(text));
	else if (code != 0)
		why = ERR_reason_error_string(code);
	str_printf(error, "%s \"%s\": %s", what, name,
		   why == NULL ? "it is of no use" : why);
	return false;
}

static bool
set_versions(SSL_CTX *ctx, const char *text, struct str *error)
{
	static const uint64_t off[] = { SSL_OP_NO_TLSv1, SSL_OP_NO_TLSv1_1,
					SSL_OP_NO_TLSv1_2, SSL_OP_NO_TLSv1_3 };
	unsigned versions;

	if (!read_versions(is_unset(text) ? "secure" : text, &versions))
		return complain(error, "protocols", text);
	SSL_CTX_set_min_proto_version(ctx, 0);
	for (size_t i = 0; i < COUNT_OF(off); i++)
		if ((versions & (1u << i)) == 0)
			SSL_CTX_set_options(ctx, off[i]);
	return true;
}

static bool
set_ciphers(SSL_CTX *ctx, const struct tls_options *o, struct str *error)
{
	const char *list =
		cipher_list(is_unset(o->ciphers) ? "default" : o->ciphers);

	if (SSL_CTX_set_cipher_list(ctx, list) != 1)
		return complain(error, "ciphers", o->ciphers);
	if (!is_unset(o->tls13_ciphers) &&
	    SSL_CTX_set_ciphersuites(ctx, o->tls13_ciphers) != 1)
		return complain(error, "cipher suites", o->tls13_ciphers);
	if (!is_unset(o->curve) && strcasecmp(o->curve, "auto") != 0 &&
	    strcasecmp(o->curve, "none") != 0 &&
	    SSL_CTX_ctrl(ctx, SSL_CTRL_SET_GROUPS_LIST, 0,
			 (void *)(uintptr_t)o->curve) != 1)
		return complain(error, "curve", o->curve);
	return true;
}

/* Nobody is asked for one: a daemon has nobody. */
static int
no_passphrase(char *buf, int size, int is_writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)is_writing;
	(void)arg;
	return 0;
}

static bool
load_own(SSL_CTX *ctx, const struct tls_options *o, struct str *error)
{
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, o->cert_file) != 1)
		return complain(error, "certificate", o->cert_file);
	if (SSL_CTX_use_PrivateKey_file(ctx, o->key_file, SSL_FILETYPE_PEM) !=
	    1)
		return complain(error, "key", o->key_file);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return complain(error, "key", o->key_file);
	return true;
}

static bool
load_authorities(SSL_CTX *ctx, const char *file)
{
	if (is_unset(file))
		return true;
	if (strcmp(file, "system") == 0)
		return SSL_CTX_set_default_verify_paths(ctx) == 1;
	return SSL_CTX_load_verify_file(ctx, file) == 1;
}

/* The names of the authorities go out only where a certificate is asked for. */
static bool
load_others(SSL_CTX *ctx, const struct tls_options *o, struct str *error)
{
	int mode = SSL_VERIFY_PEER;

	if (!load_authorities(ctx, o->ca_file))
		return complain(error, "authorities", o->ca_file);
	if (o->verify == TLS_VERIFY_NONE)
		return true;
	if (o->verify == TLS_VERIFY_MUST)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	if (SSL_CTX_get_ssl_method(ctx) == TLS_server_method())
		SSL_CTX_set_client_CA_list(ctx,
					   SSL_load_client_CA_file(o->ca_file));
	SSL_CTX_set_verify(ctx, mode, NULL);
	return true;
}

/*
 * Sessions live in the clients' tickets alone, which every thread can read.  A
 * resumed one shows no certificate: where they are asked for, no ticket of
 * another context serves, which asked for none, or for those of others.
 */
static bool
set_tickets(SSL_CTX *ctx, const struct tls_options *o, struct str *error)
{
	static const uint8_t none[sizeof(o->ticket_key)];
	uint8_t name[SSL_MAX_SID_CTX_LENGTH] = "carpool";

	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	if (o->verify != TLS_VERIFY_NONE && RAND_bytes(name, sizeof(name)) != 1)
		return complain(error, "session", "certificates");
	if (SSL_CTX_set_session_id_context(ctx, name, sizeof(name)) != 1)
		return complain(error, "session", "carpool");
	if (memcmp(o->ticket_key, none, sizeof(none)) == 0)
		return true;
	if (SSL_CTX_set_tlsext_ticket_keys(ctx,
					   (void *)(uintptr_t)o->ticket_key,
					   sizeof(o->ticket_key)) != 1)
		return complain(error, "tickets", "of the process");
	return true;
}

/* Who names protocols must name ours. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\012" TLS_ALPN;
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in,
				  in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/*
 * One record a read, also of those that tell nothing (KeyUpdate): a flood of
 * them is taken in turns with all others.
 */
static void
set_ways(SSL_CTX *ctx)
{
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_read_ahead(ctx, 1);
}

static bool
set_connecting(SSL_CTX *ctx, const struct tls_options *o, struct str *error)
{
	static const unsigned char alpn[] = "\012" TLS_ALPN;

	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn) - 1) != 0)
		return complain(error, "ALPN", TLS_ALPN);
	return is_unset(o->cert_file) || load_own(ctx, o, error);
}

static struct tls_context *
context_new(const SSL_METHOD *method)
{
	struct tls_context *t = mem_zalloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	atomic_init(&t->refs, 1);
	t->ctx = SSL_CTX_new(method);
	t->wire = tls_wire_new();
	if (t->ctx == NULL || t->wire == NULL) {
		tls_context_unref(t);
		return NULL;
	}
	set_ways(t->ctx);
	return t;
}

struct tls_context *
tls_connecting(const struct tls_options *o, struct str *error)
{
	struct tls_context *t;

	ERR_clear_error();
	t = context_new(TLS_client_method());
	if (t == NULL) {
		str_puts(error, "out of memory");
		return NULL;
	}
	if (set_versions(t->ctx, o->protocols, error) &&
	    set_ciphers(t->ctx, o, error) && load_others(t->ctx, o, error) &&
	    set_connecting(t->ctx, o, error))
		return t;
	tls_context_unref(t);
	return NULL;
}

struct tls_context *
tls_accepting(const struct tls_options *o, struct str *error)
{
	struct tls_context *t;

	ERR_clear_error();
	t = context_new(TLS_server_method());
	if (t == NULL) {
		str_puts(error, "out of memory");
		return NULL;
	}
	SSL_CTX_set_alpn_select_cb(t->ctx, on_alpn, NULL);
	if (set_versions(t->ctx, o->protocols, error) &&
	    set_ciphers(t->ctx, o, error) && load_own(t->ctx, o, error) &&
	    load_others(t->ctx, o, error) && set_tickets(t->ctx, o, error))
		return t;
	tls_context_unref(t);
	return NULL;
}

void
tls_ticket_key(uint8_t key[TLS_TICKET_KEY])
{
	if (RAND_bytes(key, TLS_TICKET_KEY) != 1)
		memset(key, 0, TLS_TICKET_KEY);
}

struct tls_context *
tls_context_ref(struct tls_context *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void
tls_context_unref(struct tls_context *t)
{
	if (t == NULL ||
	    atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) > 1)
		return;
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->wire);
	mem_free(t);
}
