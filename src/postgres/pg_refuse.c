/*
 * Errors and notices of our own, in the protocol's words.
 *
 * Their texts may hold names that came from outside in any encoding, so all
 * that is not printable ASCII is replaced: no client gets bytes that its
 * encoding does not have.  Runs on the client's worker.  PostgreSQL manual,
 * "Error and Notice Message Fields".
 */
#include <string.h>

#include "base/mem.h"
#include "pg_back.h"
#include "pg_front.h"

static void
put_field(struct str *s, char code, const char *text, const char *kept)
{
	size_t from;

	str_putc(s, code);
	from = s->len;
	pg_put_text(s, text);
	if (!s->failed)
		pg_clean_ascii(s->data + from, kept);
}

/* Names in an error may hold anything: no line of theirs is kept. */
static void
put_fields(struct str *s, char type, const char *severity,
	   const struct pg_error_words *words)
{
	/* The console's notices are texts of lines and columns. */
	const char *kept = type == 'N' ? "\n\t" : "";
	size_t mark = pg_put_begin(s, type);

	put_field(s, 'S', severity, kept);
	put_field(s, 'V', severity, kept);
	put_field(s, 'C', words->sqlstate, kept);
	put_field(s, 'M', words->text, kept);
	if (words->detail != NULL)
		put_field(s, 'D', words->detail, kept);
	if (words->hint != NULL)
		put_field(s, 'H', words->hint, kept);
	if (words->routine != NULL)
		put_field(s, 'R', words->routine, kept);
	str_putc(s, '\0');
	pg_put_end(s, mark);
}

void
pg_put_error(struct str *s, const struct pg_error_words *words)
{
	put_fields(s, 'E', words->is_fatal ? "FATAL" : "ERROR", words);
}

void
pg_put_warning(struct str *s, const char *text)
{
	struct pg_error_words words = { .sqlstate = "01000", .text = text };

	put_fields(s, 'N', "WARNING", &words);
}

void
pg_put_notice(struct str *s, const char *text)
{
	struct pg_error_words words = { .sqlstate = "00000", .text = text };

	put_fields(s, 'N', "NOTICE", &words);
}

void
pg_put_reason(struct str *s, enum reason reason)
{
	const struct reason_info *info = reason_info(reason);
	struct pg_error_words words = {
		.sqlstate = info->sqlstate,
		.text = info->text,
		.hint = info->hint,
		/* By it, not by the code, drivers know that they should prepare
		 * the statement anew. */
		.routine = reason == REASON_PLAN_CHANGED ? PG_ROUTINE_REVALIDATE
							 : NULL,
	};

	pg_put_error(s, &words);
}

bool
pg_append_ready(struct buf *out)
{
	static const uint8_t message[] = { 'Z', 0, 0, 0, 5, 'I' };

	return buf_append(out, message, sizeof(message));
}

/*
 * The server's own error, made one that ends this connection: field by field
 * with the severity replaced.
 */
static void
put_server_error(struct str *s, const struct refusal *refusal)
{
	struct pg_body at = { .at = refusal->server_error,
			      .left = refusal->server_error_len };
	bool is_fatal = refusal->scope != FAIL_STATEMENT;
	size_t mark = pg_put_begin(s, 'E');

	while (at.left > 0 && *at.at != 0) {
		char code = (char)*at.at;
		const char *text;

		(void)pg_body_bytes(&at, 1);
		text = pg_body_text(&at);
		if (text == NULL)
			break;
		if (is_fatal && (code == 'S' || code == 'V'))
			text = "FATAL";
		put_field(s, code, text, "\n\t");
	}
	str_putc(s, '\0');
	pg_put_end(s, mark);
}

/* A client of protocol 2 reads one line and nothing else. */
static void
put_old_error(struct str *s, const char *text)
{
	size_t from;

	str_puts(s, "EFATAL:  ");
	from = s->len;
	str_puts(s, text);
	if (!s->failed)
		pg_clean_ascii(s->data + from, "");
	str_add(s, "\n", 2);
}

static void
put_refusal(struct str *s, const struct pg_front *f,
	    const struct refusal *refusal)
{
	const struct reason_info *info = reason_info(refusal->reason);
	struct str named = { 0 };
	struct pg_error_words words = {
		.is_fatal = refusal->scope != FAIL_STATEMENT,
		.sqlstate = info->sqlstate,
		.text = refusal->text,
		.detail = refusal->detail,
		.hint = info->hint,
	};

	if (words.text == NULL && f->login != NULL) {
		pg_front_login_words(f->login, refusal->reason, &named);
		if (named.len > 0)
			words.text = str_text(&named);
	}
	if (words.text == NULL)
		words.text = info->text;
	if (pg_front_login_is_old(f->login))
		put_old_error(s, words.text);
	else
		pg_put_error(s, &words);
	str_fini(&named);
}

void
pg_front_refuse(struct turn *turn, const struct refusal *refusal)
{
	struct pg_front *f = turn->self;
	struct str s = { 0 };

	if (refusal->server_error != NULL && refusal->server_error_len > 0)
		put_server_error(&s, refusal);
	else
		put_refusal(&s, f, refusal);
	/* Without memory the client sees the connection's end alone. */
	(void)!pg_put_flush(&s, turn->out);
	if (refusal->scope == FAIL_STATEMENT) {
		f->skip = SKIP_PENDING;
		f->view.is_skipping = true;
		f->view.is_at_rest = false;
	}
}

void
pg_front_notice(struct turn *turn, const char *text)
{
	struct str s = { 0 };

	pg_put_notice(&s, text);
	(void)!pg_put_flush(&s, turn->out);
}
