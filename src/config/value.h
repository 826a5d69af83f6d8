/*
 * Kinds of values: how the text of a setting is read, checked, stored and
 * printed.  Pure; any thread.
 */
#ifndef CARPOOL_CONFIG_VALUE_H
#define CARPOOL_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/settings.h"

/* A value that was read; which member counts is told by the type's store. */
struct value {
	uint64_t number;      /* also a word's place and microseconds */
	const char *text;     /* borrows what was parsed */
	enum support support; /* of the word that was chosen */
};

enum value_store {
	STORE_U32,  /* uint32_t, or an enum of that size */
	STORE_USEC, /* usec_t, or another uint64_t */
	STORE_TEXT, /* const char * */
};

/* One word of a setting that knows only some. */
struct value_word {
	const char *word; /* NULL ends the list */
	uint32_t value;
	enum support support;
};

struct value_type {
	const char *noun; /* as the manual calls it */
	enum value_store store;
	/* Returns NULL, or what is wrong ("is not a number"). */
	const char *(*parse)(const struct value_type *type, const char *text,
			     struct value *out);
	void (*print)(const struct value_type *type, uint64_t number, char *out,
		      size_t size);     /* not for texts */
	const struct value_word *words; /* borrows static; may be NULL */
	bool is_secret;                 /* never shown */
	bool is_list; /* of words, by commas; blanks alone separate as well */
};

extern const struct value_type type_switch;  /* 0 or 1 */
extern const struct value_type type_number;  /* C prefixes: 0x1f, 017 */
extern const struct value_type type_octal;   /* as number; shown as 0777 */
extern const struct value_type type_seconds; /* usec_t */
extern const struct value_type type_memory;  /* uint64_t: bytes, or percent */
extern const struct value_type type_text;
extern const struct value_type type_list;
extern const struct value_type type_secret;
extern const struct value_type type_pool_mode;
extern const struct value_type type_auth_type;
extern const struct value_type type_client_sslmode;
extern const struct value_type type_server_sslmode;
extern const struct value_type type_ssl_negotiation;
extern const struct value_type type_channel_binding;
extern const struct value_type type_mysql_ssl;
extern const struct value_type type_load_balance;
extern const struct value_type type_state_policy;
extern const struct value_type type_listen_policy; /* also emulate */
extern const struct value_type type_listen_lost;

/* What stands for a secret wherever one would be shown. */
#define SECRET_SHOWN "********"

#define VALUE_WHY_MAX 200
/* Enough for every printed value that is no text. */
#define VALUE_TEXT_MAX 40

/*
 * Reads text as a value of type between min and max (max 0 = no bound but the
 * type's).  Returns true, or false with the reason in why, VALUE_WHY_MAX
 * bytes; secrets are not repeated there.
 */
bool value_parse(const struct value_type *type, uint64_t min, uint64_t max,
		 const char *text, struct value *out, char *why);

/*
 * The value as text: a borrowed one for texts (SECRET_SHOWN for secrets),
 * otherwise written into out; size >= VALUE_TEXT_MAX.
 */
const char *value_text(const struct value_type *type, const struct value *v,
		       char *out, size_t size);

/* Stores into, or loads from, a member of the type's store. */
void value_store(const struct value_type *type, const struct value *v,
		 void *member);
struct value value_load(const struct value_type *type, const void *member);

bool value_is_equal(const struct value_type *type, const struct value *a,
		    const struct value *b);

#endif
