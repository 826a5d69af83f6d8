/*
 * OK and ERR packets of a server.  What is read of an OK can be written anew
 * for any wish, in place or elsewhere, never longer than it was; what was
 * written is an OK in which only what was wished for is left, in its order;
 * written once more it stays as it is.  The changes of a session are found
 * again by a reading of their own.
 */
#include "base/mem.h"
#include "fuzz_main.h"
#include "mysql/my_error.h"
#include "mysql/my_ok.h"

static const struct my_wish wishes[] = {
	{ 0 },
	{ MY_WISH_VARIABLES | MY_WISH_SCHEMA, "autocommit, time_zone,a" },
	{ MY_WISH_VARIABLES, "" },
	{ MY_WISH_STATE | MY_WISH_TRANSACTION | MY_WISH_CHARACTERISTICS, NULL },
	{ ~0u, "*" },
};

/* Is this variable wished?  A second opinion: items have no blanks inside. */
static bool
has_item(const char *list, const char *name, size_t len)
{
	while (list != NULL && *list != '\0') {
		size_t skip = strspn(list, " ,");
		size_t n = strcspn(list + skip, ",");

		list += skip;
		if ((n == 1 && *list == '*') ||
		    (n == len && len > 0 && memcmp(list, name, n) == 0))
			return true;
		list += n;
	}
	return false;
}

/* A number before its bytes, which is_sane has let through. */
static size_t
length(const uint8_t **at)
{
	const uint8_t *p = *at;
	size_t n = *p < 0xfb ? 1 : *p == 0xfc ? 3 : *p == 0xfd ? 4 : 9;
	size_t value = n == 1 ? *p : 0;

	for (size_t i = 1; i < n; i++)
		value |= (size_t)p[i] << 8 * (i - 1);
	*at += n;
	return value;
}

/* All wished changes as lines of text: type, name or nothing, data. */
static void
list_changes(struct str *s, const struct my_ok *ok, const struct my_wish *wish)
{
	const uint8_t *at = (const uint8_t *)ok->trackers.data, *end;

	if (ok->trackers.len == 0)
		return;
	end = at + ok->trackers.len;
	while (at < end) {
		uint8_t type = *at++;
		size_t len = length(&at);
		const uint8_t *stop = at + len;

		if (type > 5 ||
		    (wish->kinds >> (type > 3 ? 9 - type : type) & 1) == 0)
			at = stop;
		if (type != 0 && at < stop) {
			str_printf(s, "%u ", type);
			str_add(s, (const char *)at, len);
			str_putc(s, '\n');
		}
		while (type == 0 && at < stop) {
			size_t name = length(&at);
			const uint8_t *from = at;
			size_t value;

			at += name;
			value = length(&at);
			if (has_item(wish->variables, (const char *)from,
				     name)) {
				str_printf(s, "0 %zu %zu ", name, value);
				str_add(s, (const char *)from, name);
				str_add(s, (const char *)at, value);
			}
			at += value;
		}
		at = stop;
	}
}

static void
check_rewritten(const struct my_ok *ok, const uint8_t *out, size_t len,
		const struct my_wish *wish)
{
	static const struct my_wish all = { ~0u, "*" };
	struct str before = { 0 }, after = { 0 };
	static uint8_t again[FUZZ_INPUT_MAX];
	struct my_ok got;

	ASSERT(my_ok_parse(&got, out, len));
	ASSERT(got.first == ok->first && got.affected == ok->affected);
	ASSERT(got.insert_id == ok->insert_id);
	ASSERT(got.warnings == ok->warnings);
	ASSERT((got.status & 0xbfff) == (ok->status & 0xbfff));
	ASSERT(((got.status & 0x4000) != 0) == (got.trackers.len > 0));
	ASSERT(got.info.len == ok->info.len);
	ASSERT(got.info.len == 0 ||
	       memcmp(got.info.data, ok->info.data, got.info.len) == 0);
	ASSERT(my_ok_rewrite(again, &got, wish) == len);
	ASSERT(memcmp(again, out, len) == 0);
	list_changes(&before, ok, wish);
	list_changes(&after, &got, &all);
	ASSERT(before.len == after.len);
	ASSERT(before.len == 0 ||
	       memcmp(before.data, after.data, before.len) == 0);
	str_fini(&before);
	str_fini(&after);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	uint8_t *copy = mem_zalloc(size + 1), *out = mem_zalloc(size + 1);
	struct my_error e;
	struct my_ok ok;

	ASSERT(copy != NULL && out != NULL);
	if (my_error_parse(&e, data, size))
		ASSERT(e.text_len + 3 <= size && strlen(e.sqlstate) <= 5);
	for (size_t i = 0; i < COUNT_OF(wishes); i++) {
		size_t len;

		memcpy(copy, data, size);
		if (!my_ok_parse(&ok, copy, size))
			break;
		len = my_ok_rewrite(out, &ok, &wishes[i]);
		ASSERT(len <= size);
		check_rewritten(&ok, out, len, &wishes[i]);
		ASSERT(my_ok_rewrite(copy, &ok, &wishes[i]) == len);
		ASSERT(memcmp(copy, out, len) == 0);
	}
	mem_free(copy);
	mem_free(out);
}
