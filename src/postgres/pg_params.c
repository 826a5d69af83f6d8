/*
 * Sets of settings.  One flat block each: head, then name and value, both
 * NUL-terminated, pair after pair in the order of their first appearance.
 */
#include "pg_params.h"

#include <stdatomic.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

struct pg_params {
	atomic_uint refs;
	uint32_t len;  /* of data */
	uint64_t hash; /* of data */
	char data[];
};

uint32_t
pg_param_hash(const char *name, const char *value)
{
	uint64_t h = HASH_START;

	for (; *name != '\0'; name++)
		h = hash_byte(h, (uint8_t)text_lower(*name));
	h = hash_byte(h, 0);
	h = hash_bytes(h, value, strlen(value));
	return hash_fold(h);
}

struct pg_params *
pg_params_ref(const struct pg_params *p)
{
	union {
		const struct pg_params *from;
		struct pg_params *to;
	} set = { .from = p };

	if (p != NULL)
		atomic_fetch_add_explicit(&set.to->refs, 1,
					  memory_order_relaxed);
	return set.to;
}

void
pg_params_unref(const struct pg_params *p)
{
	union {
		const struct pg_params *from;
		struct pg_params *to;
	} set = { .from = p };

	if (p != NULL && atomic_fetch_sub_explicit(&set.to->refs, 1,
						   memory_order_acq_rel) == 1)
		mem_free(set.to);
}

void
pg_params_put(struct pg_params **slot, struct pg_params *p)
{
	pg_params_unref(*slot);
	*slot = p;
}

size_t
pg_params_size(const struct pg_params *p)
{
	return p != NULL ? p->len : 0;
}

bool
pg_params_next(const struct pg_params *p, struct pg_param *at)
{
	if (p == NULL || at->next >= p->len)
		return false;
	at->name = p->data + at->next;
	at->value = at->name + strlen(at->name) + 1;
	at->next = (size_t)(at->value - p->data) + strlen(at->value) + 1;
	return true;
}

const char *
pg_params_find(const struct pg_params *p, const char *name)
{
	struct pg_param at = { 0 };
	ptrdiff_t size = (ptrdiff_t)strlen(name) + 1;

	while (pg_params_next(p, &at)) {
		if (at.value - at.name == size &&
		    text_equal_nocase(at.name, name))
			return at.value;
	}
	return NULL;
}

bool
pg_params_equal(const struct pg_params *a, const struct pg_params *b)
{
	if (a == b)
		return true;
	if (a == NULL || b == NULL)
		return false;
	return a->hash == b->hash && a->len == b->len &&
	       memcmp(a->data, b->data, a->len) == 0;
}

bool
pg_params_unite(struct pg_params **a, struct pg_params **b)
{
	if (*a == *b)
		return true;
	if (!pg_params_equal(*a, *b))
		return false;
	if ((uintptr_t)*a < (uintptr_t)*b)
		pg_params_put(b, pg_params_ref(*a));
	else
		pg_params_put(a, pg_params_ref(*b));
	return true;
}

/* A set for so many bytes of pairs, which are still to be written. */
static struct pg_params *
new_set(size_t len)
{
	struct pg_params *p = NULL;

	if (len < UINT32_MAX)
		p = mem_zalloc(sizeof(*p) + len);
	if (p != NULL) {
		atomic_init(&p->refs, 1);
		p->len = (uint32_t)len;
	}
	return p;
}

/* They are written.  Hashed by words: a login makes sets. */
static struct pg_params *
seal(struct pg_params *p)
{
	uint64_t h = HASH_START, word;
	size_t i = 0;

	for (; p->len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, p->data + i, sizeof(word));
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	p->hash = hash_bytes(h, p->data + i, p->len - i);
	return p;
}

/* Makes a set of the pairs written to s, which is freed. */
static struct pg_params *
make(struct str *s)
{
	struct pg_params *p = NULL;

	if (!s->failed)
		p = new_set(s->len);
	if (p != NULL) {
		memcpy(p->data, str_text(s), s->len);
		(void)seal(p);
	}
	str_fini(s);
	return p;
}

static void
add_pair(struct str *s, const char *name, const char *value)
{
	str_add(s, name, strlen(name) + 1);
	str_add(s, value, strlen(value) + 1);
}

/* With this value in the place of one that is in the set. */
static struct pg_params *
replace(const struct pg_params *p, const char *old, const char *value)
{
	size_t front = (size_t)(old - p->data), size = strlen(value) + 1;
	size_t back = front + strlen(old) + 1;
	struct pg_params *set = new_set(front + size + p->len - back);

	if (set == NULL)
		return NULL;
	memcpy(set->data, p->data, front);
	memcpy(set->data + front, value, size);
	memcpy(set->data + front + size, p->data + back, p->len - back);
	return seal(set);
}

struct pg_params *
pg_params_with(const struct pg_params *p, const char *name, const char *value)
{
	const char *old = pg_params_find(p, name);
	size_t had = pg_params_size(p), name_size, value_size;
	struct pg_params *set;

	if (old != NULL)
		return replace(p, old, value);
	name_size = strlen(name) + 1;
	value_size = strlen(value) + 1;
	set = new_set(had + name_size + value_size);
	if (set == NULL)
		return NULL;
	if (had > 0)
		memcpy(set->data, p->data, had);
	memcpy(set->data + had, name, name_size);
	memcpy(set->data + had + name_size, value, value_size);
	return seal(set);
}

/* Names are ASCII for all that matters here. */
static int
compare_names(const char *a, const char *b)
{
	while (*a != '\0' && text_lower(*a) == text_lower(*b)) {
		a++;
		b++;
	}
	return (uint8_t)text_lower(*a) - (uint8_t)text_lower(*b);
}

struct pg_params *
pg_params_insert(const struct pg_params *p, const char *name, const char *value)
{
	struct str s = { 0 };
	struct pg_param at = { 0 };
	bool is_done = false;

	while (pg_params_next(p, &at)) {
		int order = compare_names(at.name, name);

		if (order >= 0 && !is_done) {
			add_pair(&s, order == 0 ? at.name : name, value);
			is_done = true;
		}
		if (order != 0)
			add_pair(&s, at.name, at.value);
	}
	if (!is_done)
		add_pair(&s, name, value);
	return make(&s);
}

struct pg_params *
pg_params_without(const struct pg_params *p, const char *name)
{
	struct str s = { 0 };
	struct pg_param at = { 0 };

	while (pg_params_next(p, &at)) {
		if (!text_equal_nocase(at.name, name))
			add_pair(&s, at.name, at.value);
	}
	return make(&s);
}

/* ---- which settings are carried ---- */

bool
pg_in_list(const char *name, const char *list)
{
	size_t len = strlen(name);

	while (*list != '\0') {
		size_t skip = strspn(list, " \t,"), n;

		list += skip;
		n = strcspn(list, " \t,");
		if (n == 1 && *list == '*')
			return true;
		if (n == len && len > 0) {
			size_t i = 0;

			while (i < n &&
			       text_lower(list[i]) == text_lower(name[i]))
				i++;
			if (i == n)
				return true;
		}
		list += n;
	}
	return false;
}

/* A name of carpool's own lists, with its length: each login asks for each of
 * its settings whether it is there. */
struct known {
	const char *name;
	size_t len;
};

#define KNOWN(name)                                                            \
	{                                                                      \
		name, sizeof(name) - 1                                         \
	}

static bool
is_known(const char *name, const struct known *list, size_t count)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < count; i++) {
		if (list[i].len == len && text_equal_nocase(list[i].name, name))
			return true;
	}
	return false;
}

bool
pg_is_tracked(const char *name, const struct policy *policy)
{
	static const struct known fixed[] = {
		KNOWN("client_encoding"),
		KNOWN("DateStyle"),
		KNOWN("TimeZone"),
		KNOWN("IntervalStyle"),
		KNOWN("standard_conforming_strings"),
		KNOWN("application_name"),
	};
	static const char never[] =
		"role,session_authorization,is_superuser,server_version,"
		"server_encoding,integer_datetimes,in_hot_standby";

	if (is_known(name, fixed, COUNT_OF(fixed)))
		return true;
	return pg_in_list(name, policy->extra_tracked) &&
	       !pg_in_list(name, never);
}

bool
pg_is_own(const char *name)
{
	/* Of one transaction, or nobody's to set. */
	static const struct known never[] = {
		KNOWN("transaction_isolation"),  KNOWN("transaction_read_only"),
		KNOWN("transaction_deferrable"), KNOWN("seed"),
		KNOWN("is_superuser"),           KNOWN("server_version"),
		KNOWN("server_encoding"),        KNOWN("integer_datetimes"),
		KNOWN("in_hot_standby"),
	};

	return !is_known(name, never, COUNT_OF(never));
}

/* ---- spellings ---- */

static const char *
skip_signs(const char *s)
{
	while (*s != '\0' && !(*s >= '0' && *s <= '9') &&
	       !(text_lower(*s) >= 'a' && text_lower(*s) <= 'z'))
		s++;
	return s;
}

/* Servers look at letters and digits alone: "'utf-8'" and "UTF8" are one
 * encoding. */
static bool
is_same_spelling(const char *a, const char *b)
{
	for (;; a++, b++) {
		a = skip_signs(a);
		b = skip_signs(b);
		if (text_lower(*a) != text_lower(*b))
			return false;
		if (*a == '\0')
			return true;
	}
}

bool
pg_is_same_encoding(const char *a, const char *b)
{
	static const char name[] = "UTF8", alias[] = "UNICODE";

	return is_same_spelling(is_same_spelling(a, alias) ? name : a,
				is_same_spelling(b, alias) ? name : b);
}

/* Asking for "ISO" leaves the order of day and month as it is. */
static bool
is_same_style(const char *asked, const char *has)
{
	size_t len = strlen(asked);
	char head[32];

	if (len >= sizeof(head) || strlen(has) < len ||
	    (has[len] != '\0' && has[len] != ','))
		return false;
	(void)text_copy(head, len + 1, has);
	return text_equal_nocase(asked, head);
}

bool
pg_is_same_value(const char *name, const char *asked, const char *has)
{
	if (has == NULL)
		return false;
	if (text_equal_nocase(name, "client_encoding"))
		return is_same_spelling(asked, has);
	if (text_equal_nocase(name, "DateStyle"))
		return is_same_style(asked, has);
	return strcmp(asked, has) == 0;
}

/* ---- differences ---- */

bool
pg_params_change(const struct pg_params *from, const struct pg_params *to,
		 const struct policy *policy, struct pg_walk *at,
		 struct pg_change *change)
{
	while (!at->is_removing && pg_params_next(to, &at->in_to)) {
		const char *old = pg_params_find(from, at->in_to.name);

		if ((old != NULL && strcmp(old, at->in_to.value) == 0) ||
		    !pg_is_tracked(at->in_to.name, policy))
			continue;
		*change = (struct pg_change){ .name = at->in_to.name,
					      .value = at->in_to.value };
		return true;
	}
	at->is_removing = true;
	while (pg_params_next(from, &at->in_from)) {
		if (pg_params_find(to, at->in_from.name) != NULL ||
		    !pg_is_tracked(at->in_from.name, policy))
			continue;
		*change = (struct pg_change){ .name = at->in_from.name };
		return true;
	}
	return false;
}

bool
pg_params_own_change(const struct pg_params *from, const struct pg_params *to,
		     struct pg_walk *at, struct pg_change *change)
{
	change->is_own = true;
	change->value = NULL;
	while (pg_params_next(from, &at->in_from)) {
		change->name = at->in_from.name;
		if (pg_params_find(to, change->name) == NULL)
			return true;
	}
	while (pg_params_next(to, &at->in_to)) {
		const char *old = pg_params_find(from, at->in_to.name);

		change->name = at->in_to.name;
		change->value = at->in_to.value;
		if (old == NULL || strcmp(old, change->value) != 0)
			return true;
	}
	return false;
}

/*
 * A setting's name as an identifier; a qualified one keeps its dots.  Plain
 * ones stay bare, since quotes would keep their letter case.
 */
static void
add_name(struct str *sql, const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";

	if (strspn(name, plain) == strlen(name)) {
		str_puts(sql, name);
		return;
	}
	str_putc(sql, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			str_putc(sql, '"');
		str_putc(sql, *name);
	}
	str_putc(sql, '"');
}

void
pg_put_literal(struct str *sql, const char *value)
{
	bool has_backslash = strchr(value, '\\') != NULL;

	str_puts(sql, has_backslash ? "E'" : "'");
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			str_putc(sql, *value);
		str_putc(sql, (uint8_t)*value > 0x7e ? '?' : *value);
	}
	str_putc(sql, '\'');
}

void
pg_change_sql(struct str *sql, const struct pg_change *change)
{
	/* SET would take a list in one constant for one quoted name. */
	static const char lists[] = "search_path,temp_tablespaces,"
				    "local_preload_libraries,"
				    "session_preload_libraries";

	if (change->value == NULL) {
		str_puts(sql, "RESET ");
		add_name(sql, change->name);
	} else if (change->is_own || pg_in_list(change->name, lists)) {
		str_puts(sql, "SELECT pg_catalog.set_config(");
		pg_put_literal(sql, change->name);
		str_putc(sql, ',');
		pg_put_literal(sql, change->value);
		str_puts(sql, ",false)");
	} else {
		str_puts(sql, "SET ");
		add_name(sql, change->name);
		str_putc(sql, '=');
		pg_put_literal(sql, change->value);
	}
}

void
pg_clean_ascii(char *text, const char *kept)
{
	for (; *text != '\0'; text++) {
		if (strchr(kept, *text) != NULL)
			continue;
		if ((uint8_t)*text < 0x20 || (uint8_t)*text > 0x7e)
			*text = '?';
	}
}
