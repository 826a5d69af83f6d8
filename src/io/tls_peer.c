/*
 * Who is at the other end of a stream's TLS, and what ties a login to it.
 * Owns nothing; the stream's own thread.
 */
#include "tls_inner.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* The text, if there is a NUL neither in it nor too late behind it. */
static bool
copy_name(const ASN1_STRING *s, char *out, size_t size)
{
	unsigned char *text;
	int len = ASN1_STRING_to_UTF8(&text, s);
	bool fits;

	if (len < 0)
		return false;
	fits = len > 0 && (size_t)len < size &&
	       memchr(text, '\0', (size_t)len) == NULL;
	if (fits) {
		memcpy(out, text, (size_t)len);
		out[len] = '\0';
	}
	OPENSSL_free(text);
	return fits;
}

static bool
common_name(const X509 *cert, char *out, size_t size)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	return at >= 0 && copy_name(X509_NAME_ENTRY_get_data(
					    X509_NAME_get_entry(subject, at)),
				    out, size);
}

bool
stream_has_tls_cert(const struct stream *s)
{
	return stream_is_tls(s) &&
	       SSL_get0_peer_certificate(s->tls->ssl) != NULL &&
	       (SSL_get_verify_mode(s->tls->ssl) & SSL_VERIFY_PEER) != 0 &&
	       SSL_get_verify_result(s->tls->ssl) == X509_V_OK;
}

bool
stream_tls_name(const struct stream *s, char *buf, size_t size)
{
	bool found = false;

	buf[0] = '\0';
	ERR_clear_error();
	if (stream_has_tls_cert(s))
		found = common_name(SSL_get0_peer_certificate(s->tls->ssl), buf,
				    size);
	ERR_clear_error();
	return found;
}

/* The digest of its signature, but none that is broken: RFC 5929, 4.1. */
static const EVP_MD *
binding_digest(X509 *cert)
{
	int digest;

	if (X509_get_signature_info(cert, &digest, NULL, NULL, NULL) != 1)
		return NULL;
	if (digest == NID_md5 || digest == NID_sha1)
		digest = NID_sha256;
	return EVP_get_digestbynid(digest);
}

size_t
stream_tls_binding(const struct stream *s, uint8_t out[STREAM_BINDING_MAX])
{
	const EVP_MD *digest = NULL;
	X509 *cert = NULL;
	unsigned len = 0;

	ERR_clear_error();
	if (stream_is_tls(s))
		cert = SSL_is_server(s->tls->ssl)
			       ? SSL_get_certificate(s->tls->ssl)
			       : SSL_get0_peer_certificate(s->tls->ssl);
	if (cert != NULL)
		digest = binding_digest(cert);
	if (digest == NULL || X509_digest(cert, digest, out, &len) != 1)
		len = 0;
	ERR_clear_error();
	return len;
}
