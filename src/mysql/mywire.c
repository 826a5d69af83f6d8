/*
 * The two tables of MySQL's protocol, and what is too short for a file.
 */
#include "mysql/mywire.h"

#include <string.h>

#include "base/text.h"
#include "my_back.h"
#include "my_caps.h"
#include "my_error.h"
#include "my_explain.h"
#include "my_facts.h"
#include "my_front.h"
#include "my_front_login.h"
#include "my_greeting.h"
#include "my_packet.h"

/* A server's socket is named as it is; there is no folder of them. */
static void
my_unix_path(const char *host, uint16_t port, char *out, size_t size)
{
	(void)port;
	(void)text_copy(out, size, host);
}

static void
my_listen_path(const char *dir, uint16_t port, char *out, size_t size)
{
	(void)text_format(out, size, "%s/.s.MYSQL.%u", dir, port);
}

static const void *
back_facts(void *back)
{
	const struct my_back *b = back;

	return b->facts;
}

static const void *
facts_ref(const void *facts)
{
	return my_facts_ref(facts);
}

static void
facts_unref(const void *facts)
{
	my_facts_unref(facts);
}

static const void *
facts_meet(const void *a, const void *b)
{
	return my_facts_meet(a, b);
}

static bool
facts_equal(const void *a, const void *b)
{
	return my_facts_equal(a, b);
}

/* A login that is refused; and, sent ahead, an answer to the question for
 * another proof that may come before. */
static void
say_good_bye(struct buf *out, const struct my_greeting *g)
{
	struct my_handshake h = {
		.user = "carpool_asks_version",
		.plugin = MY_NATIVE_PLUGIN,
		.database = "",
		.caps = (MY_CAPS_NEEDED | MY_CLIENT_PLUGIN_AUTH) & g->caps,
		.collation = MY_LOGIN_COLLATION
	};
	struct str s = { 0 };
	uint8_t seq = 1;

	my_handshake_write(&s, &h);
	/* Without memory the server counts a broken connection. */
	if (my_packet_flush(&s, out, &seq)) {
		seq = 3;
		(void)!my_packet_put(out, &seq, NULL, 0);
	}
}

static enum greeting_result
greeting(const uint8_t *bytes, size_t len, struct buf *out, const void **facts)
{
	struct my_greeting g;
	uint32_t total;
	uint8_t payload[4096];

	if (len < MY_HEADER)
		return GREETING_MORE;
	total = my_get_u24(bytes);
	if (total == 0 || total >= sizeof(payload))
		return GREETING_BAD;
	if (len - MY_HEADER < total)
		return GREETING_MORE;
	memcpy(payload, bytes + MY_HEADER, total);
	payload[total] = '\0';
	if (!my_greeting_read(&g, payload, total))
		return GREETING_BAD;
	*facts = my_facts_of(&g);
	say_good_bye(out, &g);
	return *facts != NULL ? GREETING_READ : GREETING_NO_MEMORY;
}

static const uint8_t *
last_error(void *back, size_t *len, char *text, size_t text_size)
{
	const struct my_back *b = back;
	struct my_error e;

	*len = b->error_len;
	text[0] = '\0';
	if (b->error != NULL && my_error_parse(&e, b->error, b->error_len))
		(void)text_format(text, text_size, "ERROR %u (%s): %.*s",
				  e.code, e.sqlstate, (int)e.text_len, e.text);
	return b->error;
}

static bool
front_credential(void *front, uint8_t client_key[32], uint8_t server_key[32])
{
	struct my_front *f = front;

	return f->login != NULL &&
	       my_front_login_keys(f->login, client_key, server_key);
}

/* The protocol has no words beside an answer. */
static void
front_notice(struct turn *turn, const char *text)
{
	(void)turn, (void)text;
}

/* It has no channels either: nobody listens. */
static bool
front_notify(struct turn *turn, const struct notification *n)
{
	(void)turn, (void)n;
	return true;
}

static bool
front_subscribed(struct turn *turn)
{
	(void)turn;
	return true;
}

const struct back_ops my_back_ops = {
	.name = "mysql",
	.keeps_class = true,
	.default_port = 3306,
	.unix_path = my_unix_path,
	.open = my_back_open,
	.close = my_back_close,
	.view = my_back_view,
	.step = my_back_step,
	.link = my_back_link,
	.unlink = my_back_unlink,
	.reset = my_back_reset,
	.check = my_back_check,
	.abandon = my_back_abandon,
	.terminate = my_back_terminate,
	.cancel_open = my_back_cancel_open,
	.facts = back_facts,
	.facts_ref = facts_ref,
	.facts_unref = facts_unref,
	.greeting = greeting,
	.facts_meet = facts_meet,
	.facts_equal = facts_equal,
	.last_error = last_error,
	.suits = my_back_suits,
	.explain = my_explain,
	.state = my_back_state,
	.statements = my_back_statements,
};

const struct front_ops my_front_ops = {
	.name = "mysql",
	.back = &my_back_ops,
	.speaks_first = true,
	.listen_path = my_listen_path,
	.share_open = my_share_open,
	.share_close = my_share_close,
	.open = my_front_open,
	.close = my_front_close,
	.view = my_front_view,
	.step = my_front_step,
	.refuse = my_front_refuse,
	.notice = front_notice,
	.notify = front_notify,
	.subscribed = front_subscribed,
	.rows = my_front_rows,
	.credential = front_credential,
	.state = my_front_state,
	.statements = my_front_statements,
};
