/*
 * Password files: each line stands for itself, so a file cut at the end of any
 * line gives the same users and as many findings in two; and what was read and
 * is written anew reads the same.
 */
#include "config/userlist.h"
#include "fuzz_file.h"

struct users {
	struct userlist list;
	struct pile pile;
	struct config_report report;
};

static void
users_read(struct users *u, const struct fuzz_file *f, const uint8_t *data,
	   size_t size)
{
	*u = (struct users){ 0 };
	fuzz_file_write(f, data, size);
	ASSERT(userlist_read(&u->list, f->path, &u->pile, &u->report) == 0);
	for (size_t i = 0; i < u->list.count; i++) {
		const struct userlist_entry *e = &u->list.entries[i];

		ASSERT(e->name[0] != '\0' && e->at.line > 0);
		ASSERT(strlen(e->name) + strlen(e->secret) <= size);
	}
}

static void
users_fini(struct users *u)
{
	pile_fini(&u->pile);
	config_report_fini(&u->report);
}

/* part's users are those of all from the first one on. */
static void
compare(const struct users *all, size_t first, const struct users *part)
{
	for (size_t i = 0; i < part->list.count; i++) {
		const struct userlist_entry *a = &all->list.entries[first + i];
		const struct userlist_entry *b = &part->list.entries[i];

		ASSERT(strcmp(a->name, b->name) == 0);
		ASSERT(strcmp(a->secret, b->secret) == 0);
	}
}

static void
split(const struct fuzz_file *f, const struct users *all, const uint8_t *data,
      size_t size, size_t at)
{
	struct users head, tail;

	users_read(&head, f, data, at);
	users_read(&tail, f, data + at, size - at);
	ASSERT(head.list.count + tail.list.count == all->list.count);
	ASSERT(head.report.count + tail.report.count == all->report.count);
	compare(all, 0, &head);
	compare(all, head.list.count, &tail);
	users_fini(&head);
	users_fini(&tail);
}

static void
put_quoted(struct str *s, const char *text)
{
	str_putc(s, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			str_putc(s, '"');
		str_putc(s, *text);
	}
	str_putc(s, '"');
}

static void
write_again(const struct fuzz_file *f, const struct users *all)
{
	struct str text = { 0 };
	struct users again;

	for (size_t i = 0; i < all->list.count; i++) {
		str_puts(&text, i > 0 ? "\n" : "");
		put_quoted(&text, all->list.entries[i].name);
		str_putc(&text, ' ');
		put_quoted(&text, all->list.entries[i].secret);
	}
	users_read(&again, f, (const uint8_t *)str_text(&text), text.len);
	ASSERT(again.report.count == 0);
	ASSERT(again.list.count == all->list.count);
	compare(all, 0, &again);
	users_fini(&again);
	str_fini(&text);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_file f;
	struct users all;
	const uint8_t *end;

	if (size < 1 || size > 20000)
		return;
	fuzz_file_open(&f);
	users_read(&all, &f, data, size);
	end = memchr(data + size / 2, '\n', size - size / 2);
	/* A byte order mark counts at the start of a file alone. */
	if (end != NULL && end[1 - (end + 1 == data + size)] != 0xef)
		split(&f, &all, data, size, (size_t)(end + 1 - data));
	write_again(&f, &all);
	users_fini(&all);
	fuzz_file_close(&f);
}
