/*
 * Answers of a server, right and broken, against a reading of their own: the
 * machine takes packet by packet what a second reader takes as one whole, by
 * the grammar of an answer, with all packets before it.  Then the same answer
 * as bytes in a buffer that grows, in which rows are taken at once.
 *
 * An input: how the command is answered, what was agreed on, and packets: a
 * length's code, the number of bytes (at most MY_HEAD) and these bytes.
 */
#include <setjmp.h>

#include "base/mem.h"
#include "fuzz_main.h"
#include "mysql/my_response.h"

#define PACKETS_MAX 2000u

struct packet {
	const uint8_t *head; /* borrows from the input */
	size_t size;         /* of head */
	size_t len;          /* as its header says */
};

struct answer {
	enum my_answer how;
	unsigned with;
	struct packet packets[PACKETS_MAX];
	size_t count;
};

/* What is known when all packets were read. */
struct outcome {
	char kinds[PACKETS_MAX + 1];
	size_t count;
	bool is_over;
	uint16_t status, warnings, error;
	uint64_t affected, insert_id;
};

/* ---- the second reader ---- */

struct reader {
	const struct answer *answer;
	size_t at;
	struct outcome *o;
	jmp_buf stop; /* no packet is left, or the answer is over */
};

static _Noreturn void
stop(struct reader *r, char kind)
{
	if (kind != '\0')
		r->o->kinds[r->o->count++] = kind;
	r->o->is_over = kind != '\0';
	longjmp(r->stop, 1);
}

static void
say(struct reader *r, char kind)
{
	r->o->kinds[r->o->count++] = kind;
}

/* The next packet that is no report and no error. */
static const struct packet *
next(struct reader *r, bool is_row)
{
	for (;;) {
		const struct packet *p = &r->answer->packets[r->at];

		if (r->at++ == r->answer->count)
			stop(r, '\0');
		if (p->len == 0)
			stop(r, '!');
		if (p->len == MY_PAYLOAD_MAX && (!is_row || *p->head == 0xff))
			stop(r, '!');
		if (*p->head != 0xff)
			return p;
		if (p->len < 3)
			stop(r, '!');
		r->o->error = (uint16_t)(p->head[1] | p->head[2] << 8);
		if (r->o->error != 0xffff)
			stop(r, 'X');
		r->o->error = 0;
		say(r, 'p');
	}
}

/* A number with a length before it; how many bytes it has, 0 = none. */
static size_t
number(const uint8_t *p, size_t left, uint64_t *value)
{
	size_t n;

	*value = 0;
	if (left == 0 || *p == 0xfb || *p == 0xff)
		return 0;
	n = *p < 0xfb ? 1 : *p == 0xfc ? 3 : *p == 0xfd ? 4 : 9;
	if (n > left)
		return 0;
	if (n == 1)
		*value = *p;
	for (size_t i = 1; i < n; i++)
		*value |= (uint64_t)p[i] << 8 * (i - 1);
	return n;
}

/* Reads an OK; is another result promised? */
static bool
read_ok(struct reader *r, const struct packet *p, char kind)
{
	size_t at = 1, n;

	n = number(p->head + at, p->size - at, &r->o->affected);
	at += n;
	if (n == 0)
		stop(r, '!');
	n = number(p->head + at, p->size - at, &r->o->insert_id);
	at += n;
	if (n == 0 || p->size - at < 4)
		stop(r, '!');
	r->o->status = (uint16_t)(p->head[at] | p->head[at + 1] << 8);
	r->o->warnings = (uint16_t)(p->head[at + 2] | p->head[at + 3] << 8);
	if ((r->o->status & MY_STATUS_MORE_RESULTS) == 0 ||
	    r->answer->how != MY_ANSWER_RESULT)
		stop(r, kind);
	say(r, kind);
	return true;
}

static void
read_eof(struct reader *r, const struct packet *p)
{
	r->o->warnings = (uint16_t)(p->head[1] | p->head[2] << 8);
	r->o->status = (uint16_t)(p->head[3] | p->head[4] << 8);
}

static bool
has_eof(const struct reader *r)
{
	return (r->answer->with & MY_WITH_EOF) != 0;
}

/* A packet with 0xFE that ends rows, or all. */
static void
read_end(struct reader *r, const struct packet *p)
{
	if (p->len != 5) {
		if (has_eof(r))
			stop(r, '!');
		(void)read_ok(r, p, 'N');
		return;
	}
	read_eof(r, p);
	if ((r->o->status & MY_STATUS_MORE_RESULTS) == 0 ||
	    r->answer->how != MY_ANSWER_RESULT)
		stop(r, 'E');
	say(r, 'E');
}

static void
read_rows(struct reader *r)
{
	for (;;) {
		const struct packet *p = next(r, true);

		if (*p->head == 0xfe && p->len < MY_PAYLOAD_MAX &&
		    (p->len < 9 || !has_eof(r))) {
			read_end(r, p);
			return;
		}
		say(r, 'r');
		while (p->len == MY_PAYLOAD_MAX) {
			p = &r->answer->packets[r->at];
			if (r->at++ == r->answer->count)
				stop(r, '\0');
			say(r, 'm');
		}
	}
}

/* So many definitions, and in the old style the EOF behind them. */
static void
read_definitions(struct reader *r, size_t n, bool is_end)
{
	for (size_t i = 0; i < n; i++) {
		const struct packet *p = next(r, false);

		if (*p->head == 0xfe)
			stop(r, '!');
		if (is_end && !has_eof(r) && i + 1 == n)
			stop(r, 'd');
		say(r, 'd');
	}
}

static void
read_definitions_eof(struct reader *r, bool is_end)
{
	const struct packet *p;

	if (!has_eof(r))
		return;
	p = next(r, false);
	if (*p->head != 0xfe || p->len != 5)
		stop(r, '!');
	read_eof(r, p);
	if (is_end)
		stop(r, 'E');
}

static void
read_result_set(struct reader *r, const struct packet *p)
{
	bool is_cached = (r->answer->with & MY_WITH_CACHE) != 0;
	uint64_t n;
	size_t size = number(p->head, p->size, &n);

	if (size == 0 || p->len != size + is_cached || n == 0 || n > 65535)
		stop(r, '!');
	say(r, 'C');
	if (!is_cached || p->head[size] != 0)
		read_definitions(r, (size_t)n, false);
	read_definitions_eof(r, false);
	if (has_eof(r) && (r->answer->with & MY_WITH_CURSOR) != 0 &&
	    (r->o->status & MY_STATUS_CURSOR_EXISTS) != 0) {
		if ((r->o->status & MY_STATUS_MORE_RESULTS) == 0)
			stop(r, 'E');
		say(r, 'E');
		return;
	}
	if (has_eof(r))
		say(r, 'E');
	read_rows(r);
}

static void
read_results(struct reader *r)
{
	for (;;) {
		const struct packet *p = next(r, false);

		if (*p->head == 0xfb) {
			say(r, 'F');
			p = next(r, false);
			if (*p->head != 0)
				stop(r, '!');
		}
		if (*p->head == 0xfe)
			stop(r, '!');
		if (*p->head == 0)
			(void)read_ok(r, p, 'K');
		else
			read_result_set(r, p);
	}
}

static void
read_prepared(struct reader *r)
{
	const struct packet *p = next(r, false);
	size_t columns, params;

	if (*p->head != 0 || p->len < 12)
		stop(r, '!');
	columns = (size_t)(p->head[5] | p->head[6] << 8);
	params = (size_t)(p->head[7] | p->head[8] << 8);
	r->o->warnings = (uint16_t)(p->head[10] | p->head[11] << 8);
	if (columns + params == 0)
		stop(r, 'P');
	say(r, 'P');
	if (params > 0) {
		read_definitions(r, params, columns == 0);
		read_definitions_eof(r, columns == 0);
		if (has_eof(r))
			say(r, 'E');
	}
	read_definitions(r, columns, true);
	read_definitions_eof(r, true);
}

static void
read_listed(struct reader *r)
{
	const struct packet *p;

	for (;;) {
		p = next(r, false);
		if (*p->head == 0xfe)
			break;
		say(r, 'd');
	}
	read_end(r, p);
}

static void
read_one(struct reader *r)
{
	const struct packet *p;

	for (;;) {
		p = next(r, false);
		if (r->answer->how != MY_ANSWER_AUTH ||
		    (*p->head != 1 && *p->head != 0xfe))
			break;
		say(r, 'a');
	}
	if (*p->head == 0)
		(void)read_ok(r, p, 'K');
	if (*p->head != 0xfe)
		stop(r, '!');
	read_end(r, p);
}

static void
read_text(struct reader *r)
{
	if (r->answer->count == 0)
		stop(r, '\0');
	stop(r, r->answer->packets[0].len < MY_PAYLOAD_MAX ? 't' : '!');
}

static void
read_whole(const struct answer *a, struct outcome *o)
{
	struct reader r = { .answer = a, .o = o };

	memset(o, 0, sizeof(*o));
	if (setjmp(r.stop) != 0)
		return;
	switch (a->how) {
	case MY_ANSWER_RESULT:
		read_results(&r);
		break;
	case MY_ANSWER_PREPARE:
		read_prepared(&r);
		break;
	case MY_ANSWER_FETCH:
		read_rows(&r);
		break;
	case MY_ANSWER_FIELDS:
		read_listed(&r);
		break;
	case MY_ANSWER_SHORT:
	case MY_ANSWER_AUTH:
		read_one(&r);
		break;
	case MY_ANSWER_TEXT:
		read_text(&r);
		break;
	case MY_ANSWER_NONE:
		o->is_over = true;
		break;
	}
}

/* ---- the machine ---- */

static const char letters[] = {
	[MY_PACKET_OK] = 'K',       [MY_PACKET_ERR] = 'X',
	[MY_PACKET_EOF] = 'E',      [MY_PACKET_END] = 'N',
	[MY_PACKET_FILE] = 'F',     [MY_PACKET_COUNT] = 'C',
	[MY_PACKET_PREPARED] = 'P', [MY_PACKET_FIELD] = 'd',
	[MY_PACKET_ROW] = 'r',      [MY_PACKET_TEXT] = 't',
	[MY_PACKET_AUTH] = 'a',     [MY_PACKET_PROGRESS] = 'p',
	[MY_PACKET_MORE] = 'm',     [MY_PACKET_BAD] = '!',
};

static void
finish(struct outcome *o, const struct my_response *r)
{
	o->is_over = r->is_over;
	o->status = r->status;
	o->warnings = r->warnings;
	o->error = r->error;
	o->affected = r->affected;
	o->insert_id = r->insert_id;
}

static void
take_one_by_one(const struct answer *a, struct outcome *o)
{
	struct my_response r;
	size_t i;

	memset(o, 0, sizeof(*o));
	my_response_begin(&r, a->how, a->with);
	for (i = 0; i < a->count && !r.is_over; i++)
		o->kinds[o->count++] = letters[my_response_take(
			&r, a->packets[i].head, a->packets[i].len)];
	finish(o, &r);
	/* Nothing comes behind the end. */
	for (; i < a->count && r.is_over; i++)
		ASSERT(my_response_take(&r, a->packets[i].head,
					a->packets[i].len) == MY_PACKET_BAD &&
		       r.is_over);
}

/* What a connection does: bytes come in pieces, those of a packet once known
 * go on without being looked at. */
struct stream {
	struct my_response r;
	struct buf in;
	size_t skip; /* bytes of the last packet that have not come */
	size_t at;   /* the next packet's index */
	struct outcome *o;
};

static void
drop(struct stream *s, size_t n)
{
	s->skip = n > s->in.len ? n - s->in.len : 0;
	buf_drop(&s->in, n - s->skip);
}

/* Rows at once; false: there were none. */
static bool
take_rows(struct stream *s, const struct answer *a)
{
	struct my_scan scan = my_scan(&s->in);
	uint8_t seq = 0;
	bool is_cut = s->r.is_cut;
	size_t n = my_response_take_rows(&s->r, &scan, 0, &seq);
	size_t left = n;

	if (n == 0)
		return false;
	while (left > 0) {
		const struct packet *p = &a->packets[s->at++];

		ASSERT(left >= MY_HEADER + p->len);
		left -= MY_HEADER + p->len;
		s->o->kinds[s->o->count++] = is_cut ? 'm' : 'r';
		is_cut = p->len == MY_PAYLOAD_MAX;
	}
	ASSERT(seq == (uint8_t)(s->at - 1));
	ASSERT(is_cut == s->r.is_cut);
	drop(s, n);
	return true;
}

/* All that can be taken of what is in. */
static void
take_some(struct stream *s, const struct answer *a)
{
	uint8_t scratch[MY_HEAD];
	struct my_head h;

	for (;;) {
		if (s->skip > 0 && s->in.len > 0)
			drop(s, s->skip);
		if (s->skip > 0 || s->r.is_over)
			return;
		if (take_rows(s, a))
			continue;
		if (!my_head_peek(&s->in, 0, &h) ||
		    s->in.len - MY_HEADER < (h.len < MY_HEAD ? h.len : MY_HEAD))
			return;
		s->at++;
		s->o->kinds[s->o->count++] = letters[my_response_take(
			&s->r,
			buf_view(&s->in, MY_HEADER,
				 h.len < MY_HEAD ? h.len : MY_HEAD, scratch),
			h.len)];
		drop(s, MY_HEADER + (size_t)h.len);
	}
}

/*
 * The packets as bytes, of long ones only what the input has of them; their
 * rest is said to have come.  piece: how many bytes come at a time.
 */
static void
take_from_stream(const struct answer *a, size_t piece, struct outcome *o)
{
	struct stream s = { .o = o };
	struct block_pool pool;
	uint8_t bytes[MY_HEADER + MY_HEAD];

	memset(o, 0, sizeof(*o));
	block_pool_init(&pool, 4);
	buf_init(&s.in, &pool);
	my_response_begin(&s.r, a->how, a->with);
	for (size_t i = 0; i < a->count && !s.r.is_over; i++) {
		size_t n = MY_HEADER + a->packets[i].size;
		size_t rest = a->packets[i].len - a->packets[i].size;

		my_set_u24(bytes, (uint32_t)a->packets[i].len);
		bytes[3] = (uint8_t)i;
		memcpy(bytes + MY_HEADER, a->packets[i].head,
		       a->packets[i].size);
		for (size_t at = 0; at < n; at += piece) {
			size_t len = n - at < piece ? n - at : piece;

			ASSERT(buf_append(&s.in, bytes + at, len));
			take_some(&s, a);
		}
		/* The packet was taken, so its rest is to be skipped. */
		ASSERT(s.r.is_over || rest == 0 || s.skip == rest);
		s.skip -= s.r.is_over ? 0 : rest;
	}
	finish(o, &s.r);
	buf_clear(&s.in);
	block_pool_fini(&pool);
}

/* ---- inputs ---- */

static size_t
length_of(uint8_t code, size_t size)
{
	switch (code % 8) {
	case 1:
		return MY_PAYLOAD_MAX;
	case 2:
		return MY_PAYLOAD_MAX - 1;
	case 3:
		return 70000;
	default:
		return size;
	}
}

static void
read_input(struct answer *a, const uint8_t *data, size_t size)
{
	size_t at = 2;

	a->how = (enum my_answer)(data[0] % (MY_ANSWER_NONE + 1));
	a->with = data[1] % 8;
	a->count = 0;
	while (size - at >= 2 && a->count < PACKETS_MAX) {
		struct packet *p = &a->packets[a->count];

		p->size = data[at + 1] % (MY_HEAD + 1);
		p->len = length_of(data[at], p->size);
		if (p->size > size - at - 2)
			return;
		/* A long packet has all the bytes that are looked at. */
		if (p->len > p->size && p->size < MY_HEAD)
			p->len = p->size;
		p->head = data + at + 2;
		at += 2 + p->size;
		a->count++;
	}
}

static void
compare(const char *what, const struct outcome *a, const struct outcome *b)
{
	if (strcmp(a->kinds, b->kinds) == 0 && a->is_over == b->is_over &&
	    a->error == b->error &&
	    (strchr(a->kinds, '!') != NULL ||
	     (a->status == b->status && a->warnings == b->warnings &&
	      a->affected == b->affected && a->insert_id == b->insert_id)))
		return;
	fprintf(stderr,
		"%s: %s over %d status %#x error %u\nnot: %s over %d "
		"status %#x error %u\n",
		what, a->kinds, a->is_over, a->status, a->error, b->kinds,
		b->is_over, b->status, b->error);
	abort();
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	static struct answer a;
	static struct outcome whole, other;

	if (size < 2)
		return;
	read_input(&a, data, size);
	read_whole(&a, &whole);
	take_one_by_one(&a, &other);
	compare("one by one", &other, &whole);
	for (size_t piece = 1; piece <= 64; piece = piece * 5 + 2) {
		take_from_stream(&a, piece, &other);
		compare("from a stream", &other, &whole);
	}
}
