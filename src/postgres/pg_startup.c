/*
 * The startup packet; see pg_startup.h.
 *
 * The checks are PostgreSQL's own, in its order, so that a client sees the same
 * verdict.  Options are split as PostgreSQL splits them: at white space, a
 * backslash takes the next byte as it is.
 */
#include "pg_startup.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "pg_frame.h"
#include "pg_params.h"

#define CODE_CANCEL UINT32_C(80877102)
#define TLS_HANDSHAKE 22 /* type of a record: RFC 8446, 5.1 */
#define CODE_SSL UINT32_C(80877103)
#define CODE_GSSENC UINT32_C(80877104)
#define NAME_MAX_DATABASE 63u
#define NAME_MAX_USER 127u

const char *
pg_safe_name(const char *name, char *out, size_t size)
{
	size_t n = text_copy(out, size, name);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < ' ' || (unsigned char)out[i] > '~')
			out[i] = '?';
	return out;
}

static void
bad(struct pg_startup *s, enum reason reason, const char *text)
{
	s->kind = PG_STARTUP_BAD;
	s->reason = reason;
	(void)text_copy(s->text, sizeof(s->text), text);
}

/* ------------------------------------------------------------------------
 * Settings
 */

/*
 * What URLs carry for other tools, and drivers hand on as settings.  No server
 * has settings of these names.
 */
static bool
is_foreign(const char *name)
{
	static const char names[] =
		"pgbouncer,connection_limit,pool_timeout,pool_size,schema,"
		"socket_timeout,connect_timeout,statement_cache_size,"
		"prepared_statements,prepared_statement_cache_size,"
		"max_idle_connection_lifetime,single_use_connections,sslmode,"
		"sslaccept,sslidentity,sslpassword,sslcert,sslkey,sslrootcert,"
		"channel_binding,uselibpqcompat,binary_parameters,workaround";

	return pg_in_list(name, names);
}

/* What no server takes from a client. */
static bool
is_refused(const char *name, const char *value)
{
	if (!pg_is_own(name) ||
	    text_equal_nocase(name, "session_authorization"))
		return true;
	/* Settings are carried in ASCII. */
	for (; *value != '\0'; value++) {
		if ((uint8_t)*value > 0x7e)
			return !text_equal_nocase(name, "application_name");
	}
	return false;
}

static void
add_setting(struct pg_startup *s, const char *name, const char *value,
	    const struct policy *policy)
{
	if (!pg_is_tracked(name, policy) &&
	    (is_foreign(name) || pg_in_list(name, policy->ignore_startup)))
		return;
	if (is_refused(name, value)) {
		if (s->unsupported == NULL)
			s->unsupported = name;
		return;
	}
	for (size_t i = 0; i < s->setting_count; i++) {
		if (!text_equal_nocase(s->settings[i].name, name))
			continue;
		s->settings[i].value = value; /* the last one wins */
		return;
	}
	if (s->setting_count == PG_STARTUP_SETTINGS) {
		s->unsupported = name;
		return;
	}
	s->settings[s->setting_count++] =
		(struct pg_setting){ .name = name, .value = value };
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * Takes the next word from *at, unescaped in place, terminated; NULL at the
 * end.  Each call moves on, whatever the text.
 */
static char *
next_word(char **at)
{
	char *from = *at, *word, *to;

	while (is_space(*from))
		from++;
	if (*from == '\0')
		return NULL;
	word = to = from;
	while (*from != '\0' && !is_space(*from)) {
		if (*from == '\\' && from[1] != '\0')
			from++;
		*to++ = *from++;
	}
	if (*from != '\0')
		from++;
	*at = from;
	*to = '\0';
	return word;
}

/* "name=value", with '-' for '_' in the name as PostgreSQL takes it. */
static bool
split_pair(char *word, const char **name, const char **value)
{
	char *equals = strchr(word, '=');

	if (equals == NULL || equals == word)
		return false;
	*equals = '\0';
	for (char *c = word; *c != '\0'; c++)
		if (*c == '-')
			*c = '_';
	*name = word;
	*value = equals + 1;
	return true;
}

static bool
read_options(struct pg_startup *s, const struct policy *policy)
{
	char *at = s->options, *word;
	const char *name, *value;

	while ((word = next_word(&at)) != NULL) {
		if (strcmp(word, "-c") == 0)
			word = next_word(&at);
		else if (strncmp(word, "-c", 2) == 0 ||
			 strncmp(word, "--", 2) == 0)
			word += 2;
		else
			word = NULL;
		if (word == NULL || !split_pair(word, &name, &value))
			return false;
		add_setting(s, name, value, policy);
	}
	return true;
}

static void
take_options(struct pg_startup *s, const char *text,
	     const struct policy *policy)
{
	if (text_in_list("options", policy->ignore_startup))
		return;
	s->options = mem_strdup(text);
	if (s->options == NULL)
		bad(s, REASON_NO_MEMORY, "out of memory");
	else
		s->has_odd_options = !read_options(s, policy);
}

/* ------------------------------------------------------------------------
 * Parameters
 */

static void
take_replication(struct pg_startup *s, const char *value)
{
	char lower[16];
	size_t n = text_copy(lower, sizeof(lower), value);

	for (size_t i = 0; i < n; i++)
		lower[i] = text_lower(lower[i]);
	s->is_replication = text_in_list(lower, "database,1,on,true,yes,t,y");
	if (!s->is_replication && !text_in_list(lower, "0,off,false,no,f,n"))
		bad(s, REASON_STARTUP_PARAMETER,
		    "invalid value for parameter \"replication\"");
}

/* What is no setting; true: it was taken. */
static bool
take_special(struct pg_startup *s, const char *name, const char *value,
	     const char **options)
{
	if (strcmp(name, "user") == 0)
		s->user = value;
	else if (strcmp(name, "database") == 0)
		s->database = value;
	else if (strcmp(name, "options") == 0)
		*options = value;
	else if (strcmp(name, "replication") == 0)
		take_replication(s, value);
	else if (strncmp(name, "_pq_.", 5) != 0)
		return false;
	else if (s->extension_count < COUNT_OF(s->extensions))
		s->extensions[s->extension_count++] = name;
	return true;
}

static bool
is_special(const char *name)
{
	static const char *const names[] = { "user", "database", "options",
					     "replication" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "_pq_.", 5) == 0;
}

static void
check_names(struct pg_startup *s)
{
	if (s->user == NULL || s->user[0] == '\0') {
		bad(s, REASON_NO_USER_NAME,
		    "no PostgreSQL user name specified in startup packet");
		return;
	}
	if (s->database == NULL || s->database[0] == '\0')
		s->database = s->user;
	if (strlen(s->user) > NAME_MAX_USER)
		bad(s, REASON_NAME_TOO_LONG, "user name is too long");
	else if (strlen(s->database) > NAME_MAX_DATABASE)
		bad(s, REASON_NAME_TOO_LONG, "database name is too long");
}

/* One walk over the pairs; false: the packet's layout is wrong. */
static bool
walk(struct pg_startup *s, size_t len, const char **options,
     const struct policy *policy)
{
	struct pg_body body = { .at = (const uint8_t *)s->packet, .left = len };

	while (body.left > 0 && *body.at != '\0') {
		const char *name = pg_body_text(&body);
		const char *value = name == NULL ? NULL : pg_body_text(&body);

		if (value == NULL)
			return false;
		if (options != NULL)
			(void)take_special(s, name, value, options);
		else if (!is_special(name))
			add_setting(s, name, value, policy);
	}
	return body.left == 1;
}

/* Settings of their own win over those inside `options`. */
static void
read_parameters(struct pg_startup *s, size_t len, const struct policy *policy)
{
	const char *options = NULL;

	if (!walk(s, len, &options, policy)) {
		bad(s, REASON_PROTOCOL,
		    "invalid startup packet layout: expected terminator as "
		    "last byte");
		return;
	}
	if (s->kind != PG_STARTUP_BAD)
		check_names(s);
	if (s->kind != PG_STARTUP_BAD && options != NULL)
		take_options(s, options, policy);
	if (s->kind != PG_STARTUP_BAD)
		(void)walk(s, len, NULL, policy);
}

static void
read_message(struct pg_startup *s, const struct buf *in, uint32_t version,
	     const struct policy *policy)
{
	size_t len = s->total - 8;

	if (version >> 16 != 3) {
		bad(s, REASON_UNSUPPORTED_PROTOCOL, "");
		(void)text_format(s->text, sizeof(s->text),
				  "unsupported frontend protocol %u.%u: server "
				  "supports 3.0 to 3.0",
				  version >> 16, version & 0xffff);
		return;
	}
	s->kind = PG_STARTUP_MESSAGE;
	s->minor = (uint16_t)(version & 0xffff);
	s->packet = mem_zalloc(len + 1);
	if (s->packet == NULL) {
		bad(s, REASON_NO_MEMORY, "out of memory");
		return;
	}
	buf_copy_out(in, 8, s->packet, len);
	s->packet_len = len;
	read_parameters(s, len, policy);
}

static void
read_cancel(struct pg_startup *s, const struct buf *in)
{
	s->key_len = s->total - 8;
	if (s->key_len < 8 || s->key_len > PG_CANCEL_KEY_MAX) {
		bad(s, REASON_PROTOCOL, "invalid length of cancel request");
		return;
	}
	buf_copy_out(in, 8, s->key, s->key_len);
	s->kind = PG_STARTUP_CANCEL;
}

bool
pg_startup_is_tls(const struct buf *in)
{
	uint8_t first = 0;

	if (in->len > 0)
		buf_copy_out(in, 0, &first, 1);
	return first == TLS_HANDSHAKE;
}

void
pg_startup_read(struct pg_startup *s, const struct buf *in, unsigned seen,
		const struct policy *policy)
{
	uint8_t head[8];
	uint32_t len, code;

	s->kind = PG_STARTUP_PARTIAL;
	s->total = 8;
	if (in->len < 4)
		return;
	buf_copy_out(in, 0, head, 4);
	len = pg_get_u32(head);
	if (len < 8 || len > PG_STARTUP_MAX + 4) {
		bad(s, REASON_PROTOCOL, "invalid length of startup packet");
		return;
	}
	s->total = len;
	if (in->len < len)
		return;
	buf_copy_out(in, 0, head, 8);
	code = pg_get_u32(head + 4);
	if (code == CODE_SSL && (seen & PG_SEEN_SSL) == 0)
		s->kind = PG_STARTUP_SSL;
	else if (code == CODE_GSSENC && (seen & PG_SEEN_GSS) == 0)
		s->kind = PG_STARTUP_GSSENC;
	else if (code == CODE_CANCEL)
		read_cancel(s, in);
	else
		read_message(s, in, code, policy);
}

/* Is this the client's own to say to a server? */
static bool
is_word(const char *name, const struct policy *policy)
{
	if (strcmp(name, "options") == 0)
		return !text_in_list(name, policy->ignore_startup);
	/* With its host it is another one for each client: set, not said. */
	if (is_special(name) ||
	    (policy->add_host && text_equal_nocase(name, "application_name")))
		return false;
	return pg_is_tracked(name, policy) ||
	       (!is_foreign(name) && !pg_in_list(name, policy->ignore_startup));
}

void
pg_startup_words(const struct pg_startup *s, const struct policy *policy,
		 struct str *out)
{
	struct pg_body body = { .at = (const uint8_t *)s->packet,
				.left = s->packet_len };

	while (body.left > 0 && *body.at != '\0') {
		const char *name = pg_body_text(&body);
		const char *value = name == NULL ? NULL : pg_body_text(&body);

		if (value == NULL)
			return;
		if (!is_word(name, policy))
			continue;
		pg_put_text(out, name);
		pg_put_text(out, value);
	}
}

bool
pg_startup_negotiate(const struct pg_startup *s, struct buf *out)
{
	struct str text = { 0 };
	size_t mark;

	if (s->minor == 0 && s->extension_count == 0)
		return true;
	mark = pg_put_begin(&text, 'v');
	pg_put_u32(&text, 3u << 16);
	pg_put_u32(&text, (uint32_t)s->extension_count);
	for (size_t i = 0; i < s->extension_count; i++)
		pg_put_text(&text, s->extensions[i]);
	pg_put_end(&text, mark);
	return pg_put_flush(&text, out);
}

void
pg_startup_fini(struct pg_startup *s)
{
	mem_free(s->packet);
	mem_free(s->options);
	*s = (struct pg_startup){ 0 };
}
