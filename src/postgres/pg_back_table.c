/*
 * The back's table beside its steps: the end, cancel, where servers are, facts.
 * Runs on the worker that owns the connection.
 */
#include <string.h>

#include "base/mem.h"
#include "pg_back.h"

void
pg_back_terminate(struct turn *turn)
{
	static const uint8_t message[] = { 'X', 0, 0, 0, 4 };
	const struct pg_back *b = turn->self;

	if (b->is_half_sent)
		return;
	/* Without memory the server sees the connection's end alone. */
	(void)!buf_append(turn->out, message, sizeof(message));
}

size_t
pg_back_cancel(void *back, uint8_t *out, size_t out_size)
{
	static const uint8_t code[] = { 0x04, 0xd2, 0x16, 0x2e };
	struct pg_back *b = back;
	size_t total = 8 + (size_t)b->key_len;

	if (b->key == NULL || out_size < total)
		return 0;
	out[0] = out[1] = 0;
	out[2] = (uint8_t)(total >> 8);
	out[3] = (uint8_t)total;
	memcpy(out + 4, code, sizeof(code));
	memcpy(out + 8, b->key, b->key_len);
	return total;
}

/* What was said under TLS is canceled under TLS; NULL: pg_back_cancel does. */
void *
pg_back_cancel_open(void *back, const struct credential *cred,
		    const struct policy *policy)
{
	const struct pg_back *victim = back;
	struct pg_back *b;
	uint8_t request[300];
	size_t len = pg_back_cancel(back, request, sizeof(request));

	(void)cred;
	if (!victim->is_secure || len == 0)
		return NULL;
	b = mem_zalloc(sizeof(*b));
	if (b != NULL)
		b->login = pg_back_login_cancel(request, len, policy);
	mem_wipe(request, sizeof(request));
	if (b == NULL || b->login == NULL) {
		mem_free(b);
		return NULL;
	}
	return b;
}

void
pg_back_unix_path(const char *host, uint16_t port, char *out, size_t size)
{
	text_format(out, size, "%s/.s.PGSQL.%u", host, port);
}

const void *
pg_back_facts(void *back)
{
	struct pg_back *b = back;

	return b->facts;
}

const void *
pg_facts_ref(const void *facts)
{
	return pg_params_ref(facts);
}

void
pg_facts_unref(const void *facts)
{
	pg_params_unref(facts);
}
