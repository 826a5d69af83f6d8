/*
 * Errors as servers write them: their fields, and the one worth telling.
 * PostgreSQL manual, "Error and Notice Message Fields".
 */
#include <string.h>

#include "base/mem.h"
#include "pg_back.h"

const char *
pg_error_field(const uint8_t *body, size_t len, char code)
{
	struct pg_body at = { .at = body, .left = len };

	while (at.left > 0 && *at.at != 0) {
		char found = (char)*at.at;
		const char *text;

		(void)pg_body_bytes(&at, 1);
		text = pg_body_text(&at);
		if (text == NULL || found == code)
			return text;
	}
	return NULL;
}

void
pg_back_keep_error(struct pg_back *b, const uint8_t *body, size_t len)
{
	uint8_t *copy = mem_zalloc(len > 0 ? len : 1);

	if (copy == NULL)
		return;
	if (len > 0)
		memcpy(copy, body, len);
	mem_free(b->error);
	b->error = copy;
	b->error_len = len;
}

bool
pg_error_is_fatal(const uint8_t *body, size_t len)
{
	const char *severity = pg_error_field(body, len, 'V');

	if (severity == NULL)
		severity = pg_error_field(body, len, 'S');
	return severity != NULL && (strcmp(severity, "FATAL") == 0 ||
				    strcmp(severity, "PANIC") == 0);
}

const uint8_t *
pg_back_last_error(void *back, size_t *len, char *text, size_t text_size)
{
	struct pg_back *b = back;
	const char *severity, *message;

	*len = b->error_len;
	if (text_size > 0)
		text[0] = '\0';
	if (b->error == NULL)
		return NULL;
	severity = pg_error_field(b->error, b->error_len, 'S');
	message = pg_error_field(b->error, b->error_len, 'M');
	if (text_size > 0)
		text_format(text, text_size, "%s: %s",
			    severity != NULL ? severity : "ERROR",
			    message != NULL ? message : "(no message)");
	return b->error;
}
