/*
 * The functions behind the two tables, each in the file that its name says.
 * Their contracts stand in proto/protocol.h.  Private to postgres/.
 */
#ifndef CARPOOL_SRC_POSTGRES_PGWIRE_H
#define CARPOOL_SRC_POSTGRES_PGWIRE_H

#include "postgres/pgwire.h"

/* pg_front.c */
void *pg_share_open(uint64_t seed);
void pg_share_close(void *shared);
void *pg_front_open(void);
void pg_front_close(void *front);
struct front_view *pg_front_view(void *front);
struct order pg_front_step(struct turn *turn);
bool pg_front_credential(void *front, uint8_t client_key[32],
			 uint8_t server_key[32]);

/* pg_refuse.c */
void pg_front_refuse(struct turn *turn, const struct refusal *refusal);
void pg_front_notice(struct turn *turn, const char *text);

/* pg_listen.c */
bool pg_front_notify(struct turn *turn, const struct notification *n);
bool pg_front_subscribed(struct turn *turn);

/* pg_rows.c */
enum rows_result pg_front_rows(struct turn *turn, const struct rowset *rows,
			       size_t *next, size_t budget);

/* pg_back.c */
void *pg_back_open(const struct credential *cred, const char *database,
		   struct startup_words words, const struct policy *policy);
void pg_back_close(void *back);
struct back_view *pg_back_view(void *back);
struct order pg_back_step(struct turn *turn);
const uint8_t *pg_back_last_error(void *back, size_t *len, char *text,
				  size_t text_size);

/* pg_back_table.c */
void pg_back_terminate(struct turn *turn);
size_t pg_back_cancel(void *back, uint8_t *out, size_t out_size);
void *pg_back_cancel_open(void *back, const struct credential *cred,
			  const struct policy *policy);
void pg_back_unix_path(const char *host, uint16_t port, char *out, size_t size);
const void *pg_back_facts(void *back);
const void *pg_facts_ref(const void *facts);
void pg_facts_unref(const void *facts);

/* pg_link.c */
enum link_result pg_back_link(struct turn *turn);
void pg_back_unlink(void *back);
bool pg_back_suits(const void *back, const void *front);

/* pg_states.c */
void pg_front_state(const void *front, struct state_view *view);
void pg_back_state(const void *back, struct state_view *view);

/* pg_statements.c */
void pg_front_statements(const void *front,
			 void (*each)(void *arg,
				      const struct statement_view *s),
			 void *arg);
void pg_back_statements(const void *back,
			void (*each)(void *arg, const struct statement_view *s),
			void *arg);

/* pg_clean.c */
bool pg_back_reset(struct turn *turn);
bool pg_back_check(struct turn *turn);
enum abandon_result pg_back_abandon(struct turn *turn, enum sent sent);

/* pg_explain.c */
void pg_explain(const char *text, const struct policy *policy,
		void (*row)(void *arg, const struct explain_row *row),
		void *arg);

#endif
