/*
 * What a client's statements left behind, asked of the server itself, hidden,
 * at a boundary, before anybody else may have it.
 *
 * Texts only say what may have happened; rollbacks, functions, locks that were
 * not got and ON COMMIT DROP are seen to by asking for what there is now.  The
 * settings found go into the client's set and the server's; for all else the
 * policy decides.  Everything in a question is qualified, since the client's
 * search_path is in force.  Runs on the worker that owns both connections.
 * PostgreSQL manual, "System Views".
 */
#include <string.h>

#include "base/mem.h"
#include "pg_command.h"
#include "sql/classify.h"

/* A question on its way, and what its rows have told so far. */
struct pg_ask {
	uint32_t flags;        /* of the texts that gave reason for it */
	uint32_t kinds;        /* asked for: 1u << enum state_kind */
	uint32_t found;        /* of these, there */
	bool is_one;           /* only one setting was asked for */
	struct pg_params *own; /* refs: the settings found */
};

#define KIND(k) (1u << (k))
/* Settings, and what else nobody carries. */
#define SETTINGS KIND(STATE_UNKNOWN_SET)

/* By kind: the flags that give reason to ask, and where rows say that it is
 * there. */
static const struct {
	uint32_t flags;
	const char *rows;
} kinds[STATE_KINDS] = {
	[STATE_TEMP_TABLE] = {
		CLASSIFY_TEMP | CLASSIFY_DOUBT,
		/* Whatever stands in a schema depends on it. */
		"pg_catalog.pg_depend WHERE refclassid OPERATOR(pg_catalog.=) "
		"'2615' AND refobjid OPERATOR(pg_catalog.=) "
		"pg_catalog.pg_my_temp_schema()",
	},
	[STATE_ADVISORY_LOCK] = {
		CLASSIFY_ADVISORY | CLASSIFY_DOUBT,
		"pg_catalog.pg_locks WHERE locktype OPERATOR(pg_catalog.=) "
		"'advisory' AND pid OPERATOR(pg_catalog.=) "
		"pg_catalog.pg_backend_pid()",
	},
	[STATE_HOLD_CURSOR] = {
		CLASSIFY_DECLARE | CLASSIFY_DOUBT,
		"pg_catalog.pg_cursors WHERE is_holdable",
	},
	[STATE_LOAD] = { CLASSIFY_LOADED, NULL },
	[STATE_UNKNOWN_SET] = {
		CLASSIFY_SETTINGS,
		/* Those of carpool are for all clients. */
		"pg_catalog.pg_prepared_statements WHERE from_sql AND "
		"pg_catalog.left(name, 8) OPERATOR(pg_catalog.<>) "
		"'" PG_LOAD_PREFIX "'",
	},
	[STATE_LISTEN] = {
		CLASSIFY_LISTEN | CLASSIFY_DOUBT,
		"pg_catalog.pg_listening_channels()",
	},
};

uint32_t
pg_state_kinds(uint32_t flags)
{
	uint32_t found = 0;

	for (unsigned k = 0; k < STATE_KINDS; k++) {
		if (flags & kinds[k].flags)
			found |= KIND(k);
	}
	return found;
}

uint32_t
pg_state_under(const struct policy *policy, uint32_t policies)
{
	uint32_t found = 0;

	for (unsigned k = 0; k < STATE_KINDS; k++) {
		if (KIND(policy->on_state[k]) & policies)
			found |= KIND(k);
	}
	return found;
}

enum reason
pg_state_refusal(uint32_t flags, const struct policy *policy)
{
	/* What DO and the like leave is found, and cleaned away. */
	static const uint32_t shown[STATE_KINDS] = {
		[STATE_TEMP_TABLE] = CLASSIFY_TEMP,
		[STATE_ADVISORY_LOCK] = CLASSIFY_ADVISORY,
		[STATE_HOLD_CURSOR] = CLASSIFY_DECLARE,
		[STATE_LOAD] = CLASSIFY_LOAD,
		[STATE_UNKNOWN_SET] = CLASSIFY_LOST,
		[STATE_LISTEN] = CLASSIFY_LISTEN,
	};

	if ((flags & (CLASSIFY_DIRT | CLASSIFY_LOAD)) == 0 ||
	    policy->mode == POOL_SESSION)
		return REASON_NONE;
	for (unsigned k = 0; k < STATE_KINDS; k++) {
		if ((flags & shown[k]) && policy->on_state[k] == STATE_REJECT)
			return (enum reason)(REASON_TEMP_TABLE + k);
	}
	return REASON_NONE;
}

void
pg_ask_free(struct pg_back *b)
{
	if (b->ask == NULL)
		return;
	pg_params_unref(b->ask->own);
	mem_free(b->ask);
	b->ask = NULL;
}

void
pg_ask_forget(struct pg_back *b)
{
	if (b->ask != NULL)
		b->dirt |= b->ask->flags;
	pg_ask_free(b);
}

/* ---- names with a dot ---- */

#define CUSTOMS_MAX 1024u /* bytes of names */

static bool
is_name_byte(uint8_t c)
{
	return (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
	       c == '$' || c == '.';
}

static void
note_custom(struct pg_back *b, const uint8_t *text, size_t len)
{
	struct pg_params *p;
	char name[128];

	if (len >= sizeof(name) ||
	    pg_params_size(b->customs) + len > CUSTOMS_MAX) {
		b->is_unsure = true;
		return;
	}
	for (size_t i = 0; i < len; i++)
		name[i] = text_lower((char)text[i]);
	name[len] = '\0';
	p = pg_params_insert(b->customs, name, "");
	if (p == NULL)
		b->is_unsure = true;
	else
		pg_params_put(&b->customs, p);
}

/* Whatever looks like one, wherever it stands: asking for more is harmless. */
void
pg_ask_names(struct pg_back *b, const void *text, size_t len)
{
	const uint8_t *at = text, *end = at + len;

	while (at < end) {
		const uint8_t *from = at;
		bool has_dot = false;

		while (at < end && is_name_byte(*at))
			has_dot |= *at++ == '.';
		if (has_dot && at - from > 2 && *from > '9' && at[-1] != '.')
			note_custom(b, from, (size_t)(at - from));
		if (at == from)
			at++;
	}
}

/* The same of a Bind's parameters, as far as its body is here. */
static void
ask_bind(struct pg_back *b, const uint8_t *body, size_t len)
{
	struct pg_body at = { .at = body, .left = len };
	const uint8_t *count;

	if (pg_body_text(&at) == NULL || pg_body_text(&at) == NULL ||
	    (count = pg_body_bytes(&at, 2)) == NULL ||
	    pg_body_bytes(&at, 2u * pg_get_u16(count)) == NULL ||
	    (count = pg_body_bytes(&at, 2)) == NULL) {
		b->is_unsure = true;
		return;
	}
	for (unsigned n = pg_get_u16(count); n > 0; n--) {
		const uint8_t *size = pg_body_bytes(&at, 4), *value;

		if (size != NULL && pg_get_u32(size) == UINT32_MAX)
			continue;
		value = size != NULL ? pg_body_bytes(&at, pg_get_u32(size))
				     : NULL;
		if (value == NULL) {
			b->is_unsure = true;
			return;
		}
		pg_ask_names(b, value, pg_get_u32(size));
	}
}

void
pg_ask_arguments(struct pg_back *b, const struct statement *s,
		 const struct pg_command *m)
{
	if ((s->flags & CLASSIFY_SETTINGS) == 0)
		return;
	b->is_unsure |= s->len == 0;
	if (m->frame.type == 'B')
		ask_bind(b, m->body, m->len);
	else if (m->frame.type == 'Q')
		pg_ask_names(b, m->body, m->len);
}

/* ---- the one setting that a text set for sure ---- */

/*
 * A name is remembered where its SET is the only thing that can happen before
 * the boundary: then it is enough to ask for its value.
 */
void
pg_ask_note(struct pg_back *b, uint32_t flags, const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789_.";
	size_t len = strlen(name);

	if ((flags &
	     (CLASSIFY_SETTINGS | CLASSIFY_RESET | CLASSIFY_RESET_ALL)) == 0)
		return;
	b->named[0] = '\0';
	b->named_tags = 0;
	if ((flags & CLASSIFY_NAMED) == 0 || (b->dirt & CLASSIFY_SETTINGS) ||
	    text_equal_nocase(name, "session_authorization") ||
	    b->owed.count > 0 || b->view.tx != TX_IDLE ||
	    len >= sizeof(b->named) - 1)
		return;
	for (size_t i = 0; i <= len; i++)
		b->named[i] = text_lower(name[i]);
	if (strspn(b->named, plain) != len || !pg_is_own(b->named))
		b->named[0] = '\0';
}

static bool
knows_name(const struct pg_back *b)
{
	return b->named[0] != '\0' && b->named_tags == 1 &&
	       (b->view.pins & SETTINGS) == 0 && !b->is_unsure &&
	       /* Another's settings are not the login's to take back. */
	       pg_params_find(b->own, "role") == NULL &&
	       pg_params_find(b->own, "session_authorization") == NULL &&
	       (b->dirt & (CLASSIFY_SETTINGS | CLASSIFY_RESET |
			   CLASSIFY_RESET_ALL)) == CLASSIFY_SET_OTHER;
}

/* ---- the question ---- */

/* What must be asked for now; the kinds that the policy cleans are noted. */
static uint32_t
kinds_to_ask(struct pg_back *b, const struct turn *turn)
{
	uint32_t kept = pg_state_under(turn->policy,
				       KIND(STATE_PIN) | KIND(STATE_EMULATE));
	uint32_t cleaned = pg_state_under(
		turn->policy, KIND(STATE_RESET) | KIND(STATE_REJECT));
	uint32_t here = pg_state_kinds(b->dirt), ask;

	if ((b->dirt & (CLASSIFY_RESET | CLASSIFY_RESET_ALL)) && b->own != NULL)
		here |= SETTINGS;
	b->soiled |= here & cleaned & ~SETTINGS;
	b->view.pins |= here & kept & KIND(STATE_LOAD);
	ask = here & (kept | SETTINGS);
	if ((b->dirt & (CLASSIFY_RELEASE | CLASSIFY_SETTINGS)) ||
	    (turn->has_waiters && !b->was_asked))
		ask |= b->view.pins;
	return ask & ~KIND(STATE_LOAD);
}

/* Names with a dot that nobody defined are listed nowhere. */
static void
put_customs(struct str *sql, const struct pg_params *names)
{
	struct pg_param at = { 0 };

	while (pg_params_next(names, &at)) {
		if (strchr(at.name, '.') == NULL)
			continue;
		str_puts(sql, " UNION ALL SELECT 's',");
		pg_put_literal(sql, at.name);
		str_puts(sql, ",COALESCE(pg_catalog.current_setting(");
		pg_put_literal(sql, at.name);
		str_puts(sql, ",true),'')");
	}
}

static void
put_settings(struct str *sql, const struct pg_back *b)
{
	if (b->ask->is_one) {
		str_printf(sql,
			   "SELECT 's','%s',pg_catalog.current_setting('%s')",
			   b->named, b->named);
		return;
	}
	str_puts(sql,
		 "SELECT CASE WHEN context OPERATOR(pg_catalog.=) 'superuser' "
		 "THEN 'u' ELSE 's' END,name,pg_catalog.current_setting(name) "
		 "FROM pg_catalog.pg_settings "
		 "WHERE source OPERATOR(pg_catalog.=) 'session' "
		 "UNION ALL SELECT 's','role',"
		 "pg_catalog.current_setting('role') "
		 "UNION ALL SELECT 's','session_authorization',"
		 "session_user::pg_catalog.text");
	put_customs(sql, b->customs);
	put_customs(sql, b->own);
}

static void
put_question(struct str *sql, const struct pg_back *b)
{
	uint32_t ask = b->ask->kinds;

	if (ask & SETTINGS)
		put_settings(sql, b);
	if (b->ask->is_one || (b->ask->flags & CLASSIFY_DOUBT) == 0)
		ask &= ~(SETTINGS & ~b->view.pins);
	for (unsigned k = 0; k < STATE_KINDS; k++) {
		if ((ask & KIND(k)) == 0 || kinds[k].rows == NULL)
			continue;
		if (sql->len > 0)
			str_puts(sql, " UNION ALL ");
		str_printf(sql,
			   "SELECT '%u','','' WHERE EXISTS(SELECT 1 FROM %s)",
			   k, kinds[k].rows);
	}
}

static bool
send(struct pg_back *b, struct buf *out)
{
	struct str sql = { 0 };
	bool ok;

	put_question(&sql, b);
	ok = !sql.failed && pg_back_query(b, out, str_text(&sql), TASK_ASK);
	str_fini(&sql);
	return ok;
}

enum pg_ask_result
pg_ask_boundary(struct pg_back *b, struct turn *turn)
{
	uint32_t ask;

	if (turn->peer == NULL || turn->policy->mode == POOL_SESSION ||
	    b->ask != NULL)
		return ASK_NOTHING;
	ask = kinds_to_ask(b, turn);
	if (ask != 0) {
		b->ask = mem_zalloc(sizeof(*b->ask));
		if (b->ask == NULL)
			return ASK_FAIL;
		b->ask->flags = b->dirt;
		b->ask->kinds = ask;
		b->ask->is_one = knows_name(b);
	}
	b->dirt &= CLASSIFY_PREPARE;
	if (ask == 0)
		return ASK_NOTHING;
	if (!send(b, turn->out)) {
		pg_ask_forget(b);
		return ASK_FAIL;
	}
	b->named[0] = '\0';
	return ASK_SENT;
}

/* ---- the answer ---- */

/* The next column, not terminated; false: none, or NULL. */
static bool
take_column(struct pg_body *at, const char **text, size_t *len)
{
	const uint8_t *head = pg_body_bytes(at, 4);

	if (head == NULL)
		return false;
	*len = pg_get_u32(head);
	*text = (const char *)pg_body_bytes(at, *len);
	return *text != NULL;
}

/* Can the setting be carried: its words are ASCII, and its name settable? */
static bool
is_plain_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((uint8_t)*text > 0x7e)
			return false;
	}
	return true;
}

/* Settings that are known without being asked for, or are none. */
static bool
is_left_out(const struct pg_back *b, const struct policy *policy,
	    const char *name, const char *value)
{
	const char *login;

	if (!pg_is_own(name) || (pg_is_tracked(name, policy) &&
				 pg_params_find(b->facts, name) != NULL))
		return true;
	/* Nobody has set it, or it was taken back. */
	if (value[0] == '\0' && !b->ask->is_one && strchr(name, '.') != NULL)
		return true;
	if (strcmp(name, "role") == 0)
		return strcmp(value, "none") == 0 &&
		       (b->ask->flags & CLASSIFY_ROLE) == 0;
	if (strcmp(name, "session_authorization") != 0)
		return false;
	login = pg_params_find(b->facts, name);
	return login == NULL || strcmp(login, value) == 0;
}

static void
take_setting(struct pg_back *b, const struct policy *policy, const char *name,
	     const char *value)
{
	struct pg_params *own;

	if (is_left_out(b, policy, name, value))
		return;
	if (!is_plain_text(name) || !is_plain_text(value) ||
	    pg_params_size(b->ask->own) + strlen(name) + strlen(value) >
		    PG_PARAMS_MAX) {
		b->ask->found |= SETTINGS;
		return;
	}
	own = pg_params_insert(b->ask->own, name, value);
	if (own == NULL)
		b->ask->found |= SETTINGS;
	else
		pg_params_put(&b->ask->own, own);
}

/* May the user who logged in take back whatever was set? */
static bool
is_superuser(const struct pg_back *b)
{
	const char *told = pg_params_find(b->facts, "is_superuser");

	return told != NULL && strcmp(told, "on") == 0;
}

void
pg_ask_row(struct pg_back *b, const struct policy *policy, const uint8_t *body,
	   size_t len)
{
	struct pg_body at = { .at = body, .left = len };
	const char *text[3];
	size_t size[3];
	char *pair[2];

	if (b->ask == NULL)
		return;
	if (body == NULL || pg_body_bytes(&at, 2) == NULL ||
	    !take_column(&at, &text[0], &size[0]) || size[0] != 1 ||
	    !take_column(&at, &text[1], &size[1]) ||
	    !take_column(&at, &text[2], &size[2])) {
		/* Too long to be carried. */
		b->ask->found |= SETTINGS;
		return;
	}
	if (text[0][0] == 'u' && !is_superuser(b)) {
		b->ask->found |= SETTINGS;
		return;
	}
	if (text[0][0] != 's' && text[0][0] != 'u') {
		unsigned k = (unsigned)(uint8_t)text[0][0] - '0';

		if (k < STATE_KINDS)
			b->ask->found |= KIND(k);
		return;
	}
	pair[0] = mem_strndup(text[1], size[1]);
	pair[1] = mem_strndup(text[2], size[2]);
	if (pair[0] != NULL && pair[1] != NULL)
		take_setting(b, policy, pair[0], pair[1]);
	else
		b->ask->found |= SETTINGS;
	mem_free(pair[0]);
	mem_free(pair[1]);
}

/* By what was found the server is kept, cleaned or left as it is. */
static void
take_kinds(struct pg_back *b, const struct policy *policy)
{
	uint32_t found = b->ask->found;

	b->view.pins =
		(b->view.pins & ~b->ask->kinds) |
		(found &
		 pg_state_under(policy, KIND(STATE_PIN) | KIND(STATE_EMULATE)));
	b->soiled |= found & pg_state_under(policy, KIND(STATE_RESET) |
							    KIND(STATE_REJECT));
}

/* A late cancel is asked over; what cannot be asked is not known. */
static bool
take_failure(struct pg_back *b, struct turn *turn)
{
	if (b->was_canceled && b->retries < PG_RETRIES) {
		b->retries++;
		pg_ask_forget(b);
		return true;
	}
	b->ask->found = b->ask->kinds | SETTINGS;
	take_kinds(b, turn->policy);
	return true;
}

bool
pg_ask_done(struct pg_back *b, struct turn *turn)
{
	bool ok;

	b->was_asked = true;
	if (b->ask == NULL)
		return true;
	if (turn->peer == NULL) {
		pg_ask_forget(b);
		return true;
	}
	if (b->has_own_error) {
		ok = take_failure(b, turn);
	} else {
		b->retries = 0;
		if ((b->ask->is_one && b->ask->own == NULL) || b->is_unsure)
			b->ask->found |= SETTINGS;
		/* Names whose values are not carried are asked for again. */
		if ((b->ask->found & SETTINGS) == 0 && b->owed.count == 0)
			pg_params_put(&b->customs, NULL);
		take_kinds(b, turn->policy);
		ok = (b->ask->kinds & SETTINGS) == 0 ||
		     pg_settings_found(b, turn->peer, b->ask->own,
				       b->ask->is_one ? FOUND_ONE : FOUND_ALL);
	}
	pg_ask_free(b);
	return ok;
}
