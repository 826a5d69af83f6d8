/*
 * The effective configuration as an ini file, and what differs between two of
 * them.  Pure; any thread that holds references.  Secrets are never shown.
 */
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "config/body.h"

static void
print_setting(const struct snapshot *s, size_t i, struct str *out)
{
	const struct setting *row = &settings_table[i];
	char buffer[VALUE_TEXT_MAX];
	const char *text =
		value_text(row->type, &s->values[i], buffer, sizeof(buffer));

	str_printf(out, "%s =%s%s\n", row->name, text[0] != '\0' ? " " : "",
		   text);
}

static void
print_entry(const struct entry *e, struct str *out)
{
	entry_print_name(e->name, out);
	str_puts(out, " = ");
	entry_print(e, out);
	str_putc(out, '\n');
}

static void
print_databases(const struct snapshot *s, enum protocol protocol,
		struct str *out)
{
	for (size_t i = 0; i < s->database_count; i++)
		if (s->databases[i]->db.protocol == protocol)
			print_entry(&s->databases[i]->entry, out);
}

void
snapshot_print(const struct snapshot *s, struct str *out)
{
	size_t i;

	str_puts(out, "[carpool]\n");
	for (i = 0; i < settings_count; i++)
		print_setting(s, i, out);
	str_puts(out, "\n[databases]\n");
	print_databases(s, PROTOCOL_POSTGRES, out);
	str_puts(out, "\n[mysql_databases]\n");
	print_databases(s, PROTOCOL_MYSQL, out);
	str_puts(out, "\n[users]\n");
	for (i = 0; i < s->user_count; i++)
		if (s->users[i]->entry.given != 0)
			print_entry(&s->users[i]->entry, out);
}

static void
diff_setting(const struct snapshot *old, const struct snapshot *now, size_t i,
	     struct str *out)
{
	const struct setting *row = &settings_table[i];
	const struct value_type *type = row->type;
	char before[VALUE_TEXT_MAX], after[VALUE_TEXT_MAX];

	if (value_is_equal(type, &old->values[i], &now->values[i]))
		return;
	if (type->is_secret)
		str_printf(out, "%s: changed", row->name);
	else
		str_printf(out, "%s: %s -> %s", row->name,
			   value_text(type, &old->values[i], before,
				      sizeof(before)),
			   value_text(type, &now->values[i], after,
				      sizeof(after)));
	str_puts(out, row->effect == EFFECT_RESTART
			      ? " (takes effect at the next start)\n"
			      : "\n");
}

/* How a line names the thing that it is about. */
static void
name_entry(const struct entry *e, struct str *out)
{
	str_printf(out, "%s ", e->kind);
	entry_print_name(e->name, out);
}

static void
diff_entry(const struct entry *old, const struct entry *now, struct str *out)
{
	struct str before = { 0 }, after = { 0 };

	if (entry_is_equal(old, now))
		return;
	entry_print(old, &before);
	entry_print(now, &after);
	name_entry(now, out);
	if (strcmp(str_text(&before), str_text(&after)) == 0)
		str_puts(out, ": password changed\n");
	else
		str_printf(out, ": %s -> %s\n", str_text(&before),
			   str_text(&after));
	str_fini(&before);
	str_fini(&after);
}

static void
say(const struct entry *e, const char *what, struct str *out)
{
	name_entry(e, out);
	str_printf(out, " %s\n", what);
}

/* The other snapshot's entry of the same protocol and name, or NULL. */
static const struct database_body *
same_database(const struct snapshot *s, const struct config_database *db)
{
	return map_find(s->database_by_name[db->protocol], db->name,
			strlen(db->name));
}

static void
diff_databases(const struct snapshot *old, const struct snapshot *now,
	       struct str *out)
{
	const struct database_body *body, *other;
	size_t i;

	for (i = 0; i < old->database_count; i++) {
		body = old->databases[i];
		if (same_database(now, &body->db) == NULL)
			say(&body->entry, "removed", out);
	}
	for (i = 0; i < now->database_count; i++) {
		body = now->databases[i];
		other = same_database(old, &body->db);
		if (other == NULL)
			say(&body->entry, "added", out);
		else
			diff_entry(&other->entry, &body->entry, out);
	}
}

static void
diff_user(const struct user_body *old, const struct user_body *now,
	  struct str *out)
{
	const char *before = old->user.secret, *after = now->user.secret;

	diff_entry(&old->entry, &now->entry, out);
	if ((before == NULL) != (after == NULL) ||
	    (before != NULL && strcmp(before, after) != 0))
		say(&now->entry, "has another secret", out);
}

static void
diff_users(const struct snapshot *old, const struct snapshot *now,
	   struct str *out)
{
	const struct user_body *body, *other;
	size_t i;

	for (i = 0; i < old->user_count; i++) {
		body = old->users[i];
		if (map_find(now->user_by_name, body->user.name,
			     strlen(body->user.name)) == NULL)
			say(&body->entry, "removed", out);
	}
	for (i = 0; i < now->user_count; i++) {
		body = now->users[i];
		other = map_find(old->user_by_name, body->user.name,
				 strlen(body->user.name));
		if (other == NULL)
			say(&body->entry, "added", out);
		else
			diff_user(other, body, out);
	}
}

void
snapshot_diff(const struct snapshot *old, const struct snapshot *now,
	      struct str *out)
{
	size_t i;

	for (i = 0; i < settings_count; i++)
		diff_setting(old, now, i, out);
	diff_databases(old, now, out);
	diff_users(old, now, out);
}
