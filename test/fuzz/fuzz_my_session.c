/*
 * Both sides of MySQL's protocol in turn: what a client and a server say to
 * each other through carpool, right or wrong.  Any cut of what each side says
 * gives the same output on both sides and the same orders.
 *
 * First byte: the pool's mode and the client's settings.  Then records:
 *
 *	c n n bytes   the client's next packet     C n n bytes  without header
 *	s n n bytes   the server's next packet     S n n bytes  without header
 *	?  others begin or cease to wait           !  the client is gone
 *
 * where n n is the length.  A record of any other kind ends the input.
 */
#include "../unit/mysql/drive.h"
#include "fuzz_main.h"

#define RECORD 3u

/* A packet's number follows the one before; a command's is 0. */
static void
say(struct drive *d, uint8_t kind, const uint8_t *data, size_t n, uint8_t *seq)
{
	bool is_server = kind == 's' || kind == 'S';
	struct buf *in = is_server ? &d->s_in : &d->c_in;

	if (is_server ? d->is_server_over : d->is_over || d->front == NULL)
		return;
	if (kind == 'C' || kind == 'S') {
		drive_feed(d, in, data, n);
		return;
	}
	*seq = is_server ? (uint8_t)(*seq + 1) : 0;
	drive_packet(d, in, *seq, data, n);
}

static void
play(const uint8_t *data, size_t size, enum drive_cut cut, struct drive *d)
{
	uint8_t seq = 0;

	drive_init(d, data[0] & 1 ? POOL_SESSION : POOL_TRANSACTION, cut,
		   (data[0] & 2 ? MY_CLIENT_DEPRECATE_EOF : 0) |
			   (data[0] & 16 ? MY_CLIENT_LOCAL_FILES : 0) |
			   MY_CLIENT_SESSION_TRACK |
			   MY_CLIENT_MULTI_STATEMENTS);
	if (data[0] & 4)
		drive_start_value(d, "time_zone", "+01:00");
	if (data[0] & 8)
		d->policy.reset_always = true;
	for (size_t at = 1, n; at < size; at += n) {
		uint8_t kind = data[at];

		n = 1;
		if (kind == '?') {
			d->has_waiters = !d->has_waiters;
			drive_pump(d);
		} else if (kind == '!') {
			if (d->front != NULL)
				drive_abandon(d);
		} else if (strchr("cCsS", kind) != NULL && kind != 0 &&
			   size - at >= RECORD) {
			n = (size_t)data[at + 1] << 8 | data[at + 2];
			if (n > size - at - RECORD)
				n = size - at - RECORD;
			say(d, kind, data + at + RECORD, n, &seq);
			n += RECORD;
		} else {
			break;
		}
	}
	ASSERT(d->steps <= 32 * size + 200);
}

static bool
is_same(const struct str *a, const struct str *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	struct drive whole, other;

	if (size < 2 || size > 12000)
		return;
	play(data, size, DRIVE_WHOLE, &whole);
	for (unsigned cut = DRIVE_BYTES; cut < DRIVE_CUTS; cut++) {
		play(data, size, (enum drive_cut)cut, &other);
		if (!is_same(&whole.log, &other.log))
			fprintf(stderr, "whole: %s\npieces: %s\n",
				str_text(&whole.log), str_text(&other.log));
		ASSERT(is_same(&whole.log, &other.log));
		ASSERT(is_same(&whole.to_client, &other.to_client));
		ASSERT(is_same(&whole.to_server, &other.to_server));
		drive_fini(&other);
	}
	drive_fini(&whole);
}
