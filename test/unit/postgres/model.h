/*
 * A model of a Postgres server: its rules for errors, Syncs and COPY, with a
 * handful of statements.  The tests put it behind carpool and beside it, and
 * what a client gets must be the same.
 *
 * Statements: sel, ins, err, begin, commit, copy; several with ';' by Query.
 * CopyData "bad" fails.  Parse of "bad" fails.  "trigger" is a COPY that fails
 * before it reads anything.  What is prepared under a name is never run.
 */
#ifndef CARPOOL_TEST_UNIT_POSTGRES_MODEL_H
#define CARPOOL_TEST_UNIT_POSTGRES_MODEL_H

#include "drive.h"

enum model_copy { COPY_NONE, COPY_QUERY, COPY_EXECUTE };

struct model {
	struct str in;  /* what it was sent */
	size_t read;    /* of it */
	struct str out; /* what it answered */
	bool is_skipping;
	bool is_dead;
	enum model_copy copy;
	char tx;
	char statement[40]; /* the unnamed one, "" = none */
	char portal[40];
	char rest[80];    /* of a Query behind its COPY */
	unsigned pending; /* inserts of the running transaction */
	unsigned committed;
};

static inline void
model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	m->tx = 'I';
}

static inline void
model_fini(struct model *m)
{
	str_fini(&m->in);
	str_fini(&m->out);
}

static inline void
model_say(struct model *m, const char *script)
{
	drive_parse(&m->out, script, true);
}

static inline void
model_ready(struct model *m)
{
	char ready[] = { 'Z', ':', m->tx, '\0' };

	model_say(m, ready);
	if (m->tx == 'I') {
		m->portal[0] = '\0';
		m->committed += m->pending;
		m->pending = 0;
	}
}

/* An error; what follows depends on the protocol in use. */
static inline void
model_raise(struct model *m, bool is_extended)
{
	model_say(m, "E:ERROR:XX000:raised");
	m->pending = 0;
	if (m->tx == 'T')
		m->tx = 'E';
	m->copy = COPY_NONE;
	m->rest[0] = '\0';
	if (is_extended)
		m->is_skipping = true;
	else
		model_ready(m);
}

/* Runs one statement; false: it failed or waits for data. */
static inline bool
model_run(struct model *m, const char *text, bool is_extended)
{
	if (strcmp(text, "ROLLBACK") == 0) {
		m->pending = 0;
		m->tx = 'I';
		model_say(m, "C:ROLLBACK");
	} else if (strcmp(text, "commit") == 0) {
		model_say(m, m->tx == 'E' ? "C:ROLLBACK" : "C:COMMIT");
		m->tx = 'I';
	} else if (m->tx == 'E' || strcmp(text, "err") == 0) {
		model_raise(m, is_extended);
		return false;
	} else if (strcmp(text, "begin") == 0) {
		m->tx = 'T';
		model_say(m, "C:BEGIN");
	} else if (strcmp(text, "copy") == 0) {
		m->copy = is_extended ? COPY_EXECUTE : COPY_QUERY;
		model_say(m, "G");
		return false;
	} else if (strcmp(text, "trigger") == 0) {
		model_say(m, "G");
		model_raise(m, is_extended);
		return false;
	} else if (strcmp(text, "sel") == 0) {
		model_say(m,
			  is_extended ? "D:x|C:SELECT 1" : "T|D:x|C:SELECT 1");
	} else {
		m->pending++;
		model_say(m, "C:INSERT 0 1");
	}
	return true;
}

/* Goes on with a Query's statements. */
static inline void
model_query(struct model *m)
{
	while (m->rest[0] != '\0') {
		char one[80];
		size_t n = strcspn(m->rest, ";");

		memcpy(one, m->rest, n);
		one[n] = '\0';
		memmove(m->rest, m->rest + n + (m->rest[n] == ';'),
			strlen(m->rest) - n + (m->rest[n] != ';'));
		if (!model_run(m, one, false))
			return;
	}
	model_ready(m);
}

static inline void
model_copy(struct model *m, char type, const char *body)
{
	enum model_copy how = m->copy;

	if (type == 'H' || type == 'S')
		return;
	if (type == 'd' && strncmp(body, "bad", 3) != 0)
		return;
	if (type == 'd' || type == 'f') {
		model_raise(m, how == COPY_EXECUTE);
	} else if (type == 'c') {
		m->copy = COPY_NONE;
		model_say(m, "C:COPY 1");
		if (how == COPY_QUERY)
			model_query(m);
	} else {
		model_say(m, "E:ERROR:08P01:unexpected");
		model_say(m, "E:FATAL:08P01:lost");
		m->is_dead = true;
	}
}

static inline void
model_describe(struct model *m, const char *body)
{
	const char *text = body[0] == 'S' ? m->statement : m->portal;

	if (body[1] != '\0' || text[0] == '\0' ||
	    (m->tx == 'E' && strcmp(text, "commit") != 0)) {
		model_raise(m, true);
		return;
	}
	if (body[0] == 'S')
		model_say(m, "t");
	model_say(m, strcmp(text, "sel") == 0 ? "T" : "n");
}

static inline void
model_extended(struct model *m, char type, const char *body)
{
	bool may_run, is_named;

	if (type == 'P') {
		is_named = body[0] != '\0';
		body += strlen(body) + 1;
		if (!is_named)
			m->statement[0] = '\0';
		may_run = m->tx != 'E' || strcmp(body, "commit") == 0;
		if (!may_run || strcmp(body, "bad") == 0) {
			model_raise(m, true);
			return;
		}
		if (!is_named)
			text_copy(m->statement, sizeof(m->statement), body);
		model_say(m, "1");
	} else if (type == 'B') {
		m->portal[0] = '\0';
		may_run = m->tx != 'E' || strcmp(m->statement, "commit") == 0;
		if (m->statement[0] == '\0' || !may_run) {
			model_raise(m, true);
			return;
		}
		text_copy(m->portal, sizeof(m->portal), m->statement);
		model_say(m, "2");
	} else if (type == 'D') {
		model_describe(m, body);
	} else if (type == 'C') {
		model_say(m, "3");
	} else if (m->portal[0] == '\0') {
		model_raise(m, true);
	} else {
		char text[40];

		text_copy(text, sizeof(text), m->portal);
		(void)model_run(m, text, true);
	}
}

static inline void
model_message(struct model *m, char type, const char *body)
{
	if (m->copy != COPY_NONE) {
		model_copy(m, type, body);
	} else if (type == 'S') {
		m->is_skipping = false;
		model_ready(m);
	} else if (m->is_skipping) {
		return;
	} else if (type == 'Q') {
		m->statement[0] = m->portal[0] = '\0';
		if (body[0] == '\0')
			model_say(m, "I");
		text_copy(m->rest, sizeof(m->rest), body);
		model_query(m);
	} else if (type == 'F') {
		if (m->tx == 'E') {
			model_raise(m, false);
		} else {
			model_say(m, "V");
			model_ready(m);
		}
	} else if (strchr("PBDEC", type) != NULL) {
		model_extended(m, type, body);
	}
}

/* Reads at most n of the messages that it was sent. */
static inline void
model_work(struct model *m, unsigned n)
{
	while (!m->is_dead && n-- > 0 && m->in.len - m->read >= PG_HEADER) {
		const uint8_t *p = (const uint8_t *)m->in.data + m->read;
		size_t total = (size_t)pg_get_u32(p + 1) + 1;
		char body[200];

		if (m->in.len - m->read < total)
			return;
		ASSERT(total - PG_HEADER < sizeof(body));
		memcpy(body, p + PG_HEADER, total - PG_HEADER);
		body[total - PG_HEADER] = '\0';
		m->read += total;
		model_message(m, (char)p[0], body);
	}
}

/* Where nobody can tell whether the Parse was dropped. */
#define MODEL_DOUBT "P::copy|B::|E:|S|d:bad|c|P::sel"

/* A group or a request that a client may send at this point. */
static inline const char *
model_request(unsigned *seed)
{
	static const char *const requests[] = {
		"Q:sel",
		"Q:ins;sel",
		"Q:err",
		"Q:sel;err;sel",
		"Q:begin",
		"Q:begin",
		"Q:commit",
		"Q:commit",
		"Q:copy|d:x|c",
		"Q:copy|d:bad|d:x|c",
		"Q:copy;sel;copy|d:x|c|d:x|c",
		"Q:copy;sel;copy|d:x|c|d:bad|c",
		"Q:copy|f:no",
		"Q:copy|S|d:x|S|c",
		"Q:copy|S|d:bad|S|c",
		"Q:sel|d:x|c|f:late",
		"F",
		"S",
		"S|S|H",
		"P::sel|B::|DP:|E:|S",
		"P::sel|DS:|B::|E:|CP:|S",
		"P::ins|B::|E:|B::|E:|S",
		"P::bad|B::|E:|S",
		"P::err|B::|E:|P::sel|B::|E:|S",
		"P::ins|B::|E:|P::bad|Q:sel|F|S",
		"P::ins|B::|E:|Q:sel|S",
		"P::sel|H|B::|H|E:|H|S",
		"P::begin|B::|E:|S",
		"P::commit|B::|E:|S",
		"P::copy|B::|E:|d:x|c|S",
		"P::copy|B::|E:|d:bad|c|S",
		"P::copy|B::|E:|S|d:x|c|S",
		"P::copy|B::|E:|S|d:bad|c|S",
		"P::copy|B::|E:|S|S|d:bad|d:x|c|S|S",
		"P::copy|B::|E:|H|d:x|H|c|P::sel|B::|E:|S",
		MODEL_DOUBT "|B::|E:|S",
		"P::sel|B::|E:|c|d:x|S",
		"d:late|c",
		"P::copy|B::|E:|S|f:no|S",
		"P::copy|B::|E:|Q:sel|S",
	};

	return requests[(unsigned)rand_r(seed) % COUNT_OF(requests)];
}

/* Lets the server behind carpool work for a while. */
static inline void
model_let_work(struct drive *d, struct model *m, unsigned n)
{
	str_add(&m->in, str_text(&d->to_server), d->to_server.len);
	str_fini(&d->to_server);
	model_work(m, n);
	if (m->out.len > 0)
		drive_feed(d, &d->s_in, m->out.data, m->out.len);
	str_fini(&m->out);
}

#endif
