/*
 * A simulated Postgres server that knows statements by name: those of the
 * protocol and those of SQL's PREPARE are the same ones.  A test puts one of
 * its own beside each client, and a few behind carpool.
 *
 * Texts: sel, two (each with rows of its own), ins, err, begin, commit,
 * rollback, PREPARE n AS text, EXECUTE n, DEALLOCATE n|ALL, DISCARD ALL; any
 * SELECT or SET is one of carpool's own.  Parse of "bad" fails.
 */
#ifndef CARPOOL_TEST_UNIT_POSTGRES_SIM_H
#define CARPOOL_TEST_UNIT_POSTGRES_SIM_H

#include "drive.h"

#define SIM_NAMES 64u
#define SIM_SPARE "carpool_0" /* begins what stands for no statement */
#define SIM_PORTALS 4u
#define SIM_TEXT 80u

/* A statement or a portal. */
struct sim_thing {
	bool is_there;
	char name[40];
	char text[SIM_TEXT];
};

struct sim {
	struct str in;  /* what it was sent */
	size_t read;    /* of it */
	struct str out; /* what it answered */
	char tx;
	bool is_skipping;
	bool is_among; /* other statements of one Query */
	struct sim_thing names[SIM_NAMES];
	struct sim_thing portals[SIM_PORTALS];
};

static inline void
sim_init(struct sim *s)
{
	memset(s, 0, sizeof(*s));
	s->tx = 'I';
}

static inline void
sim_fini(struct sim *s)
{
	str_fini(&s->in);
	str_fini(&s->out);
}

static inline void
sim_say(struct sim *s, const char *script)
{
	drive_parse(&s->out, script, true);
}

/* ---- things by name ---- */

static inline const struct sim_thing *
sim_find(const struct sim_thing *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].is_there && strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	return NULL;
}

static inline const struct sim_thing *
sim_statement(const struct sim *s, const char *name)
{
	return sim_find(s->names, SIM_NAMES, name);
}

static inline void
sim_remove(struct sim_thing *list, size_t count, const char *name)
{
	const struct sim_thing *t = sim_find(list, count, name);

	if (t != NULL)
		list[t - list].is_there = false;
}

static inline void
sim_put(struct sim_thing *list, size_t count, const char *name,
	const char *text)
{
	sim_remove(list, count, name);
	for (size_t i = 0; i < count; i++) {
		if (list[i].is_there)
			continue;
		list[i].is_there = true;
		text_copy(list[i].name, sizeof(list[i].name), name);
		text_copy(list[i].text, sizeof(list[i].text), text);
		return;
	}
	ASSERT(false);
}

/* Statements, but for what carpool made to be in a text's way. */
static inline unsigned
sim_count(const struct sim *s)
{
	unsigned n = 0;

	for (size_t i = 0; i < SIM_NAMES; i++)
		n += s->names[i].is_there && s->names[i].name[0] != '\0' &&
		     strncmp(s->names[i].name, SIM_SPARE, 9) != 0;
	return n;
}

/* ---- answers ---- */

static inline void
sim_ready(struct sim *s)
{
	char ready[] = { 'Z', ':', s->tx, '\0' };

	sim_say(s, ready);
	if (s->tx == 'I')
		memset(s->portals, 0, sizeof(s->portals));
}

/* False always: the message has failed. */
static inline bool
sim_raise(struct sim *s, const char *state, const char *text)
{
	struct str e = { 0 };

	str_printf(&e, "E:ERROR:%s:%s", state, text);
	sim_say(s, str_text(&e));
	str_fini(&e);
	if (s->tx == 'T')
		s->tx = 'E';
	memset(s->portals, 0, sizeof(s->portals));
	return false;
}

/* The same of a statement by its name. */
static inline bool
sim_raise_about(struct sim *s, const char *state, const char *name,
		const char *what)
{
	struct str text = { 0 };

	str_printf(&text, "prepared statement \"%s\" %s", name, what);
	(void)sim_raise(s, state, str_text(&text));
	str_fini(&text);
	return false;
}

static inline bool
sim_raise_aborted(struct sim *s)
{
	return sim_raise(s, "25P02", "aborted");
}

static inline bool
sim_raise_missing(struct sim *s, const char *name)
{
	return name[0] == '\0'
		       ? sim_raise(s, "26000", "no unnamed one")
		       : sim_raise_about(s, "26000", name, "does not exist");
}

static inline bool
sim_raise_taken(struct sim *s, const char *name)
{
	return sim_raise_about(s, "42P05", name, "already exists");
}

static inline bool
sim_ends(const char *text)
{
	return text_equal_nocase(text, "commit") ||
	       text_equal_nocase(text, "rollback");
}

static inline const char *
sim_rows(const char *text)
{
	return strcmp(text, "sel") == 0              ? "T:x"
	       : strcmp(text, "two") == 0            ? "T:x,y"
	       : strncasecmp(text, "select", 6) == 0 ? "T:q"
						     : "n";
}

/* ---- statements ---- */

static inline bool sim_run(struct sim *s, const char *text, bool is_simple);

static inline bool
sim_prepare(struct sim *s, const char *rest)
{
	size_t n = strcspn(rest, " ");
	char name[40];

	ASSERT(strncmp(rest + n, " AS ", 4) == 0 && n < sizeof(name));
	memcpy(name, rest, n);
	name[n] = '\0';
	if (sim_statement(s, name) != NULL)
		return sim_raise_taken(s, name);
	sim_put(s->names, SIM_NAMES, name, rest + n + 4);
	sim_say(s, "C:PREPARE");
	return true;
}

static inline bool
sim_deallocate(struct sim *s, const char *name)
{
	if (strcmp(name, "ALL") == 0) {
		memset(s->names, 0, sizeof(s->names));
		sim_say(s, "C:DEALLOCATE ALL");
		return true;
	}
	if (sim_statement(s, name) == NULL)
		return sim_raise_missing(s, name);
	sim_remove(s->names, SIM_NAMES, name);
	sim_say(s, "C:DEALLOCATE");
	return true;
}

static inline bool
sim_execute(struct sim *s, const char *name, bool is_simple)
{
	const struct sim_thing *t = sim_statement(s, name);

	return t != NULL ? sim_run(s, t->text, is_simple)
			 : sim_raise_missing(s, name);
}

static inline bool
sim_discard(struct sim *s)
{
	if (s->tx != 'I' || s->is_among)
		return sim_raise(s, "25001", "in a transaction");
	memset(s->names, 0, sizeof(s->names));
	memset(s->portals, 0, sizeof(s->portals));
	sim_say(s, "C:DISCARD ALL");
	return true;
}

/* Begins and ends transactions. */
static inline bool
sim_control(struct sim *s, const char *text)
{
	bool is_commit = text_equal_nocase(text, "commit");

	if (sim_ends(text)) {
		sim_say(s,
			is_commit && s->tx != 'E' ? "C:COMMIT" : "C:ROLLBACK");
		s->tx = 'I';
		return true;
	}
	if (strcmp(text, "begin") != 0)
		return false;
	sim_say(s, "C:BEGIN");
	s->tx = 'T';
	return true;
}

/* Runs one statement; false: it failed. */
static inline bool
sim_run(struct sim *s, const char *text, bool is_simple)
{
	if (s->tx == 'E' && !sim_ends(text))
		return sim_raise_aborted(s);
	if (sim_control(s, text))
		return true;
	if (strncmp(text, "PREPARE ", 8) == 0)
		return sim_prepare(s, text + 8);
	if (strncmp(text, "EXECUTE ", 8) == 0)
		return sim_execute(s, text + 8, is_simple);
	if (strncmp(text, "DEALLOCATE ", 11) == 0)
		return sim_deallocate(s, text + 11);
	if (strcmp(text, "DISCARD ALL") == 0)
		return sim_discard(s);
	if (strcmp(text, "err") == 0)
		return sim_raise(s, "XX000", "raised");
	if (sim_rows(text)[0] != 'n') {
		if (is_simple)
			sim_say(s, sim_rows(text));
		sim_say(s, text[0] == 'S' ? "C:SELECT 0" : "D:x|C:SELECT 1");
		return true;
	}
	sim_say(s, strncmp(text, "SET", 3) == 0 ? "C:SET" : "C:INSERT 0 1");
	return true;
}

static inline void
sim_query(struct sim *s, const char *body)
{
	sim_remove(s->names, SIM_NAMES, "");
	sim_remove(s->portals, SIM_PORTALS, "");
	if (body[0] == '\0')
		sim_say(s, "I");
	s->is_among = strchr(body, ';') != NULL;
	while (body[0] != '\0') {
		char one[SIM_TEXT * 4];
		size_t n = strcspn(body, ";");

		ASSERT(n < sizeof(one));
		memcpy(one, body, n);
		one[n] = '\0';
		body += n + (body[n] == ';');
		if (strcmp(one, "bad") == 0) {
			(void)sim_raise(s, "42601", "syntax");
			break;
		}
		if (!sim_run(s, one, true))
			break;
	}
	s->is_among = false;
	sim_ready(s);
}

/* ---- the extended protocol ---- */

static inline bool
sim_parse(struct sim *s, const char *name, const char *text)
{
	if (name[0] == '\0')
		sim_remove(s->names, SIM_NAMES, "");
	if (strcmp(text, "bad") == 0)
		return sim_raise(s, "42601", "syntax");
	if (s->tx == 'E' && text[0] != '\0' && !sim_ends(text))
		return sim_raise_aborted(s);
	if (name[0] != '\0' && sim_statement(s, name) != NULL)
		return sim_raise_taken(s, name);
	sim_put(s->names, SIM_NAMES, name, text);
	sim_say(s, "1");
	return true;
}

static inline bool
sim_bind(struct sim *s, const char *portal, const char *name)
{
	const struct sim_thing *t = sim_statement(s, name);

	if (t == NULL)
		return sim_raise_missing(s, name);
	if (s->tx == 'E' && !sim_ends(t->text))
		return sim_raise_aborted(s);
	sim_put(s->portals, SIM_PORTALS, portal, t->text);
	sim_say(s, "2");
	return true;
}

static inline bool
sim_describe(struct sim *s, const char *name)
{
	const struct sim_thing *t = sim_statement(s, name);

	if (t == NULL)
		return sim_raise_missing(s, name);
	if (s->tx == 'E' && sim_rows(t->text)[0] != 'n')
		return sim_raise_aborted(s);
	sim_say(s, "t");
	sim_say(s, sim_rows(t->text));
	return true;
}

static inline bool
sim_execute_portal(struct sim *s, const char *name)
{
	const struct sim_thing *t = sim_find(s->portals, SIM_PORTALS, name);
	char text[SIM_TEXT];

	if (t == NULL)
		return sim_raise(s, "34000", "no portal");
	text_copy(text, sizeof(text), t->text);
	return sim_run(s, text, false);
}

static inline bool
sim_extended(struct sim *s, char type, const char *body)
{
	const char *second = body + strlen(body) + 1;

	switch (type) {
	case 'P':
		return sim_parse(s, body, second);
	case 'B':
		return sim_bind(s, body, second);
	case 'D':
		ASSERT(body[0] == 'S');
		return sim_describe(s, body + 1);
	case 'E':
		return sim_execute_portal(s, body);
	default:
		ASSERT(type == 'C');
		if (body[0] == 'S')
			sim_remove(s->names, SIM_NAMES, body + 1);
		else
			sim_remove(s->portals, SIM_PORTALS, body + 1);
		sim_say(s, "3");
		return true;
	}
}

static inline void
sim_message(struct sim *s, char type, const char *body)
{
	if (type == 'S') {
		s->is_skipping = false;
		sim_ready(s);
	} else if (type == 'H' || s->is_skipping) {
		return;
	} else if (type == 'Q') {
		sim_query(s, body);
	} else {
		s->is_skipping = !sim_extended(s, type, body);
	}
}

/* Reads at most n of the messages that it was sent. */
static inline void
sim_work(struct sim *s, unsigned n)
{
	while (n-- > 0 && s->in.len - s->read >= PG_HEADER) {
		const uint8_t *p = (const uint8_t *)s->in.data + s->read;
		size_t total = (size_t)pg_get_u32(p + 1) + 1;
		char body[1000] = { 0 };

		if (s->in.len - s->read < total)
			return;
		ASSERT(total - PG_HEADER < sizeof(body) - 1);
		memcpy(body, p + PG_HEADER, total - PG_HEADER);
		s->read += total;
		sim_message(s, (char)p[0], body);
	}
}

#endif
