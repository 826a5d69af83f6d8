/*
 * The prepared statements of clients and servers, told one by one.  Changes
 * nothing; runs on the worker that owns the connection.
 */
#include <string.h>

#include "pg_back.h"
#include "pg_front.h"
#include "sql/digest.h"

static uint64_t
digest_of(const struct statement_view *s)
{
	return sql_digest(s->text, s->length, 0);
}

static void
tell(const struct statement *s,
     void (*each)(void *arg, const struct statement_view *s), void *arg)
{
	struct statement_view view = {
		.id = s->hash,
		.text = s->data,
		.length = strlen(s->data),
		.digest = digest_of,
	};

	/* Behind a Parse's text stand its types. */
	if (s->kind == STATEMENT_PARSED && s->len >= view.length + 3)
		view.types =
			pg_get_u16((const uint8_t *)s->data + view.length + 1);
	each(arg, &view);
}

void
pg_front_statements(const void *front,
		    void (*each)(void *arg, const struct statement_view *s),
		    void *arg)
{
	const struct pg_front *f = front;
	struct pg_name *n = NULL;

	if (f->names == NULL)
		return;
	while ((n = pg_names_next(f->names, n)) != NULL) {
		if (n->slot.committed != NULL)
			tell(n->slot.committed, each, arg);
	}
}

/* What the server has said that it has, and is not about to lose. */
void
pg_back_statements(const void *back,
		   void (*each)(void *arg, const struct statement_view *s),
		   void *arg)
{
	const struct pg_back *b = back;

	for (uint32_t i = 0; i < b->loads.room; i++) {
		const struct pg_load *l = b->loads.buckets[i];

		for (; l != NULL; l = l->next) {
			if (l->state == LOAD_DONE && !l->is_stale)
				tell(l->statement, each, arg);
		}
	}
}
