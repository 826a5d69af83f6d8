/*
 * See my_greeting.h.  Everything that is read comes from strangers.
 */
#include "my_greeting.h"

#include <string.h>

#include "base/mem.h"
#include "base/version.h"
#include "my_caps.h"

#define PROTOCOL_VERSION 10u
#define SCRAMBLE_FIRST 8u   /* bytes of the scramble's first part */
#define SCRAMBLE_SECOND 13u /* of its second, with a NUL */
#define RESPONSE_FIXED 32u  /* bytes of a response before the user's name */
#define FILLER 19u          /* of these, empty; then MariaDB's word */

/* What we accept to be sent: not a limit of ours. */
#define PACKET_MAX 0x40000000u

/* A text that may end with the payload instead of a NUL. */
static const char *
read_last_cstr(struct my_bytes *b)
{
	const char *text = (const char *)b->at;

	if (b->left == 0)
		return "";
	if (memchr(b->at, 0, b->left) != NULL)
		return my_read_cstr(b);
	(void)my_read(b, b->left);
	return text;
}

/* ---- greeting ---- */

bool
my_greeting_read(struct my_greeting *g, const uint8_t *payload, size_t len)
{
	struct my_bytes b = my_bytes(payload, len);
	const uint8_t *first, *second;

	memset(g, 0, sizeof(*g));
	if (my_read_u8(&b) != PROTOCOL_VERSION)
		return false;
	g->version = my_read_cstr(&b);
	g->thread_id = my_read_u32(&b);
	first = my_read(&b, SCRAMBLE_FIRST);
	(void)my_read_u8(&b);
	g->caps = my_read_u16(&b);
	g->collation = my_read_u8(&b);
	g->status = my_read_u16(&b);
	g->caps |= (uint32_t)my_read_u16(&b) << 16;
	(void)my_read(&b, 7); /* the scramble's length, zeros */
	g->ext = my_read_u32(&b);
	second = my_read(&b, SCRAMBLE_SECOND - 1);
	if (b.has_failed)
		return false;
	/* Its NUL, which a few servers leave out where nothing follows. */
	(void)my_read(&b, b.left > 0 ? 1 : 0);
	memcpy(g->scramble, first, SCRAMBLE_FIRST);
	memcpy(g->scramble + SCRAMBLE_FIRST, second, SCRAMBLE_SECOND - 1);
	if (g->caps & MY_CLIENT_MYSQL)
		g->ext = 0;
	g->plugin = g->caps & MY_CLIENT_PLUGIN_AUTH ? read_last_cstr(&b) : "";
	return true;
}

void
my_greeting_write(struct str *s, const struct my_greeting *g)
{
	static const char zeros[6];

	my_put_u8(s, PROTOCOL_VERSION);
	my_put_cstr(s, g->version);
	my_put_u32(s, g->thread_id);
	str_add(s, (const char *)g->scramble, SCRAMBLE_FIRST);
	my_put_u8(s, 0);
	my_put_u16(s, (uint16_t)g->caps);
	my_put_u8(s, g->collation);
	my_put_u16(s, g->status);
	my_put_u16(s, (uint16_t)(g->caps >> 16));
	my_put_u8(s, MY_SCRAMBLE_BYTES + 1);
	str_add(s, zeros, sizeof(zeros));
	my_put_u32(s, g->caps & MY_CLIENT_MYSQL ? 0 : g->ext);
	str_add(s, (const char *)g->scramble + SCRAMBLE_FIRST,
		SCRAMBLE_SECOND - 1);
	my_put_u8(s, 0);
	my_put_cstr(s, g->plugin);
}

/* ---- response ---- */

/* The proof, in the form that the bits say. */
static bool
read_auth(struct my_handshake *h, struct my_bytes *b)
{
	uint64_t len;

	if (h->caps & MY_CLIENT_LENENC_AUTH) {
		len = my_read_lenenc(b);
	} else if (h->caps & MY_CLIENT_SECURE_CONNECTION) {
		len = my_read_u8(b);
	} else {
		h->auth = (const uint8_t *)my_read_cstr(b);
		h->auth_len =
			h->auth == NULL ? 0 : strlen((const char *)h->auth);
		return !b->has_failed;
	}
	if (b->has_failed || len > b->left)
		return false;
	h->auth_len = (size_t)len;
	h->auth = my_read(b, h->auth_len);
	return true;
}

/* Finds program_name; false: malformed. */
static bool
read_attributes(struct my_handshake *h, struct my_bytes *b)
{
	static const char program[] = "program_name";
	size_t total;
	const char *all = my_read_text(b, &total);
	struct my_bytes in = my_bytes(all, total);

	while (!b->has_failed && in.left > 0) {
		size_t name_len, value_len;
		const char *name = my_read_text(&in, &name_len);
		const char *value = my_read_text(&in, &value_len);

		if (in.has_failed)
			return false;
		if (name_len == sizeof(program) - 1 &&
		    memcmp(name, program, name_len) == 0) {
			h->program = value;
			h->program_len = value_len;
		}
	}
	return !b->has_failed;
}

/*
 * What follows the proof.  Clients exist that set a bit and leave the text
 * out, so whatever is missing here at the end is taken for empty.
 */
static bool
read_rest(struct my_handshake *h, struct my_bytes *b)
{
	h->plugin = "";
	if (h->caps & MY_CLIENT_PLUGIN_AUTH)
		h->plugin = read_last_cstr(b);
	if ((h->caps & MY_CLIENT_CONNECT_ATTRS) == 0 || b->left == 0)
		return true;
	return read_attributes(h, b);
}

static enum my_handshake_kind
read_names(struct my_handshake *h, struct my_bytes *b)
{
	h->user = my_read_cstr(b);
	if (b->has_failed || !read_auth(h, b))
		return MY_HANDSHAKE_BAD;
	h->database = "";
	if (h->caps & MY_CLIENT_CONNECT_WITH_DB)
		h->database = read_last_cstr(b);
	return read_rest(h, b) ? MY_HANDSHAKE_LOGIN : MY_HANDSHAKE_BAD;
}

enum my_handshake_kind
my_handshake_read(struct my_handshake *h, const uint8_t *payload, size_t len,
		  enum my_cover cover)
{
	struct my_bytes b = my_bytes(payload, len);

	memset(h, 0, sizeof(*h));
	if (len < 2)
		return MY_HANDSHAKE_BAD;
	if ((my_get_u16(payload) & MY_CLIENT_PROTOCOL_41) == 0)
		return MY_HANDSHAKE_OLD;
	if (len < RESPONSE_FIXED)
		return MY_HANDSHAKE_BAD;
	h->caps = my_read_u32(&b);
	(void)my_read_u32(&b); /* the largest packet that it wants */
	h->collation = my_read_u8(&b);
	(void)my_read(&b, FILLER);
	h->ext = my_read_u32(&b);
	if (h->caps & MY_CLIENT_MYSQL)
		h->ext = 0;
	if ((h->caps & MY_CLIENT_SSL) != 0 && cover == MY_IN_CLEAR)
		return MY_HANDSHAKE_TLS;
	return read_names(h, &b);
}

bool
my_change_user_read(struct my_handshake *h, uint32_t caps,
		    const uint8_t *payload, size_t len)
{
	struct my_bytes b = my_bytes(payload, len);

	memset(h, 0, sizeof(*h));
	/* The length is one byte here, whatever was agreed on. */
	h->caps = caps & ~MY_CLIENT_LENENC_AUTH;
	h->user = my_read_cstr(&b);
	if (b.has_failed || !read_auth(h, &b))
		return false;
	h->caps = caps;
	h->database = read_last_cstr(&b);
	h->plugin = "";
	if (b.left < 2)
		return b.left == 0;
	h->collation = my_read_u16(&b);
	return read_rest(h, &b);
}

static void
put_attribute(struct str *s, const char *name, const char *value)
{
	my_put_text(s, name, strlen(name));
	my_put_text(s, value, strlen(value));
}

static void
put_attributes(struct str *s)
{
	struct str all = { 0 };

	put_attribute(&all, "_client_name", "carpool");
	put_attribute(&all, "_client_version", carpool_version());
	put_attribute(&all, "program_name", "carpool");
	s->failed |= all.failed;
	my_put_text(s, str_text(&all), all.len);
	str_fini(&all);
}

void
my_ssl_request_write(struct str *s, const struct my_handshake *h)
{
	static const char filler[FILLER];

	my_put_u32(s, h->caps);
	my_put_u32(s, PACKET_MAX);
	my_put_u8(s, (uint8_t)h->collation);
	str_add(s, filler, sizeof(filler));
	my_put_u32(s, h->caps & MY_CLIENT_MYSQL ? 0 : h->ext);
}

void
my_handshake_write(struct str *s, const struct my_handshake *h)
{
	my_ssl_request_write(s, h);
	my_put_cstr(s, h->user);
	if (h->caps & MY_CLIENT_LENENC_AUTH)
		my_put_lenenc(s, h->auth_len);
	else
		my_put_u8(s, (uint8_t)h->auth_len);
	if (h->auth_len > 0)
		str_add(s, (const char *)h->auth, h->auth_len);
	if (h->caps & MY_CLIENT_CONNECT_WITH_DB)
		my_put_cstr(s, h->database);
	if (h->caps & MY_CLIENT_PLUGIN_AUTH)
		my_put_cstr(s, h->plugin);
	if (h->caps & MY_CLIENT_CONNECT_ATTRS)
		put_attributes(s);
}

/* ---- switch ---- */

bool
my_switch_read(struct my_switch *s, const uint8_t *payload, size_t len)
{
	struct my_bytes b = my_bytes(payload, len);

	(void)my_read_u8(&b);
	s->plugin = my_read_cstr(&b);
	s->data = b.at;
	s->len = b.left;
	return !b.has_failed;
}

void
my_switch_write(struct str *s, const struct my_switch *w)
{
	my_put_u8(s, MY_SWITCH_BYTE);
	my_put_cstr(s, w->plugin);
	str_add(s, (const char *)w->data, w->len);
	my_put_u8(s, 0);
}
