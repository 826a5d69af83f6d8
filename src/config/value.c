/*
 * The kinds of values.  Pure functions over constant tables; any thread.
 * Numbers and words are read as PgBouncer reads them; units after a time
 * and words for switches are additions that change no number's meaning.
 */
#include "config/value.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/snapshot.h"

/* Larger ones would not fit: UINT32_MAX stands for "not given". */
#define NUMBER_MAX (UINT32_MAX - 1)

/* Less than this cannot be meant for a daemon. */
#define MEMORY_LEAST ((uint64_t)1 << 20)

static void
print_number(const struct value_type *type, uint64_t number, char *out,
	     size_t size)
{
	(void)type;
	text_format(out, size, "%" PRIu64, number);
}

static void
print_octal(const struct value_type *type, uint64_t number, char *out,
	    size_t size)
{
	(void)type;
	text_format(out, size, "0%" PRIo64, number);
}

static const char *
parse_number(const struct value_type *type, const char *text, struct value *out)
{
	(void)type;
	/* 017 and 0x1f are numbers, "beef" is none. */
	if (*text < '0' || *text > '9')
		return *text == '-' ? "is negative" : "is not a number";
	if (!text_to_u64(text, 0, &out->number))
		return "is not a number";
	return out->number <= NUMBER_MAX ? NULL : "is too large";
}

static const char *
parse_switch(const struct value_type *type, const char *text, struct value *out)
{
	static const char *const on[] = { "1", "yes", "on", "true" };
	static const char *const off[] = { "0", "no", "off", "false" };
	size_t i;

	(void)type;
	for (i = 0; i < COUNT_OF(on); i++) {
		out->number = 1;
		if (text_equal_nocase(text, on[i]))
			return NULL;
		out->number = 0;
		if (text_equal_nocase(text, off[i]))
			return NULL;
	}
	return "is neither 0 nor 1";
}

/* Microseconds of a unit; bare numbers are seconds; 0 = no such unit. */
static uint64_t
unit_usec(const char *unit)
{
	static const struct {
		const char *name;
		uint64_t usec;
	} units[] = {
		{ "", USEC_PER_SEC },          { "us", 1 },
		{ "ms", USEC_PER_MSEC },       { "s", USEC_PER_SEC },
		{ "m", 60 * USEC_PER_SEC },    { "h", 3600 * USEC_PER_SEC },
		{ "d", 86400 * USEC_PER_SEC },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(units); i++)
		if (strcmp(unit, units[i].name) == 0)
			return units[i].usec;
	return 0;
}

/* The digits after the point, as parts of unit. */
static uint64_t
fraction_usec(const char *digits, size_t count, uint64_t unit)
{
	uint64_t sum = 0;
	bool is_nonzero = false;
	size_t i;

	for (i = 0; i < count; i++) {
		is_nonzero = is_nonzero || digits[i] != '0';
		unit /= 10;
		sum += (uint64_t)(digits[i] - '0') * unit;
	}
	/* A tiny time must not become 0, which means "off". */
	return sum == 0 && is_nonzero ? 1 : sum;
}

static const char *
parse_seconds(const struct value_type *type, const char *text,
	      struct value *out)
{
	size_t whole = strspn(text, "0123456789"), part = 0, i;
	const char *rest = text + whole, *fraction = rest;
	uint64_t sum = 0, unit;

	(void)type;
	if (*rest == '.') {
		fraction = ++rest;
		part = strspn(rest, "0123456789");
		rest += part;
	}
	unit = unit_usec(rest + strspn(rest, " \t"));
	if (whole + part == 0)
		return *text == '-' ? "is negative" : "is not a time";
	if (unit == 0)
		return "is not a time";
	for (i = 0; i < whole; i++) {
		if (sum > UINT64_MAX / 4 / 10 / unit)
			return "is too large";
		sum = sum * 10 + (uint64_t)(text[i] - '0');
	}
	out->number = sum * unit + fraction_usec(fraction, part, unit);
	return NULL;
}

/* As PgBouncer shows times: seconds, decimals only where there are any. */
static void
print_seconds(const struct value_type *type, uint64_t number, char *out,
	      size_t size)
{
	size_t n;

	(void)type;
	if (number % USEC_PER_SEC == 0) {
		text_format(out, size, "%" PRIu64, number / USEC_PER_SEC);
		return;
	}
	n = text_format(out, size, "%" PRIu64 ".%06" PRIu64,
			number / USEC_PER_SEC, number % USEC_PER_SEC);
	while (n > 0 && out[n - 1] == '0')
		out[--n] = '\0';
}

/* Bytes of a unit, as PostgreSQL counts; 0 = no such unit. */
static uint64_t
unit_bytes(const char *unit)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	size_t i;

	if (*unit == '\0')
		return 1;
	for (i = 0; i < COUNT_OF(units); i++)
		if (text_equal_nocase(unit, units[i]))
			return UINT64_C(1) << (10 * i);
	return 0;
}

/* Bytes, or up to 100 a share in percent: nobody means so few bytes. */
static const char *
parse_memory(const struct value_type *type, const char *text, struct value *out)
{
	size_t digits = strspn(text, "0123456789"), i;
	const char *unit = text + digits + strspn(text + digits, " \t");
	bool is_percent = strcmp(unit, "%") == 0;
	uint64_t bytes = is_percent ? 1 : unit_bytes(unit);

	(void)type;
	if (digits == 0 || bytes == 0)
		return "is neither bytes (kB, MB, GB) nor percent (%)";
	out->number = 0;
	for (i = 0; i < digits; i++) {
		if (out->number > UINT64_MAX / 20 / bytes)
			return "is too large";
		out->number = out->number * 10 + (uint64_t)(text[i] - '0');
	}
	out->number *= bytes;
	if (is_percent && (out->number == 0 || out->number > MEMORY_PERCENT))
		return "is not from 1% to 100%";
	if (!is_percent && out->number != 0 && out->number < MEMORY_LEAST)
		return "is too small";
	return NULL;
}

static void
print_memory(const struct value_type *type, uint64_t number, char *out,
	     size_t size)
{
	const char *percent = number > 0 && number <= MEMORY_PERCENT ? "%" : "";

	(void)type;
	text_format(out, size, "%" PRIu64 "%s", number, percent);
}

/* A line break would end the setting where it is printed as a file. */
static const char *
parse_text(const struct value_type *type, const char *text, struct value *out)
{
	(void)type;
	out->text = text;
	return strpbrk(text, "\r\n") == NULL ? NULL : "has a line break";
}

static const char *
parse_word(const struct value_type *type, const char *text, struct value *out)
{
	const struct value_word *w;

	for (w = type->words; w->word != NULL; w++) {
		if (!text_equal_nocase(text, w->word))
			continue;
		out->number = w->value;
		out->support = w->support;
		return NULL;
	}
	return "is not one of";
}

static void
print_word(const struct value_type *type, uint64_t number, char *out,
	   size_t size)
{
	const struct value_word *w;

	for (w = type->words; w->word != NULL; w++)
		if (w->value == number)
			break;
	text_copy(out, size, w->word != NULL ? w->word : "?");
}

const struct value_type type_switch = {
	.noun = "switch",
	.store = STORE_U32,
	.parse = parse_switch,
	.print = print_number,
};

const struct value_type type_number = {
	.noun = "number",
	.store = STORE_U32,
	.parse = parse_number,
	.print = print_number,
};

const struct value_type type_octal = {
	.noun = "octal number",
	.store = STORE_U32,
	.parse = parse_number,
	.print = print_octal,
};

const struct value_type type_seconds = {
	.noun = "seconds",
	.store = STORE_USEC,
	.parse = parse_seconds,
	.print = print_seconds,
};

const struct value_type type_memory = {
	.noun = "bytes or percent",
	.store = STORE_USEC,
	.parse = parse_memory,
	.print = print_memory,
};

const struct value_type type_text = {
	.noun = "text",
	.store = STORE_TEXT,
	.parse = parse_text,
};

const struct value_type type_list = {
	.noun = "comma list",
	.store = STORE_TEXT,
	.parse = parse_text,
	.is_list = true,
};

const struct value_type type_secret = {
	.noun = "text",
	.store = STORE_TEXT,
	.parse = parse_text,
	.is_secret = true,
};

_Static_assert(sizeof(enum pool_mode) == sizeof(uint32_t) &&
		       sizeof(enum auth_method) == sizeof(uint32_t) &&
		       sizeof(enum load_balance) == sizeof(uint32_t) &&
		       sizeof(enum state_policy) == sizeof(uint32_t) &&
		       sizeof(enum listen_lost) == sizeof(uint32_t),
	       "enums are stored as uint32_t");

static const struct value_word pool_mode_words[] = {
	{ "session", POOL_SESSION, SUPPORT_FULL },
	{ "transaction", POOL_TRANSACTION, SUPPORT_FULL },
	{ "statement", POOL_STATEMENT, SUPPORT_FULL },
	{ 0 },
};

const struct value_type type_pool_mode = {
	.noun = "word",
	.store = STORE_U32,
	.parse = parse_word,
	.print = print_word,
	.words = pool_mode_words,
};

/* The refused words never reach a snapshot, so their values are free. */
static const struct value_word auth_type_words[] = {
	{ "any", AUTH_ANY, SUPPORT_FULL },
	{ "trust", AUTH_TRUST, SUPPORT_FULL },
	{ "plain", AUTH_PLAIN, SUPPORT_FULL },
	{ "md5", AUTH_MD5, SUPPORT_FULL },
	{ "scram-sha-256", AUTH_SCRAM, SUPPORT_FULL },
	{ "cert", AUTH_CERT, SUPPORT_FULL },
	{ "hba", AUTH_HBA, SUPPORT_FULL },
	{ "peer", AUTH_PEER, SUPPORT_FULL },
	{ "pam", AUTH_HBA + 1, SUPPORT_REFUSED },
	{ "ldap", AUTH_HBA + 2, SUPPORT_REFUSED },
	{ 0 },
};

const struct value_type type_auth_type = {
	.noun = "word",
	.store = STORE_U32,
	.parse = parse_word,
	.print = print_word,
	.words = auth_type_words,
};

const char *
auth_method_name(enum auth_method method)
{
	const struct value_word *w;

	for (w = auth_type_words; w->word != NULL; w++)
		if (w->value == (uint32_t)method)
			return w->word;
	return "reject";
}

static const struct value_word client_sslmode_words[] = {
	{ "disable", SSL_MODE_DISABLE, SUPPORT_FULL },
	{ "allow", SSL_MODE_ALLOW, SUPPORT_FULL },
	{ "prefer", SSL_MODE_PREFER, SUPPORT_FULL },
	{ "require", SSL_MODE_REQUIRE, SUPPORT_FULL },
	{ "verify-ca", SSL_MODE_VERIFY_CA, SUPPORT_FULL },
	{ "verify-full", SSL_MODE_VERIFY_FULL, SUPPORT_FULL },
	{ 0 },
};

const struct value_type type_client_sslmode = {
	.noun = "word",
	.store = STORE_U32,
	.parse = parse_word,
	.print = print_word,
	.words = client_sslmode_words,
};

static const struct value_word server_sslmode_words[] = {
	{ "disable", SSL_MODE_DISABLE, SUPPORT_FULL },
	{ "allow", SSL_MODE_ALLOW, SUPPORT_FULL },
	{ "prefer", SSL_MODE_PREFER, SUPPORT_FULL },
	{ "require", SSL_MODE_REQUIRE, SUPPORT_FULL },
	{ "verify-ca", SSL_MODE_VERIFY_CA, SUPPORT_FULL },
	{ "verify-full", SSL_MODE_VERIFY_FULL, SUPPORT_FULL },
	{ 0 },
};

const struct value_type type_server_sslmode = {
	.noun = "word",
	.store = STORE_U32,
	.parse = parse_word,
	.print = print_word,
	.words = server_sslmode_words,
};

static const struct value_word ssl_negotiation_words[] = {
	{ "postgres", SSL_NEGOTIATION_POSTGRES, SUPPORT_FULL },
	{ "direct", SSL_NEGOTIATION_DIRECT, SUPPORT_FULL },
	{ 0 },
};

const struct value_type type_ssl_negotiation = {
	.noun = "word",
	.store = STORE_U32,
	.parse = parse_word,
	.print = print_word,
	.words = ssl_negotiation_words,
};

static const struct value_word channel_binding_words[] = {
	{ "prefer", CHANNEL_BINDING_PREFER, SUPPORT_FULL },
	{ "require", CHANNEL_BINDING_REQUIRE, SUPPORT_FULL },
	{ "disable", CHANNEL_BINDING_DISABLE, SUPPORT_FULL },
	{ 0 },
};

const struct value_type type_channel_binding = {
	.noun = "word",
	.store = STORE_U32,
	.parse = parse_word,
	.print = print_word,
	.words = channel_binding_words,
};

/* As MySQL's clients call it. */
static const struct value_word mysql_ssl_words[] = {
	{ "disabled", SSL_MODE_DISABLE, SUPPORT_FULL },
	{ "preferred", SSL_MODE_PREFER, SUPPORT_FULL },
	{ "required", SSL_MODE_REQUIRE, SUPPORT_FULL },
	{ "verify_ca", SSL_MODE_VERIFY_CA, SUPPORT_FULL },
	{ "verify_identity", SSL_MODE_VERIFY_FULL, SUPPORT_FULL },
	{ 0 },
};

const struct value_type type_mysql_ssl = {
	.noun = "word",
	.store = STORE_U32,
	.parse = parse_word,
	.print = print_word,
	.words = mysql_ssl_words,
};

static const struct value_word load_balance_words[] = {
	{ "round-robin", LOAD_BALANCE_ROUND_ROBIN, SUPPORT_FULL },
	{ "disable", LOAD_BALANCE_DISABLE, SUPPORT_FULL },
	{ 0 },
};

const struct value_type type_load_balance = {
	.noun = "word",
	.store = STORE_U32,
	.parse = parse_word,
	.print = print_word,
	.words = load_balance_words,
};

/* Nobody but carpool can listen in a server's place. */
static const struct value_word state_policy_words[] = {
	{ "pin", STATE_PIN, SUPPORT_FULL },
	{ "reset", STATE_RESET, SUPPORT_FULL },
	{ "reject", STATE_REJECT, SUPPORT_FULL },
	{ "allow", STATE_ALLOW, SUPPORT_FULL },
	{ 0 },
};

const struct value_type type_state_policy = {
	.noun = "word",
	.store = STORE_U32,
	.parse = parse_word,
	.print = print_word,
	.words = state_policy_words,
};

static const struct value_word listen_policy_words[] = {
	{ "pin", STATE_PIN, SUPPORT_FULL },
	{ "reset", STATE_RESET, SUPPORT_FULL },
	{ "reject", STATE_REJECT, SUPPORT_FULL },
	{ "allow", STATE_ALLOW, SUPPORT_FULL },
	{ "emulate", STATE_EMULATE, SUPPORT_FULL },
	{ 0 },
};

const struct value_type type_listen_policy = {
	.noun = "word",
	.store = STORE_U32,
	.parse = parse_word,
	.print = print_word,
	.words = listen_policy_words,
};

static const struct value_word listen_lost_words[] = {
	{ "notice", LISTEN_LOST_NOTICE, SUPPORT_FULL },
	{ "close", LISTEN_LOST_CLOSE, SUPPORT_FULL },
	{ 0 },
};

const struct value_type type_listen_lost = {
	.noun = "word",
	.store = STORE_U32,
	.parse = parse_word,
	.print = print_word,
	.words = listen_lost_words,
};

#define STATE_NAMES                                                            \
	[STATE_TEMP_TABLE] = "temp_table",                                     \
	[STATE_ADVISORY_LOCK] = "advisory_lock",                               \
	[STATE_HOLD_CURSOR] = "hold_cursor", [STATE_LOAD] = "load",            \
	[STATE_UNKNOWN_SET] = "unknown_set", [STATE_LISTEN] = "listen"

const char *const state_kind_names[STATE_KINDS] = { STATE_NAMES };

const char *const pin_kind_names[PIN_KINDS] = {
	STATE_NAMES,
	[PIN_TABLE_LOCK] = "table_lock",
	[PIN_SERVER_LOCK] = "server_lock",
	[PIN_XA] = "xa",
	[PIN_TRANSACTION] = "transaction",
	[PIN_STATEMENT] = "statement",
	[PIN_ASKED] = "asked",
};

const char *const state_policy_names[STATE_EMULATE + 1] = {
	[STATE_PIN] = "pin",         [STATE_RESET] = "reset",
	[STATE_REJECT] = "reject",   [STATE_ALLOW] = "allow",
	[STATE_EMULATE] = "emulate",
};

const char *const pool_mode_names[3] = {
	[POOL_SESSION] = "session",
	[POOL_TRANSACTION] = "transaction",
	[POOL_STATEMENT] = "statement",
};

/* Writes `"text" what` and, for words, those that there are. */
static void
explain(const struct value_type *type, const char *text, const char *what,
	char *why)
{
	const struct value_word *w;
	size_t n;

	/* %.60s: what was given by mistake may be long. */
	n = type->is_secret
		    ? text_format(why, VALUE_WHY_MAX, "the value %s", what)
		    : text_format(why, VALUE_WHY_MAX, "\"%.60s\" %s", text,
				  what);
	for (w = type->words; w != NULL && w->word != NULL; w++)
		n += text_format(why + n, VALUE_WHY_MAX - n, "%s %s",
				 w == type->words ? "" : ",", w->word);
}

bool
value_parse(const struct value_type *type, uint64_t min, uint64_t max,
	    const char *text, struct value *out, char *why)
{
	const char *what;
	char bound[VALUE_TEXT_MAX], above[VALUE_TEXT_MAX + 20];

	*out = (struct value){ .support = SUPPORT_FULL };
	what = type->parse(type, text, out);
	if (what == NULL && type->store != STORE_TEXT &&
	    (out->number < min || (max != 0 && out->number > max))) {
		type->print(type, out->number < min ? min : max, bound,
			    sizeof(bound));
		text_format(above, sizeof(above), "is %s %s",
			    out->number < min ? "below" : "above", bound);
		what = above;
	}
	if (what != NULL)
		explain(type, text, what, why);
	return what == NULL;
}

const char *
value_text(const struct value_type *type, const struct value *v, char *out,
	   size_t size)
{
	if (type->store == STORE_TEXT)
		return type->is_secret && v->text[0] != '\0' ? SECRET_SHOWN
							     : v->text;
	ASSERT(size >= VALUE_TEXT_MAX);
	type->print(type, v->number, out, size);
	return out;
}

void
value_store(const struct value_type *type, const struct value *v, void *member)
{
	uint32_t narrow = (uint32_t)v->number;
	usec_t usec = v->number;

	switch (type->store) {
	case STORE_U32:
		memcpy(member, &narrow, sizeof(narrow));
		break;
	case STORE_USEC:
		memcpy(member, &usec, sizeof(usec));
		break;
	case STORE_TEXT:
		memcpy(member, &v->text, sizeof(v->text));
		break;
	}
}

struct value
value_load(const struct value_type *type, const void *member)
{
	struct value v = { .support = SUPPORT_FULL };
	uint32_t narrow;

	switch (type->store) {
	case STORE_U32:
		memcpy(&narrow, member, sizeof(narrow));
		v.number = narrow;
		break;
	case STORE_USEC:
		memcpy(&v.number, member, sizeof(v.number));
		break;
	case STORE_TEXT:
		memcpy(&v.text, member, sizeof(v.text));
		break;
	}
	return v;
}

bool
value_is_equal(const struct value_type *type, const struct value *a,
	       const struct value *b)
{
	if (type->store == STORE_TEXT)
		return strcmp(a->text, b->text) == 0;
	return a->number == b->number;
}
