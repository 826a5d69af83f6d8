/*
 * Both logins of MySQL's protocol, as a hostile client or server plays them.
 * The first byte chooses the side and what is known of the user, the rest is
 * what the other side says.  Said at once or in pieces, the orders and what is
 * written are the same; a step that waits has changed nothing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../unit/mysql/visit.h"

#include "auth/rsa_key.h"
#include "fuzz_main.h"
#include "mysql/my_back_login.h"
#include "mysql/my_front_login.h"

static const char *const secrets[] = {
	"secret",
	"*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19",
	/* 1,000 rounds: an input may ask for several. */
	"$A$001$abcdefghijklmnopqrst./01234567890ABCDEFGHIJKLMNOPQRSTUVWXYZabc"
	"d",
	NULL,
};

static struct rsa_key *
the_key(void)
{
	static struct rsa_key *key;

	/* Made before, or whoever comes first has more work done. */
	if (key == NULL) {
		key = rsa_key_new(NULL);
		ASSERT(key != NULL && rsa_key_prepare(key));
	}
	return key;
}

static struct order
front_step(struct visit *v, struct turn *t)
{
	return my_front_login_step(v->self, t);
}

static struct order
back_step(struct visit *v, struct turn *t)
{
	return my_back_login_step(v->self, t);
}

/* Says all of it: at once, or in pieces of growing size. */
static void
tell(struct visit *v, const uint8_t *data, size_t size, enum visit_cut cut)
{
	size_t piece = cut == CUT_NONE ? size : 1;

	visit_pump(v);
	while (size > 0 && !v->is_over) {
		size_t n = piece < size ? piece : size;

		ASSERT(buf_append(&v->in, data, n));
		visit_pump(v);
		data += n;
		size -= n;
		piece = cut == CUT_NONE ? piece : piece % 7 + 1;
	}
}

static void
play_front(struct visit *v, uint8_t how, const uint8_t *data, size_t size,
	   enum visit_cut cut)
{
	static const struct my_facts_words words = {
		.version = "5.5.5-10.11.19-MariaDB",
		.schema = "app",
		.caps = 0x81fff7fe,
		.ext = 0x1d,
	};
	const struct my_facts *facts = my_facts_new(&words);
	struct my_front f = { .seq = 0 };

	f.login = my_front_login_new();
	visit_init(v, &f, front_step, cut);
	v->common = facts;
	v->own = facts;
	v->rsa = how & 0x10 ? NULL : the_key();
	v->stream.is_unix = how & 0x20;
	v->verify.method = how & 0x40 ? AUTH_TRUST : AUTH_SCRAM;
	v->verify.secret = secrets[how / 2 % 4];
	v->verify.decoy = secrets[how / 8 % 2 * 2];
	tell(v, data, size, cut);
	visit_log(v, "seq %u caps %x", f.seq, f.caps);
	my_front_login_free(f.login);
	my_facts_unref(facts);
}

static void
play_back(struct visit *v, uint8_t how, const uint8_t *data, size_t size,
	  enum visit_cut cut)
{
	static const uint8_t keys[32] = { 1 };
	const char *secret = secrets[how / 2 % 4];
	struct credential cred = { .user = "joe", .secret = "" };
	struct my_back b = { .seq = 0 };

	if (secret != NULL)
		cred.secret = secret;
	if (how & 0x08) {
		cred.client_key = keys;
		cred.server_key = keys;
	}
	visit_init(v, &b, back_step, cut);
	v->stream.is_unix = how & 0x20;
	v->policy.connect_query = how & 0x40 ? "SELECT 1" : "";
	b.login = my_back_login_new(&cred, how & 0x10 ? "db" : "",
				    (struct startup_words){ 0 }, &v->policy);
	tell(v, data, size, cut);
	visit_log(v, "seq %u caps %x", b.seq, b.caps);
	if (b.facts != NULL)
		visit_log(v, "%s %s", my_facts_words(b.facts)->version,
			  my_facts_words(b.facts)->schema);
	my_back_login_free(b.login);
	my_facts_unref(b.facts);
	mem_free(b.error);
}

/* RSA pads at random, so where work was done only the length is compared. */
static void
compare(const struct visit *a, const struct visit *b)
{
	ASSERT(strcmp(str_text(&a->log), str_text(&b->log)) == 0);
	ASSERT(a->jobs == b->jobs);
	ASSERT(a->sent.len == b->sent.len);
	ASSERT(a->jobs > 0 || a->sent.len == 0 ||
	       memcmp(a->sent.data, b->sent.data, a->sent.len) == 0);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	struct visit v[CUTS];

	if (size == 0 || size > FUZZ_INPUT_MAX)
		return;
	for (unsigned cut = 0; cut < CUTS; cut++) {
		if (data[0] & 1)
			play_back(&v[cut], data[0], data + 1, size - 1,
				  (enum visit_cut)cut);
		else
			play_front(&v[cut], data[0], data + 1, size - 1,
				   (enum visit_cut)cut);
	}
	compare(&v[0], &v[1]);
	visit_fini(&v[0]);
	visit_fini(&v[1]);
}
