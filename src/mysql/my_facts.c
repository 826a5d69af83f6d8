/*
 * See my_facts.h.  One allocation each: the object, then its texts.
 */
#include "my_facts.h"

#include <stdatomic.h>
#include <string.h>

#include "auth/my_sha2.h"
#include "base/mem.h"
#include "my_caps.h"
#include "my_greeting.h"

/* What MariaDB says first, since replicas once took 10 for less than 5. */
#define MARIADB_PREFIX "5.5.5-"

struct my_facts {
	struct my_facts_words words; /* their texts stand behind */
	atomic_uint refs;
	char texts[];
};

const struct my_facts *
my_facts_new(const struct my_facts_words *words)
{
	size_t version = strlen(words->version) + 1;
	size_t schema = strlen(words->schema) + 1;
	size_t variables = words->variables_len;
	struct my_facts *f =
		mem_zalloc(sizeof(*f) + version + schema + variables);

	if (f == NULL)
		return NULL;
	f->words = *words;
	f->words.version = memcpy(f->texts, words->version, version);
	f->words.schema = memcpy(f->texts + version, words->schema, schema);
	f->words.variables = f->texts + version + schema;
	if (variables > 0)
		memcpy(f->texts + version + schema, words->variables,
		       variables);
	atomic_init(&f->refs, 1);
	return f;
}

const struct my_facts *
my_facts_of(const struct my_greeting *g)
{
	struct my_facts_words w = {
		.version = g->version,
		.schema = "",
		.caps = g->caps,
		.ext = g->ext,
		.collation = g->collation,
		.status = g->status,
		.is_sha2 = strcmp(g->plugin, MY_SHA2_PLUGIN) == 0,
	};

	return my_facts_new(&w);
}

const struct my_facts_words *
my_facts_words(const struct my_facts *f)
{
	return &f->words;
}

bool
my_facts_is_mariadb(const struct my_facts *f)
{
	return (f->words.caps & MY_CLIENT_MYSQL) == 0;
}

bool
my_facts_next(const struct my_facts *f, struct my_facts_variable *at)
{
	const struct my_facts_words *w = &f->words;

	if (at->next >= w->variables_len)
		return false;
	at->name = w->variables + at->next;
	at->value = at->name + strlen(at->name) + 1;
	at->next = (size_t)(at->value + strlen(at->value) + 1 - w->variables);
	return true;
}

static bool
has_same_variables(const struct my_facts_words *x,
		   const struct my_facts_words *y)
{
	return x->variables_len == y->variables_len &&
	       (x->variables_len == 0 ||
		memcmp(x->variables, y->variables, x->variables_len) == 0);
}

const struct my_facts *
my_facts_ref(const struct my_facts *f)
{
	struct my_facts *counted = (struct my_facts *)(uintptr_t)f;

	if (f != NULL)
		atomic_fetch_add_explicit(&counted->refs, 1,
					  memory_order_relaxed);
	return f;
}

void
my_facts_unref(const struct my_facts *f)
{
	struct my_facts *counted = (struct my_facts *)(uintptr_t)f;

	if (f != NULL && atomic_fetch_sub_explicit(&counted->refs, 1,
						   memory_order_acq_rel) == 1)
		mem_free(counted);
}

uint32_t
my_facts_number(const char *version)
{
	uint32_t number = 0;
	const char *p = version;

	if (strncmp(p, MARIADB_PREFIX, sizeof(MARIADB_PREFIX) - 1) == 0 &&
	    strstr(p, "MariaDB") != NULL)
		p += sizeof(MARIADB_PREFIX) - 1;
	for (unsigned part = 0; part < 3; part++) {
		uint32_t value = 0;

		for (; *p >= '0' && *p <= '9'; p++)
			if (value < 100)
				value = value * 10 + (uint32_t)(*p - '0');
		number = number * 100 + (value > 99 ? 99 : value);
		if (*p == '.')
			p++;
	}
	return number;
}

/* A client of MySQL's kind does not read MariaDB's word, so where both kinds
 * stand none of its bits is common. */
const struct my_facts *
my_facts_meet(const struct my_facts *a, const struct my_facts *b)
{
	const struct my_facts_words *x = &a->words, *y = &b->words;
	struct my_facts_words w = *x;

	if (my_facts_number(y->version) < my_facts_number(x->version))
		w.version = y->version;
	if (strcmp(x->schema, y->schema) != 0)
		w.schema = "";
	if (!has_same_variables(x, y))
		w.variables_len = 0;
	w.caps = x->caps & y->caps;
	w.ext = x->ext & y->ext;
	if (my_facts_is_mariadb(a) != my_facts_is_mariadb(b)) {
		w.caps |= MY_CLIENT_MYSQL;
		w.ext = 0;
	}
	if (x->collation != y->collation)
		w.collation = MY_LOGIN_COLLATION;
	w.status = x->status & y->status;
	w.is_sha2 = x->is_sha2 && y->is_sha2;
	w.is_tracked = x->is_tracked && y->is_tracked;
	return my_facts_new(&w);
}

bool
my_facts_equal(const struct my_facts *a, const struct my_facts *b)
{
	const struct my_facts_words *x = &a->words, *y = &b->words;

	return strcmp(x->version, y->version) == 0 && x->caps == y->caps &&
	       x->ext == y->ext && x->collation == y->collation &&
	       x->is_sha2 == y->is_sha2;
}
