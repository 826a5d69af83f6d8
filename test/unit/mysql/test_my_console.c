/*
 * The console over MySQL's protocol: commands, what clients send when they
 * connect, results in both styles of their end; whole and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "visit.h"

static const struct rowset_column columns[] = {
	{ "name", COLUMN_TEXT },
	{ "n", COLUMN_INT4 },
};

/* The console behind the front. */
struct desk {
	struct visit v; /* first */
	struct my_front front;
	size_t budget;
};

/* What the admin layer would answer to a command. */
static struct rowset *
answer_to(const char *text)
{
	static const char *const row[] = { "a", "-7" };
	static const char *const nulls[] = { "", NULL };
	struct rowset *r;
	unsigned many = 0;

	if (strcmp(text, "show x") == 0) {
		r = rowset_new(columns, 2, "SHOW");
		assert_true(rowset_add(r, row) && rowset_add(r, nulls));
		return r;
	}
	if (sscanf(text, "show many %u", &many) == 1) {
		r = rowset_new(columns, 2, "SHOW");
		while (many-- > 0)
			assert_true(rowset_add(r, row));
		return r;
	}
	if (strcmp(text, "show help") == 0) {
		r = rowset_new(NULL, 0, "SHOW");
		r->notice = mem_strdup("one\n\n\ttwo\n");
		return r;
	}
	if (strcmp(text, "pause") == 0)
		return rowset_new(NULL, 0, "PAUSE");
	if (strcmp(text, "kill") == 0)
		return rowset_error("42501", "no right", "Ask.");
	return rowset_error("42601", "unknown command", NULL);
}

/* The answer to a QUERY; a step before it is there waits. */
static struct order
carry_query(struct desk *k, struct turn *t, const struct order *o)
{
	struct rowset *r = answer_to(o->query.text);
	enum rows_result result;
	size_t next = 0;

	visit_log(&k->v, "%s", o->query.text);
	assert_int_equal(my_console_step(&k->front, t).kind, ORDER_WAIT);
	do {
		result = my_front_rows(t, r, &next, k->budget);
	} while (result == ROWS_MORE);
	assert_int_equal(result, ROWS_DONE);
	assert_int_equal(next, r->row_count);
	rowset_free(r);
	t->answer.kind = ANSWER_ROWS;
	return my_console_step(&k->front, t);
}

static struct order
step(struct visit *v, struct turn *t)
{
	struct desk *k = (struct desk *)v;
	struct order o;

	t->cancel_key = NULL; /* as after a login */
	t->stream = NULL;
	o = my_console_step(&k->front, t);
	return o.kind == ORDER_QUERY ? carry_query(k, t, &o) : o;
}

static void
desk_open(struct desk *k, enum visit_cut cut, uint32_t caps, uint32_t ext)
{
	*k = (struct desk){ .budget = 1 };
	k->front.caps = caps;
	k->front.ext = ext;
	k->front.console = my_console_new();
	assert_non_null(k->front.console);
	visit_init(&k->v, &k->front, step, cut);
}

static void
desk_close(struct desk *k)
{
	my_console_free(k->front.console);
	visit_fini(&k->v);
}

static void
send(struct desk *k, uint8_t command, const char *text)
{
	struct str s = { 0 };

	str_putc(&s, (char)command);
	str_puts(&s, text);
	visit_packet(&k->v, 0, s.data, s.len);
	str_fini(&s);
}

static void
show_cells(struct str *s, const uint8_t *p, size_t len)
{
	struct my_bytes b = my_bytes(p, len);

	str_putc(s, '(');
	while (b.left > 0 && !b.has_failed) {
		size_t n;
		const char *cell;

		if (*b.at == 0xfb) {
			(void)my_read_u8(&b);
			str_puts(s, "~;");
			continue;
		}
		cell = my_read_text(&b, &n);
		str_printf(s, "%.*s;", (int)n, cell);
	}
	assert_false(b.has_failed);
	str_putc(s, ')');
}

/* One definition: [name type], with a ! where the collation is not the one
 * of texts. */
static void
show_definition(struct str *s, const uint8_t *p, size_t len, uint32_t ext)
{
	struct my_bytes b = my_bytes(p, len);
	const char *name = NULL;
	size_t n, name_len = 0;

	for (unsigned i = 0; i < 6; i++) {
		const char *text = my_read_text(&b, &n);

		if (i == 0)
			assert_true(n == 3 && memcmp(text, "def", 3) == 0);
		if (i == 4) {
			name = text;
			name_len = n;
		}
	}
	if ((ext & MY_MARIADB_EXTENDED_METADATA) != 0)
		assert_int_equal(my_read_lenenc(&b), 0);
	assert_int_equal(my_read_lenenc(&b), 12);
	str_printf(s, "[%.*s", (int)name_len, name);
	if (my_read_u16(&b) != 45)
		str_putc(s, '!');
	(void)my_read_u32(&b);
	str_printf(s, " %u]", my_read_u8(&b));
	assert_int_equal(my_read_uint(&b, 5), 0);
	assert_true(b.left == 0 && !b.has_failed);
}

/*
 * What was written, told as a client tells it, which also checks the numbers
 * of the packets: OK, EOF, ERR, [name type] and (cells).
 */
static void
show(struct desk *k, struct str *s)
{
	bool is_eof_due = (k->front.caps & MY_CLIENT_DEPRECATE_EOF) == 0;
	size_t left = 0, len; /* definitions */
	bool is_rows = false;
	uint8_t seq, want = 1;
	const uint8_t *p;

	while ((p = visit_next(&k->v, &len, &seq)) != NULL) {
		if (!is_rows && left == 0 && seq == 1)
			want = 1;
		assert_int_equal(seq, want++);
		if (left > 0) {
			show_definition(s, p, len, k->front.ext);
			is_rows = --left == 0;
			if (is_rows && is_eof_due) {
				p = visit_next(&k->v, &len, &seq);
				assert_int_equal(seq, want++);
				assert_memory_equal(p, "\xfe\0\0\2\0", 5);
				assert_int_equal(len, 5);
			}
		} else if (p[0] == 0xff) {
			str_printf(s, "E%u:%.5s:%.*s ", my_get_u16(p + 1),
				   (const char *)p + 4, (int)len - 9,
				   (const char *)p + 9);
		} else if (is_rows && p[0] == 0xfe && len < 9) {
			assert_int_equal(len, is_eof_due ? 5 : 7);
			is_rows = false;
			str_puts(s, "EOF ");
		} else if (is_rows) {
			show_cells(s, p, len);
		} else if (p[0] == 0) {
			assert_memory_equal(p, "\0\0\0\2\0\0\0", 7);
			assert_int_equal(len, 7);
			str_puts(s, "OK ");
		} else {
			left = p[0];
			assert_int_equal(len, 1);
		}
	}
	assert_false(is_rows || left > 0);
}

/* In all ways; NULL: nothing to say of the orders. */
static void
expect(uint8_t command, const char *text, const char *shown, const char *log)
{
	static const struct {
		uint32_t caps, ext;
	} styles[] = {
		{ 0, 0 },
		{ MY_CLIENT_DEPRECATE_EOF, 0 },
		{ MY_CLIENT_DEPRECATE_EOF, MY_MARIADB_EXTENDED_METADATA },
	};

	for (size_t i = 0; i < COUNT_OF(styles) * CUTS * 2; i++) {
		size_t style = i % COUNT_OF(styles);
		struct str told = { 0 };
		struct desk k;

		desk_open(&k, (enum visit_cut)(i / COUNT_OF(styles) % CUTS),
			  styles[style].caps, styles[style].ext);
		k.budget = i % 2 == 0 ? 1 : 100;
		send(&k, command, text);
		/* The next one is answered, too. */
		send(&k, command, text);
		show(&k, &told);
		if (told.len > 0) {
			assert_int_equal(told.len, 2 * strlen(shown));
			assert_string_equal(str_text(&told) + told.len / 2,
					    shown);
		}
		assert_memory_equal(str_text(&told), shown, strlen(shown));
		if (log != NULL && log[0] == '\0')
			assert_string_equal(str_text(&k.v.log), "");
		else if (log != NULL)
			assert_memory_equal(str_text(&k.v.log), log,
					    strlen(log));
		str_fini(&told);
		desk_close(&k);
	}
}

static void
results(void **state)
{
	static const struct row {
		const char *text, *shown;
	} rows[] = {
		{ "show x", "[name 253][n! 3](a;-7;)(;~;)EOF " },
		{ "show many 0", "[name 253][n! 3]EOF " },
		{ "pause", "OK " },
		{ "show help", "[notice 253](one;)(;)(two;)EOF " },
		{ "oops", "E1064:42000:unknown command " },
		{ "kill", "E1227:42000:no right (Ask.) " },
		{ "select oops()", "E1064:42000:unknown command " },
		{ "select 1 from t", "E1064:42000:unknown command " },
		{ "select $$", "E1064:42000:unknown command " },
		{ "set default_pool_size = 3", "E1064:42000:unknown command " },
		{ "show variable", "E1064:42000:unknown command " },
		{ "use test", "E1064:42000:unknown command " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect(MY_COM_QUERY, rows[i].text, rows[i].shown, rows[i].text);
}

/* Numbers of packets go round; the end comes once. */
static void
many_rows(void **state)
{
	struct str told = { 0 };
	struct desk k;

	(void)state;
	desk_open(&k, CUT_NONE, 0, 0);
	k.budget = 7;
	send(&k, MY_COM_QUERY, "show many 700");
	show(&k, &told);
	assert_int_equal(told.len, strlen("[name 253][n! 3]") +
					   700 * strlen("(a;-7;)") +
					   strlen("EOF "));
	str_fini(&told);
	desk_close(&k);
}

static void
asked(void **state)
{
	static const struct row {
		const char *text, *shown;
	} rows[] = {
		{ "select @@version_comment limit 1",
		  "[@@version_comment 253](carpool console;)EOF " },
		{ "SELECT DATABASE()", "[DATABASE() 253](carpool;)EOF " },
		{ "select DATABASE(), USER() limit 1",
		  "[DATABASE() 253][USER() 253](carpool;;)EOF " },
		{ "SELECT 1", "[1! 8](1;)EOF " },
		{ "SELECT 'a' AS b, 2 c FROM DUAL", "[b 253][c! 8](a;2;)EOF " },
		{ "/* driver */SELECT  @@session.autocommit AS x, "
		  "@@global.SQL_MODE y",
		  "[x! 8][y 253](1;;)EOF " },
		{ "SELECT @@nothing", "E1193:HY000:Unknown system variable "
				      "'nothing' " },
		{ "SHOW VARIABLES LIKE 'tx\\_read%'",
		  "[Variable_name 253][Value 253](tx_read_only;0;)EOF " },
		{ "show session variables like 'AUTO_OMMIT'",
		  "[Variable_name 253][Value 253](autocommit;1;)EOF " },
		{ "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
		  "[Variable_name 253][Value 253]EOF " },
		{ "SHOW WARNINGS", "[Level 253][Code! 3][Message 253]EOF " },
		{ "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "OK " },
		{ "SET AUTOCOMMIT = 0", "OK " },
		{ "/*!40101 SET NAMES utf8 */;", "OK " },
		{ "SET @@session.autocommit = OFF", "OK " },
		{ "set session_track_schema=1, autocommit=1", "OK " },
		{ "-- before\nROLLBACK", "OK " },
		{ "COMMIT", "OK " },
		{ "START TRANSACTION", "OK " },
		{ "use `carpool`", "OK " },
		{ " ; ", "E1065:42000:Query was empty " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect(MY_COM_QUERY, rows[i].text, rows[i].shown, "");
}

static void
commands(void **state)
{
	(void)state;
	expect(MY_COM_PING, "", "OK ", "");
	expect(MY_COM_RESET_CONNECTION, "", "OK ", "");
	expect(MY_COM_INIT_DB, "carpool", "OK ", "");
	expect(MY_COM_INIT_DB, "x",
	       "E1049:42000:Unknown database: this is the console, connect "
	       "anew for another ",
	       "");
	expect(MY_COM_STMT_PREPARE, "show x",
	       "E1295:HY000:The console has no prepared statements: send the "
	       "command as a text ",
	       "");
	expect(MY_COM_STMT_CLOSE, "1234", "", "");
	expect(MY_COM_FIELD_LIST, "t",
	       "E1047:08S01:The console does not know this command ", "");
	expect(0x77, "", "E1047:08S01:The console does not know this command ",
	       "");
}

/* What ends the connection. */
static void
ends(void **state)
{
	static const struct row {
		const char *packet;
		size_t len;
		const char *log;
	} rows[] = {
		{ "\1\0\0\0\1", 5, "order:13" },
		{ "\0\0\0\0", 4, "connection:protocol_violation" },
		{ "\1\0\0\1\16", 5, "connection:protocol_violation" },
		{ "\1\0\1\0\3", 5, "connection:packet_too_large" },
		{ "\377\377\377\0\3", 5, "connection:packet_too_large" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows) * CUTS; i++) {
		const struct row *row = &rows[i / CUTS];
		struct desk k;

		desk_open(&k, (enum visit_cut)(i % CUTS), 0, 0);
		visit_feed(&k.v, row->packet, row->len);
		assert_string_equal(str_text(&k.v.log), row->log);
		assert_int_equal(k.v.sent.len, 0);
		desk_close(&k);
	}
}

static void
zero_byte(void **state)
{
	struct str told = { 0 };
	struct desk k;

	(void)state;
	desk_open(&k, CUT_BYTES, 0, 0);
	visit_packet(&k.v, 0, "\3pause\0now", 10);
	show(&k, &told);
	assert_string_equal(str_text(&told),
			    "E1064:42000:There is a zero byte in the text ");
	assert_string_equal(str_text(&k.v.log), "");
	str_fini(&told);
	desk_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results), cmocka_unit_test(many_rows),
		cmocka_unit_test(asked),   cmocka_unit_test(commands),
		cmocka_unit_test(ends),    cmocka_unit_test(zero_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
