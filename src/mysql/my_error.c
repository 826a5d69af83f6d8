/*
 * See my_error.h.  The numbers of the reasons stand in the one table of
 * reasons; here stand the SQLSTATEs that belong to numbers, and the words that
 * differ from those for Postgres.  MySQL has no place for a hint, so the names
 * of settings stand in the text.  MySQL 8.0 Error Message Reference; MariaDB
 * Error Codes.
 */
#include "my_error.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "my_packet.h"

static const struct {
	uint16_t code;
	char sqlstate[6];
} states[] = {
	{ 1040, "08004" }, { 1041, "HY000" }, { 1043, "08S01" },
	{ 1044, "42000" }, { 1045, "28000" }, { 1046, "3D000" },
	{ 1047, "08S01" }, { 1049, "42000" }, { 1053, "08S01" },
	{ 1064, "42000" }, { 1065, "42000" }, { 1094, "HY000" },
	{ 1095, "HY000" }, { 1105, "HY000" }, { 1129, "HY000" },
	{ 1148, "42000" }, { 1153, "08S01" }, { 1156, "08S01" },
	{ 1158, "08S01" }, { 1159, "08S01" }, { 1160, "08S01" },
	{ 1161, "08S01" }, { 1205, "HY000" }, { 1210, "HY000" },
	{ 1226, "42000" }, { 1227, "42000" }, { 1231, "42000" },
	{ 1235, "42000" }, { 1243, "HY000" }, { 1251, "08004" },
	{ 1317, "70100" }, { 1429, "HY000" }, { 1461, "42000" },
	{ 1470, "HY000" }, { 1615, "HY000" }, { 1815, "HY000" },
	{ 1835, "HY000" }, { 1927, "70100" }, { 3024, "HY000" },
	{ 3032, "HY000" }, { 3159, "HY000" },
};

const char *
my_error_sqlstate(unsigned code)
{
	for (size_t i = 0; i < COUNT_OF(states); i++)
		if (states[i].code == code)
			return states[i].sqlstate;
	return "HY000";
}

unsigned
my_reason_code(enum reason reason)
{
	unsigned code = reason_info(reason)->mysql;

	return my_error_is_sendable(code) ? code : MY_ER_UNKNOWN;
}

const char *
my_reason_text(enum reason reason)
{
	static const char *const texts[REASON_COUNT] = {
		[REASON_UNSUPPORTED_PROTOCOL] =
			"the client's protocol is too old: carpool wants "
			"protocol 4.1 and its passwords",
		[REASON_NO_USER_NAME] = "the login names no user",
		[REASON_AUTH_METHOD] =
			"no usable authentication method for this user "
			"(auth_type, auth_file)",
		[REASON_NO_DATABASE] = "no such database in [mysql_databases]",
		[REASON_PREPARE_NOT_ALONE] =
			"PREPARE must stand alone, not among other statements",
		[REASON_TEMP_TABLE] = "temporary tables are not allowed in "
				      "transaction pooling (on_temp_table)",
		[REASON_ADVISORY_LOCK] =
			"locks of a session are not allowed in transaction "
			"pooling (on_advisory_lock)",
		[REASON_UNKNOWN_SET] =
			"a statement that cannot be followed is not allowed "
			"in transaction pooling (on_unknown_set)",
		[REASON_SERVER_AUTH] =
			"the server asks for a login that the pooler cannot "
			"make for this user (auth_file, or password= in the "
			"database entry)",
		[REASON_STATEMENT_MODE_TX] =
			"transactions are not allowed in statement pooling "
			"mode (pool_mode)",
	};

	return texts[reason] != NULL ? texts[reason]
				     : reason_info(reason)->text;
}

bool
my_error_parse(struct my_error *e, const uint8_t *payload, size_t len)
{
	struct my_bytes b = my_bytes(payload, len);

	*e = (struct my_error){ .sqlstate = "HY000" };
	if (my_read_u8(&b) != 0xff)
		return false;
	e->code = my_read_u16(&b);
	if (b.has_failed)
		return false;
	if (b.left >= 6 && b.at[0] == '#') {
		memcpy(e->sqlstate, my_read(&b, 6) + 1, 5);
		e->sqlstate[5] = '\0';
	}
	e->text = (const char *)b.at;
	e->text_len = b.left;
	return true;
}

/* The payload; its length.  payload: 9 + MY_ERROR_TEXT_MAX bytes. */
static size_t
compose(char *payload, enum my_error_time when, unsigned code, const char *text)
{
	size_t n = 3;

	ASSERT(my_error_is_sendable(code));
	payload[0] = '\xff';
	payload[1] = (char)(code & 0xff);
	payload[2] = (char)(code >> 8);
	if (when == MY_ERROR_LATER) {
		payload[3] = '#';
		memcpy(payload + 4, my_error_sqlstate(code), 5);
		n = 9;
	}
	for (size_t i = 0; i < MY_ERROR_TEXT_MAX && text[i] != '\0'; i++)
		payload[n++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	return n;
}

static bool
put(struct buf *out, uint8_t *seq, enum my_error_time when, unsigned code,
    const char *text)
{
	char payload[9 + MY_ERROR_TEXT_MAX];

	return my_packet_put(out, seq, payload,
			     compose(payload, when, code, text));
}

bool
my_put_error(struct buf *out, uint8_t *seq, unsigned code, const char *text)
{
	return put(out, seq, MY_ERROR_LATER, code, text);
}

bool
my_put_reason_at(struct buf *out, uint8_t *seq, enum my_error_time when,
		 enum reason reason, const char *text)
{
	return put(out, seq, when, my_reason_code(reason),
		   text != NULL ? text : my_reason_text(reason));
}

bool
my_put_reason(struct buf *out, uint8_t *seq, enum reason reason,
	      const char *text)
{
	return my_put_reason_at(out, seq, MY_ERROR_LATER, reason, text);
}
