/*
 * Hashes a text's tokens (FNV-1a, 64 bits), each behind a byte for its kind.
 * Constants and parameters are all the same, and a list of them counts as one,
 * however long; semicolons at the end do not count.  Owns nothing.
 */
#include "sql/digest.h"

#include "base/hash.h"
#include "base/text.h"
#include "sql/lexer.h"

enum kind { KIND_WORD = 1, KIND_NAME, KIND_CONSTANT, KIND_SIGN };

struct digest {
	uint64_t hash;
	unsigned semicolons; /* not hashed: nothing may follow */
	bool has_comma;      /* not hashed: a constant may follow */
	bool was_constant;   /* the last token hashed */
};

static void
add_byte(struct digest *d, uint8_t byte)
{
	d->hash = hash_byte(d->hash, byte);
}

static void
add_sign(struct digest *d, uint8_t sign)
{
	add_byte(d, KIND_SIGN);
	add_byte(d, sign);
	d->was_constant = false;
}

/* Another token follows what was held back. */
static void
add_held(struct digest *d)
{
	if (d->has_comma)
		add_sign(d, ',');
	d->has_comma = false;
	for (; d->semicolons > 0; d->semicolons--)
		add_sign(d, ';');
}

static void
add_constant(struct digest *d)
{
	if (d->was_constant && d->semicolons == 0) {
		d->has_comma = false;
		return;
	}
	add_held(d);
	add_byte(d, KIND_CONSTANT);
	d->was_constant = true;
}

/* Words in small letters, names as they are written. */
static void
add_text(struct digest *d, const struct lexer *lx, enum kind kind)
{
	add_held(d);
	add_byte(d, (uint8_t)kind);
	for (size_t i = 0; i < lx->len; i++)
		add_byte(d, kind == KIND_WORD ? (uint8_t)text_lower(lx->text[i])
					      : (uint8_t)lx->text[i]);
	d->was_constant = false;
}

static void
add(struct digest *d, const struct lexer *lx, enum lexer_token token)
{
	switch (token) {
	case LEXER_MORE:
		break;
	case LEXER_WORD:
		add_text(d, lx, KIND_WORD);
		break;
	case LEXER_NAME:
		add_text(d, lx, KIND_NAME);
		break;
	case LEXER_STRING:
	case LEXER_NUMBER:
		add_constant(d);
		break;
	case LEXER_SIGN:
		if (lx->sign == '$') { /* a parameter */
			add_constant(d);
		} else if (lx->sign == ';') {
			d->semicolons++;
		} else if (lx->sign == ',' && d->was_constant &&
			   !d->has_comma) {
			d->has_comma = true;
		} else {
			add_held(d);
			add_sign(d, lx->sign);
		}
		break;
	}
}

uint64_t
sql_digest(const void *text, size_t len, unsigned lexer)
{
	const uint8_t *at = text, *end = at + len;
	struct digest d = { .hash = HASH_START };
	enum lexer_token token;
	struct lexer lx;

	lexer_init(&lx, lexer);
	while ((token = lexer_next(&lx, &at, end)) != LEXER_MORE)
		add(&d, &lx, token);
	add(&d, &lx, lexer_end(&lx));
	return d.hash != 0 ? d.hash : 1;
}
