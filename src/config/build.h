/*
 * The steps of snapshot_build, in their order.  Private to config/.
 */
#ifndef CARPOOL_CONFIG_BUILD_H
#define CARPOOL_CONFIG_BUILD_H

#include "config/body.h"
#include "config/ini_read.h"
#include "config/report.h"
#include "config/url.h"

/* Who said what a setting is; later ones win. */
enum origin {
	ORIGIN_DEFAULT,
	ORIGIN_URL, /* what --url brings with it */
	ORIGIN_FILE,
	ORIGIN_ENVIRONMENT,
	ORIGIN_OPTION,
};

struct choice {
	enum origin origin;
	struct place at;
};

/* One run of snapshot_build. */
struct build {
	const struct config_source *source; /* borrows */
	struct config_report *report;       /* borrows */
	struct snapshot *s;                 /* owns until it is returned */
	struct ini ini;                     /* owns; empty without a file */
	struct url url;                     /* when source->url is set */
	bool has_server_tls;    /* it was tried to make s->server_tls */
	struct choice *choices; /* of every row; borrows from the pile of ini */
};

/* Section names as struct ini_entry has them. */
extern const char section_databases[];
extern const char section_mysql_databases[];
extern const char section_users[];
extern const char section_peers[];

/* The settings from all origins, into s->values and s->settings. */
void build_settings(struct build *b);
/* Users of auth_file, [users] and the URL. */
void build_users(struct build *b);
/* The entries of [databases] and [mysql_databases], or those that the URL
 * stands for. */
void build_databases(struct build *b);
/* The rules of auth_hba_file and auth_ident_file. */
void build_access(struct build *b);
/* The entries of [peers]: checked, then forgotten. */
void build_peers(struct build *b);
/* The certificates and keys that the settings name. */
void build_tls(struct build *b);
/* What no single value shows. */
void build_check(struct build *b);

/* The row's choice, for the place in a message. */
const struct choice *build_choice(const struct build *b, const char *setting);

/* What a database and a user may say of kinds of state; AT() is the file's. */
#define STATE_KEY(key, policy, kind)                                           \
	{                                                                      \
		key, &policy, AT(on_state[kind])                               \
	}
#define STATE_KEYS                                                             \
	STATE_KEY("on_temp_table", type_state_policy, STATE_TEMP_TABLE),       \
		STATE_KEY("on_advisory_lock", type_state_policy,               \
			  STATE_ADVISORY_LOCK),                                \
		STATE_KEY("on_hold_cursor", type_state_policy,                 \
			  STATE_HOLD_CURSOR),                                  \
		STATE_KEY("on_load", type_state_policy, STATE_LOAD),           \
		STATE_KEY("on_unknown_set", type_state_policy,                 \
			  STATE_UNKNOWN_SET),                                  \
		STATE_KEY("on_listen", type_listen_policy, STATE_LISTEN)

#endif
