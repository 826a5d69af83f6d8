/*
 * Whether a message is the one that is wanted; see unit.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

static bool
is_text(const char *want, const char *text, size_t len)
{
	return text != NULL && strlen(want) == len &&
	       memcmp(want, text, len) == 0;
}

static bool
is_column(const struct column *c, const char *want)
{
	return is_text(want, c->text, c->len);
}

/* tag, comma, tag, comma ... */
static bool
is_repeated(const struct column *c, const char *tag, uint32_t count)
{
	size_t len = strlen(tag);

	if (c->text == NULL || c->len != count * (len + 1))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		const char *at = c->text + i * (len + 1);

		if (memcmp(at, tag, len) != 0 || at[len] != ',')
			return false;
	}
	return true;
}

static bool
is_numbered(const char *tag, uint32_t n, const char *end, const char *text,
	    size_t len)
{
	char want[TAG_BYTES * 2];

	snprintf(want, sizeof(want), "%s/%" PRIu32 "%s", tag, n, end);
	return is_text(want, text, len);
}

static bool
is_number(const struct column *c, uint32_t *number)
{
	uint32_t n = 0;

	if (c->text == NULL || c->len == 0 || c->len > 9)
		return false;
	for (size_t i = 0; i < c->len; i++) {
		if (c->text[i] < '0' || c->text[i] > '9')
			return false;
		n = n * 10 + (uint32_t)(c->text[i] - '0');
	}
	*number = n;
	return true;
}

/* ---- rules for rows ---- */

static const char *
check_pid(struct self *self, const struct column *c, const char *tag)
{
	uint32_t pid;

	if (!is_column(&c[0], tag) || !is_number(&c[1], &pid))
		return "not my row";
	if (self->pid != 0 && self->pid != pid)
		return "another server within one transaction";
	self->pid = pid;
	return NULL;
}

static const char *
check_state(const struct self *self, const struct column *c, const char *tag)
{
	if (!is_column(&c[0], tag))
		return "not my row";
	if (!is_column(&c[1], self->app))
		return "application_name is not mine";
	if (!is_column(&c[2], self->zone))
		return "TimeZone is not mine";
	if (!is_column(&c[3], "4MB 0 0 0"))
		return "somebody's state is left on the server";
	return NULL;
}

static const char *
check_row(struct unit *u, struct want *x, const struct message *m)
{
	static const int columns[] = {
		[RULE_PID] = 2,
		[RULE_STATE] = 4,
	};
	struct column c[COLUMNS_MAX];
	char tag[TAG_BYTES];
	int n = wire_row(m, c);
	bool is_good = false;

	if (x->rule == RULE_TYPE)
		return NULL;
	if (n != (x->rule == RULE_PID || x->rule == RULE_STATE
			  ? columns[x->rule]
			  : 1))
		return "not as many columns as asked for";
	tag_text(tag, u->self->id, x->tag);
	if (x->rule == RULE_PID)
		return check_pid(u->self, c, tag);
	if (x->rule == RULE_STATE)
		return check_state(u->self, c, tag);
	if (x->rule == RULE_TAG)
		is_good = is_column(c, tag);
	else if (x->rule == RULE_NUMBERED)
		is_good = is_numbered(tag, x->at + 1, "", c->text, c->len);
	else if (x->rule == RULE_BIG)
		is_good = is_repeated(c, tag, x->count);
	return is_good ? NULL : "not my row";
}

/* ---- rules for other messages ---- */

static const char *
check_setting(struct unit *u, const struct want *x, const struct message *m)
{
	static const char name[] = "application_name";
	const char *value = (const char *)m->body + sizeof(name);
	char tag[TAG_BYTES];

	if (m->len <= sizeof(name) || memcmp(m->body, name, sizeof(name)) != 0)
		return "another parameter";
	tag_text(tag, u->self->id, x->tag);
	if (x->rule == RULE_SETTING_BACK)
		memcpy(tag, u->self->app_old, sizeof(tag));
	if (!is_text(tag, value, m->len - sizeof(name) - 1))
		return "not my setting";
	memcpy(u->self->app, tag, sizeof(tag));
	return NULL;
}

static const char *
check_error(struct unit *u, const struct want *x, const struct message *m)
{
	const char *code = wire_field(m, 'C'), *text = wire_field(m, 'M');
	char tag[TAG_BYTES], part[TAG_BYTES * 2];

	if (code == NULL || text == NULL || strcmp(code, x->text) != 0)
		return "another error";
	tag_text(tag, u->self->id, x->tag);
	if (x->rule == RULE_TAGGED) {
		snprintf(part, sizeof(part), "\"x%s\"", tag);
		return strstr(text, part) != NULL ? NULL : "not my error";
	}
	if (x->rule == RULE_COPYFAIL) {
		snprintf(part, sizeof(part), "COPY from stdin failed: %s", tag);
		return strcmp(text, part) == 0 ? NULL : "not my CopyFail";
	}
	return NULL;
}

static const char *
check_text(const struct want *x, const struct message *m)
{
	char text[TAG_BYTES * 2];
	size_t len = m->len;

	snprintf(text, sizeof(text), "%s", x->text);
	if (x->rule == RULE_COUNT)
		snprintf(text, sizeof(text), "%s%" PRIu32, x->text, x->count);
	if (x->type == 'C')
		len--;
	return is_text(text, (const char *)m->body, len) ? NULL : "other words";
}

static const char *
check_tagged(struct unit *u, const struct want *x, const struct message *m)
{
	const char *text = NULL;
	char tag[TAG_BYTES], words[TAG_BYTES * 2];
	size_t len = 0;

	tag_text(tag, u->self->id, x->tag);
	if (x->rule == RULE_NAME && m->len > 2) {
		text = (const char *)m->body + 2;
		len = strnlen(text, m->len - 2);
		return is_text(tag, text, len) ? NULL : "not my column";
	}
	if (x->rule == RULE_COPY)
		return is_numbered(tag, x->at + 1, "\n", (const char *)m->body,
				   m->len)
			       ? NULL
			       : "not my copy data";
	if (x->rule == RULE_FUNCTION && m->len > 4) {
		snprintf(words, sizeof(words), "%s-f", tag);
		return is_text(words, (const char *)m->body + 4, m->len - 4)
			       ? NULL
			       : "not my function's value";
	}
	if (x->rule == RULE_NOTICE) {
		snprintf(words, sizeof(words), "told %s", tag);
		text = wire_field(m, 'M');
		return text != NULL && strcmp(text, words) == 0
			       ? NULL
			       : "not my notice";
	}
	return "malformed";
}

static const char *
check_want(struct unit *u, struct want *x, const struct message *m)
{
	if (m->type == 'D')
		return check_row(u, x, m);
	switch ((enum rule)x->rule) {
	case RULE_TYPE:
		return NULL;
	case RULE_TEXT:
	case RULE_COUNT:
		return check_text(x, m);
	case RULE_ERROR:
	case RULE_TAGGED:
	case RULE_COPYFAIL:
		return check_error(u, x, m);
	case RULE_SETTING:
	case RULE_SETTING_BACK:
		return check_setting(u, x, m);
	case RULE_NAME:
	case RULE_TAG:
	case RULE_NUMBERED:
	case RULE_PID:
	case RULE_BIG:
	case RULE_COPY:
	case RULE_NOTICE:
	case RULE_STATE:
	case RULE_FUNCTION:
		break;
	}
	return check_tagged(u, x, m);
}

const char *
unit_check(struct unit *u, const struct message *m)
{
	struct want *x = &u->wants[u->want_at];
	unsigned due = u->step_count > 0 ? u->steps[u->step_at].wants : 0;
	const char *wrong;

	if (u->want_at >= due)
		return "nothing was asked for";
	if (m->type != x->type)
		return "another type of message";
	wrong = check_want(u, x, m);
	if (wrong != NULL)
		return wrong;
	x->at++;
	/* A large row's count is of its text. */
	if ((x->rule == RULE_TAG || x->rule == RULE_NUMBERED ||
	     x->rule == RULE_COPY) &&
	    --x->count > 0)
		return NULL;
	u->want_at++;
	return NULL;
}

/* ---- after a cancel ---- */

/* Does a text begin with a tag of this unit? */
static bool
is_mine(const struct unit *u, const char *text, size_t len)
{
	char prefix[TAG_BYTES];
	uint32_t tag = 0;
	size_t at;
	int n = snprintf(prefix, sizeof(prefix), "c%d-", u->self->id);

	if (text == NULL || len <= (size_t)n ||
	    memcmp(text, prefix, (size_t)n) != 0)
		return false;
	for (at = (size_t)n; at < len && text[at] >= '0' && text[at] <= '9';
	     at++)
		tag = tag * 10 + (uint32_t)(text[at] - '0');
	return tag > u->first && tag <= u->self->tag;
}

static const char *
check_row_loosely(const struct unit *u, const struct message *m)
{
	struct column c[COLUMNS_MAX];
	int n = wire_row(m, c);

	if (n < 1)
		return "malformed";
	if (u->kind == KIND_DIRT && c[0].len == 0)
		return NULL;
	return is_mine(u, c[0].text, c[0].len) ? NULL : "not my row";
}

static const char *
check_error_loosely(const struct unit *u, const struct message *m)
{
	static const char *const known[] = { "57014", "25P02", "22012",
					     "42601" };
	const char *code = wire_field(m, 'C'), *text = wire_field(m, 'M');
	const char *quote;

	if (code == NULL || text == NULL)
		return "malformed";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(code, known[i]) == 0)
			return NULL;
	quote = strstr(text, "\"x");
	return quote != NULL && is_mine(u, quote + 2, strlen(quote + 2))
		       ? NULL
		       : "not my error";
}

/* An end without its BEGIN brings a warning. */
static const char *
check_notice_loosely(const struct unit *u, const struct message *m)
{
	const char *code = wire_field(m, 'C'), *text = wire_field(m, 'M');

	if (code == NULL || text == NULL)
		return "malformed";
	if (strcmp(code, "25P01") == 0)
		return NULL;
	return strncmp(text, "told ", 5) == 0 &&
			       is_mine(u, text + 5, strlen(text + 5))
		       ? NULL
		       : "not my notice";
}

const char *
unit_check_loosely(struct unit *u, const struct message *m)
{
	static const char name[] = "application_name";
	const char *text;

	switch (m->type) {
	case 'D':
		return check_row_loosely(u, m);
	case 'E':
		return check_error_loosely(u, m);
	case 'd':
	case 'V':
		text = (const char *)m->body + (m->type == 'V' ? 4 : 0);
		return is_mine(u, text, m->len - (m->type == 'V' ? 4 : 0))
			       ? NULL
			       : "not mine";
	case 'N':
		return check_notice_loosely(u, m);
	case 'S':
		text = (const char *)m->body + sizeof(name);
		if (m->len <= sizeof(name) ||
		    memcmp(m->body, name, sizeof(name)) != 0)
			return "another parameter";
		if (!is_mine(u, text, strlen(text)) &&
		    strcmp(text, u->self->app_old) != 0)
			return "not my setting";
		snprintf(u->self->app, sizeof(u->self->app), "%s", text);
		return NULL;
	default:
		return NULL;
	}
}
