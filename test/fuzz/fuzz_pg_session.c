/*
 * Both sides in turn: what a client and a server say to each other through
 * carpool, right or wrong.  Any cut of what each side says gives the same
 * output on both sides and the same orders.
 *
 * First byte: the pool's mode and the client's settings.  Then messages, the
 * client's first; those of types that nobody has are events:
 *
 *	>  the other side speaks      ?  others begin or cease to wait
 *	!  the client is gone         ^  the client has ended its side
 */
#define FUZZ_PREFIX 1
#include "fuzz_drive.h"

static bool
is_event(uint8_t type)
{
	return type == '>' || type == '?' || type == '!' || type == '^';
}

/*
 * Bytes up to the next event, or behind the next message of type last, 0: of
 * none.
 */
static size_t
speech_bytes(const uint8_t *at, size_t left, uint8_t last)
{
	size_t n = 0;

	while (n < left && !is_event(at[n])) {
		uint8_t type = at[n];
		size_t len;

		if (left - n < PG_HEADER)
			return left;
		len = pg_get_u32(at + n + 1);
		if (len < 4 || len >= left - n)
			return left;
		n += len + 1;
		if (last != 0 && type == last)
			break;
	}
	return n;
}

static void
happen(struct drive *d, uint8_t event, struct buf **side)
{
	if (event == '>') {
		*side = *side == &d->c_in ? &d->s_in : &d->c_in;
	} else if (event == '?') {
		d->has_waiters = !d->has_waiters;
	} else if (event == '^') {
		d->peer_eof = true;
	} else if (d->front != NULL && d->is_linked) {
		drive_abandon(d);
		ASSERT(pg_owed_is_sane(&((struct pg_back *)d->back)->owed));
	}
	drive_pump(d);
}

/* Does the log's entry at this place tell of the client's end? */
static bool
is_clients(const char *entry)
{
	return strncmp(entry, "close:", 6) == 0 ||
	       strncmp(entry, "client:", 7) == 0 || *entry == '"';
}

/*
 * The law holds for each side's orders; which side's end is seen first, when
 * both end, hangs on the cut.  So the client's end goes to the log's end.
 */
static void
part_sides(struct str *log)
{
	struct str server = { 0 }, client = { 0 };
	const char *at = str_text(log);

	while (*at != '\0') {
		struct str *to = is_clients(at) ? &client : &server;
		size_t n = *at == '"' ? 1 + strcspn(at + 1, "\"") + 1
				      : strcspn(at, " ");

		str_add(to, at, n);
		str_putc(to, ' ');
		at += n;
		at += *at == ' ';
	}
	str_add(&server, str_text(&client), client.len);
	str_fini(&client);
	str_fini(log);
	*log = server;
}

/*
 * A client with something to say is linked at the boundary, and what a server
 * says unasked comes before that or after: so here always after.
 */
static uint8_t
last_of(struct drive *d, const struct buf *side)
{
	return side == &d->s_in && d->c_in.len > 0 ? 'Z' : 0;
}

static void
play(const uint8_t *data, size_t size, enum drive_cut cut, struct outcome *o)
{
	struct buf *side;
	struct drive d;

	drive_init(&d, (enum pool_mode)(data[0] % 3), cut);
	d.is_strict = true;
	if (data[0] & 4)
		drive_start_value(&d, "TimeZone", "CET");
	if (data[0] & 8)
		d.policy.reset_always = true;
	side = &d.c_in;
	for (size_t at = FUZZ_PREFIX, n; at < size;) {
		if (is_event(data[at])) {
			happen(&d, data[at], &side);
			at += size - at < PG_HEADER ? size - at : PG_HEADER;
			continue;
		}
		n = speech_bytes(data + at, size - at, last_of(&d, side));
		drive_feed(&d, side, (const char *)data + at, n);
		at += n;
	}
	ASSERT(d.steps <= 32 * size + 200);
	outcome_take(o, &d);
	part_sides(&o->log);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	if (size > FUZZ_PREFIX && size <= 20000)
		play_all(play, data, size);
}
