/*
 * See my_form.h.  Types are two bytes for each parameter, and kept as a
 * statement of their own kind, so that comparing what a client sent last with
 * what a server heard last is comparing two pointers.
 */
#include "my_form.h"

#include <string.h>

#include "base/mem.h"
#include "my_error.h"

/* Where the parts of the commands are. */
#define EXECUTE_HEAD 10u /* command, number, flags, count */
#define BULK_HEAD 7u     /* command, number, flags */
#define BULK_TYPES 0x80u
#define FLAGS_AT 5u

/* Bytes of the payload that must have come. */
static size_t
wanted(const struct command *c, const struct my_form *form,
       const struct my_named *n)
{
	size_t len = c->head.len;
	size_t types = form->is_bare ? 0 : form->at + my_types_size(n);

	if (len <= TEXT_WAIT || len <= types)
		return len;
	return types > MY_COMMAND_HEAD ? types : MY_COMMAND_HEAD;
}

static struct my_form
form_of(const struct command *c, const struct my_named *n)
{
	struct my_form form = { .is_bare = n->params == 0 || n->is_private };

	if (c->first[0] == MY_COM_STMT_EXECUTE)
		form.at = EXECUTE_HEAD + (n->params + 7u) / 8 + 1;
	else if (c->first[0] == MY_COM_STMT_BULK_EXECUTE)
		form.at = BULK_HEAD;
	else
		form.is_bare = true;
	/* The server says what it thinks of this. */
	form.is_bare |= c->head.len < form.at;
	return form;
}

static bool
has_flag(const struct turn *t, const struct command *c,
	 const struct my_form *form)
{
	uint8_t flag;

	if (c->first[0] == MY_COM_STMT_BULK_EXECUTE)
		return (c->first[FLAGS_AT] & BULK_TYPES) != 0;
	buf_copy_out(t->in, MY_HEADER + form->at - 1, &flag, 1);
	return flag == 1;
}

/* Are these the bytes at this offset? */
static bool
is_at(const struct buf *in, size_t at, const struct statement *types)
{
	size_t done = 0, len;

	while (done < types->len) {
		const uint8_t *run = buf_run(in, at + done, &len);

		if (len > types->len - done)
			len = types->len - done;
		if (memcmp(run, types->data + done, len) != 0)
			return false;
		done += len;
	}
	return true;
}

/* The types that the client sends become its statement's; false: no memory. */
static bool
take_types(struct turn *t, struct my_named *n, size_t at)
{
	struct statement_key key = { .kind = STATEMENT_TYPES,
				     .len = my_types_size(n) };
	struct statement *types = NULL;
	uint8_t *scratch;
	bool is_new;

	if (n->types != NULL && is_at(t->in, at, n->types))
		return true;
	scratch = mem_zalloc(key.len);
	if (scratch != NULL) {
		buf_copy_out(t->in, at, scratch, key.len);
		key.data = scratch;
		types = statements_get(t->shared, &key, &is_new);
	}
	mem_free(scratch);
	if (types == NULL)
		return false;
	statement_unref(n->types);
	n->types = types;
	return true;
}

bool
my_form_read(struct my_front *f, struct turn *t, const struct command *c,
	     struct my_named *n, struct my_form *form, struct order *o)
{
	size_t need;

	*form = form_of(c, n);
	need = MY_HEADER + wanted(c, form, n);
	if (t->in->len < need) {
		*o = order_bytes(ORDER_NEED_MORE, need);
		return false;
	}
	if (form->is_bare)
		return true;
	form->has_types = has_flag(t, c, form);
	if (form->has_types && c->head.len < form->at + my_types_size(n)) {
		form->is_bare = true;
		return true;
	}
	if (form->has_types && take_types(t, n, MY_HEADER + form->at))
		return true;
	if (!form->has_types && n->types != NULL)
		return true;
	*o = form->has_types ? my_front_no_memory()
			     : my_front_error(f, t, c, MY_ER_WRONG_ARGUMENTS,
					      "Incorrect arguments to "
					      "mysqld_stmt_execute");
	return false;
}

bool
my_form_put(const struct my_form *form, struct turn *t, const struct command *c,
	    uint32_t id, const struct statement *types)
{
	uint8_t header[MY_HEADER], *head;
	struct str s = { 0 };
	bool done;

	my_set_u24(header, c->head.len + types->len);
	header[3] = c->head.seq;
	head = mem_zalloc(form->at);
	if (head == NULL)
		return false;
	buf_copy_out(t->in, MY_HEADER, head, form->at);
	my_set_u32(head + 1, id);
	if (c->first[0] == MY_COM_STMT_BULK_EXECUTE)
		head[FLAGS_AT] |= BULK_TYPES;
	else
		head[form->at - 1] = 1;
	str_add(&s, (const char *)header, sizeof(header));
	str_add(&s, (const char *)head, form->at);
	str_add(&s, types->data, types->len);
	done = !s.failed && buf_append(t->peer_out, s.data, s.len);
	mem_free(head);
	str_fini(&s);
	return done;
}

bool
my_form_is_untyped(const struct my_form *form, const struct my_named *n,
		   const struct my_load *l)
{
	if (form->is_bare || form->has_types)
		return false;
	return l->types == NULL || !statement_is_equal(l->types, n->types);
}
