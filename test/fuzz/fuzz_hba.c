/*
 * Files of rules and of maps: each line stands for itself, so a file cut
 * between two of them gives the same rules and as many findings in two.  The
 * input's first byte chooses the kind of file; none names another file.
 */
#include "config/hba_lines.h"
#include "config/ident.h"
#include "fuzz_file.h"

struct rules {
	struct hba hba;
	struct ident ident;
	struct pile pile;
	struct config_report report;
};

enum kind { KIND_HBA, KIND_IDENT };

static void
rules_read(struct rules *r, const struct fuzz_file *f, enum kind kind,
	   const uint8_t *data, size_t size)
{
	*r = (struct rules){ 0 };
	fuzz_file_write(f, data, size);
	if (kind == KIND_HBA)
		ASSERT(hba_read(&r->hba, f->path, &r->pile, &r->report) == 0);
	else
		ASSERT(ident_read(&r->ident, f->path, &r->pile, &r->report) ==
		       0);
}

static void
rules_fini(struct rules *r)
{
	ident_fini(&r->ident);
	pile_fini(&r->pile);
	config_report_fini(&r->report);
}

/* Whom the rules and maps fit: that they can be asked at all. */
static void
ask(const struct rules *r)
{
	struct hba_client c = { .way = HBA_TLS, .database = "d", .user = "u" };
	const struct hba_rule *rule;
	struct addr peer;

	ASSERT(addr_parse_ip("127.0.0.1", 1, &peer));
	c.peer = &peer;
	rule = hba_find(&r->hba, &c);
	ASSERT(rule == NULL || rule->line > 0);
	c.way = HBA_UNIX;
	rule = hba_find(&r->hba, &c);
	ASSERT(rule == NULL || rule->method != AUTH_CERT);
	for (size_t i = 0; i < r->ident.count; i++)
		(void)ident_allows(&r->ident, r->ident.lines[i].map,
				   "joe@example.com", "joe");
}

static void
split(const struct fuzz_file *f, enum kind kind, const struct rules *all,
      const uint8_t *data, size_t size, size_t at)
{
	struct rules head, tail;

	rules_read(&head, f, kind, data, at);
	rules_read(&tail, f, kind, data + at, size - at);
	ASSERT(head.hba.count + tail.hba.count == all->hba.count);
	ASSERT(head.ident.count + tail.ident.count == all->ident.count);
	ASSERT(head.report.count + tail.report.count == all->report.count);
	rules_fini(&head);
	rules_fini(&tail);
}

/* The first end of a line in the second half, where no line goes on; 0: none.
 */
static size_t
find_cut(const uint8_t *data, size_t size)
{
	for (size_t i = size / 2 + 2; i + 1 < size; i++)
		/* A byte order mark counts at the start of a file alone. */
		if (data[i] == '\n' && data[i - 1] != '\\' &&
		    data[i - 1] != '\r' && data[i + 1] != 0xef)
			return i + 1;
	return 0;
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	uint8_t text[4096];
	struct fuzz_file f;
	struct rules all;
	enum kind kind;
	size_t cut;

	if (size < 2 || size > sizeof(text))
		return;
	kind = (data[0] & 1) != 0 ? KIND_IDENT : KIND_HBA;
	size--;
	for (size_t i = 0; i < size; i++)
		text[i] = data[i + 1] == '@' ? '_' : data[i + 1];
	fuzz_file_open(&f);
	rules_read(&all, &f, kind, text, size);
	ask(&all);
	cut = find_cut(text, size);
	if (cut != 0)
		split(&f, kind, &all, text, size, cut);
	rules_fini(&all);
	fuzz_file_close(&f);
}
