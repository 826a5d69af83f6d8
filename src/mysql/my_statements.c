/*
 * The prepared statements of clients and servers, told one by one.  Changes
 * nothing; runs on the worker that owns the connection.
 */
#include "my_back.h"
#include "my_front.h"
#include "sql/digest.h"

static uint64_t
digest_of(const struct statement_view *s)
{
	return sql_digest(s->text, s->length, 0);
}

static void
tell(const struct statement *s, uint32_t types,
     void (*each)(void *arg, const struct statement_view *s), void *arg)
{
	struct statement_view view = {
		.id = s->hash,
		.text = s->data,
		.length = s->len,
		.types = types,
		.digest = digest_of,
	};

	each(arg, &view);
}

static uint32_t
count_of(const struct statement *types)
{
	return types == NULL ? 0 : types->len / 2;
}

void
my_front_statements(const void *front,
		    void (*each)(void *arg, const struct statement_view *s),
		    void *arg)
{
	const struct my_front *f = front;
	const struct my_named *n = NULL;

	if (f->is_console || f->names == NULL)
		return;
	while ((n = my_names_next(f->names, n)) != NULL)
		tell(n->statement, count_of(n->types), each, arg);
}

void
my_back_statements(const void *back,
		   void (*each)(void *arg, const struct statement_view *s),
		   void *arg)
{
	const struct my_back *b = back;

	for (uint32_t i = 0; i < b->loads.room; i++) {
		const struct my_load *l = b->loads.buckets[i];

		for (; l != NULL; l = l->next) {
			if (l->is_done)
				tell(l->statement, count_of(l->types), each,
				     arg);
		}
	}
}
