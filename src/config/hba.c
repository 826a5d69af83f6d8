/*
 * Which rule of auth_hba_file fits a client: the first one.  Pure; any thread.
 */
#include "config/hba_lines.h"

#include <string.h>

static bool
fits_database(const struct field *f, const struct hba_client *c)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct word *w = &f->words[i];

		if (word_is(w, "all"))
			return true;
		if (word_is(w, "sameuser")) {
			if (strcmp(c->user, c->database) == 0)
				return true;
			continue;
		}
		/* As a keyword it is no database's name. */
		if (!word_is(w, "replication") &&
		    strcmp(w->text, c->database) == 0)
			return true;
	}
	return false;
}

static bool
fits_user(const struct field *f, const struct hba_client *c)
{
	for (size_t i = 0; i < f->count; i++)
		if (word_is(&f->words[i], "all") ||
		    strcmp(f->words[i].text, c->user) == 0)
			return true;
	return false;
}

static bool
fits_way(enum hba_kind kind, enum hba_way way)
{
	switch (kind) {
	case HBA_LOCAL:
		return way == HBA_UNIX;
	case HBA_HOST:
		return way != HBA_UNIX;
	case HBA_HOSTSSL:
		return way == HBA_TLS;
	case HBA_HOSTNOSSL:
		return way == HBA_CLEAR;
	case HBA_NEVER:
		break;
	}
	return false;
}

static bool
fits_address(const struct hba_line *l, const struct hba_client *c)
{
	if (l->kind == HBA_LOCAL || l->is_anywhere)
		return true;
	for (size_t i = 0; c->peer != NULL && i < l->network_count; i++)
		if (network_has(&l->networks[i], c->peer))
			return true;
	return false;
}

const struct hba_rule *
hba_find(const struct hba *h, const struct hba_client *c)
{
	for (size_t i = 0; i < h->count; i++) {
		const struct hba_line *l = &h->lines[i];

		if (fits_way(l->kind, c->way) && fits_address(l, c) &&
		    fits_database(&l->databases, c) && fits_user(&l->users, c))
			return &l->rule;
	}
	return NULL;
}
