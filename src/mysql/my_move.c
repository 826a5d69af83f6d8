/*
 * From one session's state to another's: one SET.  Owns nothing; any thread.
 *
 * The server reads the statement in its own sql_mode and character set, which
 * the statement itself may change: values are quoted so that they read the
 * same in all of them.
 */
#include <string.h>

#include "base/mem.h"
#include "my_state.h"
#include "my_variable.h"

/* One move that is composed. */
struct move {
	struct str *sql;               /* borrows */
	const struct my_session *from; /* borrows */
	const struct my_session *to;   /* borrows */
	bool is_moved;                 /* to another schema */
};

/* ---- values ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Numbers must not, and all else must, stand in quotes. */
static bool
is_number(const char *v)
{
	if (*v == '-')
		v++;
	if (!is_digit(*v))
		return false;
	while (is_digit(*v))
		v++;
	if (*v == '.' && is_digit(v[1]))
		v++;
	while (is_digit(*v))
		v++;
	return *v == '\0';
}

/* Does it read the same in quotes, whatever the mode and character set? */
static bool
is_plain(const char *v)
{
	while (*v >= ' ' && *v <= '~' && *v != '\\' && *v != '\'')
		v++;
	return *v == '\0';
}

static void
put_hex(struct str *sql, const char *v)
{
	static const char digits[] = "0123456789ABCDEF";

	str_puts(sql, "_utf8mb4 x'");
	for (; *v != '\0'; v++) {
		str_putc(sql, digits[(uint8_t)*v >> 4]);
		str_putc(sql, digits[(uint8_t)*v & 15]);
	}
	str_putc(sql, '\'');
}

static void
put_value(struct str *sql, enum my_variable kind, const char *value)
{
	if (value == NULL) {
		str_puts(sql, "DEFAULT");
	} else if (*value == '\0' && kind == MY_VARIABLE_NULL) {
		str_puts(sql, "NULL");
	} else if (is_number(value)) {
		str_puts(sql, value);
	} else if (is_plain(value)) {
		str_putc(sql, '\'');
		str_puts(sql, value);
		str_putc(sql, '\'');
	} else {
		put_hex(sql, value);
	}
}

/* value NULL: what a login has, which nobody knows. */
static void
put_setting(struct str *sql, const char *name, enum my_variable kind,
	    const char *value)
{
	str_puts(sql, sql->len == 0 ? "SET " : ",");
	if (*name == '@') {
		/* No name needs more care, and its value is an expression. */
		str_printf(sql, "@`%s`=%s", name + 1,
			   value != NULL ? value : "NULL");
		return;
	}
	str_printf(sql, "@@session.%s=", name);
	put_value(sql, kind, value);
}

void
my_state_put(struct str *sql, const char *name, const char *value)
{
	put_setting(sql, name, my_variable_find(name, strlen(name)), value);
}

/* ---- differences ---- */

static enum my_variable
kind_of(const char *name)
{
	return my_variable_find(name, strlen(name));
}

static const char *
find(const struct statement *state, const char *name)
{
	struct my_session s = { .own = (struct statement *)(uintptr_t)state };

	return my_session_find(&s, name);
}

/* Was this variable, under either name, set in a session? */
static bool
is_set(const struct my_session *s, const char *name)
{
	const char *other = my_variable_other(name);

	return find(s->own, name) != NULL ||
	       (other != NULL && find(s->own, other) != NULL);
}

/* ... for a server to have it as well? */
static bool
has_own(const struct my_session *s, const char *name, enum my_variable kind)
{
	const char *value = find(s->own, name);

	return is_set(s, name) &&
	       (value == NULL || !my_variable_is_own(kind, value));
}

/* What the server has now. */
static const char *
value_now(const struct move *m, const char *name, enum my_variable kind)
{
	if (kind == MY_VARIABLE_SCHEMA && m->is_moved)
		return NULL;
	return my_session_find(m->from, name);
}

/* What the session shall have for its own. */
static void
put_own(struct move *m)
{
	struct my_setting at = { 0 };

	while (my_state_next(m->to->own, &at)) {
		enum my_variable kind = kind_of(at.name);
		const char *now = value_now(m, at.name, kind);

		if (my_variable_is_own(kind, at.value))
			continue;
		if (now == NULL || strcmp(now, at.value) != 0)
			put_setting(m->sql, at.name, kind, at.value);
	}
}

/* One of two names is enough: one of which the base tells. */
static void
put_pair(struct move *m, const char *name, const char *other)
{
	const char *value = find(m->to->base, name);

	if (value == NULL && find(m->to->base, other) != NULL) {
		name = other;
		value = find(m->to->base, name);
	}
	put_setting(m->sql, name, kind_of(name), value);
}

/* What the server has and the session has not for its own. */
static void
put_back(struct move *m)
{
	struct my_setting at = { 0 };

	while (my_state_next(m->from->own, &at)) {
		enum my_variable kind = kind_of(at.name);
		const char *other = my_variable_other(at.name);

		/* A client's trackers were taken back at once. */
		if (has_own(m->to, at.name, kind) ||
		    my_variable_is_tracker(at.name, strlen(at.name)))
			continue;
		if (kind == MY_VARIABLE_SCHEMA && m->is_moved)
			continue;
		if (other != NULL)
			put_pair(m, at.name, other);
		else
			put_setting(m->sql, at.name, kind,
				    find(m->to->base, at.name));
	}
}

/* Two logins that had not the same: the session's counts. */
static void
put_base(struct move *m)
{
	struct my_setting at = { 0 };

	if (statement_is_equal(m->from->base, m->to->base))
		return;
	while (my_state_next(m->to->base, &at)) {
		enum my_variable kind = kind_of(at.name);
		const char *now = find(m->from->base, at.name);

		if (has_own(m->to, at.name, kind) || is_set(m->from, at.name))
			continue;
		if (now == NULL || strcmp(now, at.value) != 0)
			put_setting(m->sql, at.name, kind, at.value);
	}
}

enum my_move
my_state_move(struct str *sql, const char **schema,
	      const struct my_session *from, const struct my_session *to)
{
	const char *has = my_session_schema(from);
	const char *wants = my_session_schema(to);
	struct move m = { .sql = sql, .from = from, .to = to };

	*schema = NULL;
	if (my_session_is_equal(from, to))
		return MY_MOVE_NONE;
	if (has != NULL && wants == NULL)
		return MY_MOVE_NO_WAY;
	if (wants != NULL && (has == NULL || strcmp(has, wants) != 0))
		*schema = wants;
	m.is_moved = *schema != NULL;
	put_own(&m);
	put_back(&m);
	put_base(&m);
	if (sql->failed)
		return MY_MOVE_NO_MEMORY;
	return sql->len > 0 || m.is_moved ? MY_MOVE_MADE : MY_MOVE_NONE;
}

void
my_state_put_short(struct str *sql, const struct my_session *now,
		   const struct my_session *before)
{
	struct my_setting at = { 0 };

	while (my_state_next(now->own, &at)) {
		enum my_variable kind = kind_of(at.name);
		const char *was = find(before->own, at.name);

		if (kind == MY_VARIABLE_TIMEOUT &&
		    my_variable_is_own(kind, at.value) &&
		    (was == NULL || strcmp(was, at.value) != 0))
			put_setting(sql, at.name, kind,
				    find(now->base, at.name));
	}
}

/* ---- what a login has ---- */

static void
put_same(struct str *sql, const char *const *names)
{
	for (; *names != NULL; names++)
		str_printf(sql, "%s@@session.%s=@@session.%s",
			   sql->len == 0 ? "SET " : ",", *names, *names);
}

void
my_state_baseline(struct str *sql, struct my_lexer_options server)
{
	/* Known to all versions in use. */
	static const char *const common[] = {
		"autocommit",
		"sql_mode",
		"time_zone",
		"character_set_client",
		"character_set_results",
		"collation_connection",
		"foreign_key_checks",
		"unique_checks",
		"sql_notes",
		"sql_safe_updates",
		"sql_select_limit",
		"sql_auto_is_null",
		"group_concat_max_len",
		"lock_wait_timeout",
		"innodb_lock_wait_timeout",
		"wait_timeout",
		"interactive_timeout",
		"net_read_timeout",
		"net_write_timeout",
		"lc_time_names",
		NULL,
	};
	static const char *const maria[] = { "tx_isolation", "tx_read_only",
					     "max_statement_time", NULL };
	static const char *const mysql[] = { "transaction_isolation",
					     "transaction_read_only",
					     "max_execution_time", NULL };

	put_same(sql, common);
	put_same(sql, server.bits & MY_LEXER_MARIADB ? maria : mysql);
}
