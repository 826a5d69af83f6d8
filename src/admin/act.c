/*
 * The commands that do something.  Runs on the control thread; the core and
 * control do the work, here it is asked for and waited for.
 */
#include "act.h"

#include <string.h>

#include "base/text.h"
#include "errand.h"

#define NOT_READY "55000" /* object_not_in_prerequisite_state */

static bool
is_console(const char *database)
{
	return database != NULL && (strcmp(database, "pgbouncer") == 0 ||
				    strcmp(database, "carpool") == 0);
}

/* The database of a command; false when it was refused and the errand ended. */
static bool
take_database(struct errand *errand, const char **database)
{
	*database = errand_argument(errand, 0);
	if (!is_console(*database))
		return true;
	errand_end_error(errand, "42809", NULL,
			 "%s is not for the console's database: %s",
			 errand->decision.command->name, *database);
	return false;
}

static void
end_no_database(struct errand *errand, const char *database)
{
	errand_end_error(errand, "3D000", "SHOW DATABASES lists the databases.",
			 "no such database: %s", database);
}

static void
wait_for(struct errand *errand,
	 bool (*look)(struct control_wait *wait, enum wait_event event))
{
	errand->wait.look = look;
	/* What is over already needs no tick. */
	if (!look(&errand->wait, WAIT_LOOK))
		control_wait(errand->control, &errand->wait);
}

/* The console client that waits has gone: what it ordered stands. */
static bool
is_abandoned(const struct errand *errand)
{
	return errand->request->is_abandoned;
}

static struct errand *
errand_of(struct control_wait *wait)
{
	return LIST_ENTRY(wait, struct errand, wait);
}

static void
end_interrupted(struct errand *errand, const char *why)
{
	errand_end_error(errand, "57014", NULL, "%s was not finished: %s",
			 errand->decision.command->name, why);
}

/* ------------------------------------------------------------------------
 * PAUSE, RESUME
 */

static bool
is_paused(const struct errand *errand, const char *database)
{
	struct core *core = control_core(errand->control);
	struct database_info info;
	bool paused = false;

	if (database == NULL)
		return core_is_paused(core);
	for (unsigned i = 0; i < PROTOCOLS; i++) {
		core_database_info(core, i, database, &info);
		paused |= info.is_paused;
	}
	return paused;
}

static bool
look_paused(struct control_wait *wait, enum wait_event event)
{
	struct errand *errand = errand_of(wait);
	const char *database = errand_argument(errand, 0);

	if (event == WAIT_END)
		end_interrupted(errand, "the pooler is shutting down");
	else if (!is_paused(errand, database))
		end_interrupted(errand, "RESUME came before");
	else if (is_abandoned(errand) ||
		 core_pause_pending(control_core(errand->control), database) ==
			 0)
		errand_end_done(errand);
	else
		return false;
	return true;
}

void
act_pause(struct errand *errand)
{
	const char *database;

	if (!take_database(errand, &database))
		return;
	switch (core_pause(control_core(errand->control), database)) {
	case VERB_OK:
		wait_for(errand, look_paused);
		return;
	case VERB_NO_DATABASE:
		end_no_database(errand, database);
		return;
	case VERB_ALREADY:
		break;
	}
	if (database == NULL)
		errand_end_error(errand, NOT_READY, NULL,
				 "already suspended/paused");
	else
		errand_end_error(errand, NOT_READY, NULL,
				 "database %s is already paused", database);
}

void
act_resume(struct errand *errand)
{
	const char *database;

	if (!take_database(errand, &database))
		return;
	switch (core_resume(control_core(errand->control), database)) {
	case VERB_OK:
		errand_end_done(errand);
		return;
	case VERB_NO_DATABASE:
		end_no_database(errand, database);
		return;
	case VERB_ALREADY:
		break;
	}
	if (database == NULL)
		errand_end_error(errand, NOT_READY, NULL,
				 "pooler is not paused/suspended");
	else
		errand_end_error(errand, NOT_READY, NULL,
				 "database %s is not paused", database);
}

void
act_suspend(struct errand *errand)
{
	errand_end_error(errand, "0A000", "Use PAUSE.",
			 "SUSPEND does not work in this version");
}

/* ------------------------------------------------------------------------
 * Databases
 */

/* Verbs that cannot find things as they would make them. */
static void
run_verb(struct errand *errand,
	 enum verb_result (*verb)(struct core *core, const char *database))
{
	const char *database;

	if (!take_database(errand, &database))
		return;
	if (verb(control_core(errand->control), database) == VERB_NO_DATABASE)
		end_no_database(errand, database);
	else
		errand_end_done(errand);
}

void
act_disable(struct errand *errand)
{
	run_verb(errand, core_disable);
}

void
act_enable(struct errand *errand)
{
	run_verb(errand, core_enable);
}

void
act_reconnect(struct errand *errand)
{
	run_verb(errand, core_reconnect);
}

static bool
look_closed(struct control_wait *wait, enum wait_event event)
{
	struct errand *errand = errand_of(wait);
	struct core *core = control_core(errand->control);

	if (event == WAIT_END)
		end_interrupted(errand, "the pooler is shutting down");
	else if (is_abandoned(errand) ||
		 core_close_pending(core, errand_argument(errand, 0)) == 0)
		errand_end_done(errand);
	else
		return false;
	return true;
}

/* One that has left the configuration counts while it has connections. */
static bool
is_known(const struct errand *errand, const char *database)
{
	struct database_info info;
	uint32_t count = 0;

	if (snapshot_any_database(control_snapshot(errand->control),
				  database) != NULL)
		return true;
	for (unsigned i = 0; i < PROTOCOLS; i++) {
		core_database_info(control_core(errand->control), i, database,
				   &info);
		count += info.server_connections + info.client_connections;
	}
	return count > 0;
}

void
act_wait_close(struct errand *errand)
{
	const char *database;

	if (!take_database(errand, &database))
		return;
	if (database != NULL && !is_known(errand, database))
		end_no_database(errand, database);
	else
		wait_for(errand, look_closed);
}

/* ------------------------------------------------------------------------
 * KILL
 */

/* Behind the order to kill in every worker's mailbox. */
static void
on_each_worker(void *arg, struct worker *w)
{
	(void)arg, (void)w;
}

static void
killed(void *arg)
{
	errand_end_done(arg);
}

void
act_kill(struct errand *errand)
{
	struct core *core = control_core(errand->control);
	const char *database;

	if (!take_database(errand, &database))
		return;
	if (core_kill(core, database) == VERB_NO_DATABASE)
		end_no_database(errand, database);
	else
		core_must_broadcast(core, on_each_worker, killed, errand,
				    control_loop(errand->control));
}

static void
client_killed(void *arg, bool found)
{
	struct errand *errand = arg;

	if (found)
		errand_end_done(errand);
	else
		errand_end_error(errand, "42704", "SHOW CLIENTS shows the ids.",
				 "client not found: %s",
				 errand_argument(errand, 0));
}

void
act_kill_client(struct errand *errand)
{
	const char *text = errand_argument(errand, 0);
	uint64_t id;

	if (text_to_u64(text, 10, &id))
		core_kill_client(control_core(errand->control), id,
				 client_killed, errand);
	else
		errand_end_error(errand, "22P02", "SHOW CLIENTS shows the ids.",
				 "not a client's id: %s", text);
}

/* ------------------------------------------------------------------------
 * Configuration
 */

static void
configured(void *arg)
{
	errand_end_done(arg);
}

void
act_reload(struct errand *errand)
{
	struct str problems = { 0 };

	if (!control_reload(errand->control, configured, errand, &problems))
		errand_end_error(errand, "F0000",
				 "The log has the warnings too.",
				 "RELOAD failed, the old configuration stays:\n"
				 "%s",
				 str_text(&problems));
	str_fini(&problems);
}

/* Where the value begins, or 0: behind "=" or TO. */
static size_t
value_at(const struct words *words)
{
	return words_is(words, 2, "=") || words_is(words, 2, "TO") ? 3 : 0;
}

void
act_set(struct errand *errand)
{
	const struct words *words = &errand->decision.words;
	const char *name = words->list[1].text;
	const struct setting *row = settings_find(name);
	size_t at = value_at(words);
	struct str problems = { 0 };

	if (at == 0 || at >= words->count)
		errand_end_error(errand, "42601", NULL,
				 "syntax: SET key = value");
	else if (row == NULL)
		errand_end_error(
			errand, "42704", "SHOW CONFIG shows the settings.",
			"unrecognized configuration parameter \"%s\"", name);
	else if (row->effect == EFFECT_RESTART)
		errand_end_error(errand, "55P02", NULL,
				 "%s cannot be changed without a restart",
				 row->name);
	else if (!control_set(errand->control, row->name,
			      words_value(words, at), configured, errand,
			      &problems))
		errand_end_error(errand, "22023", NULL, "SET failed:\n%s",
				 str_text(&problems));
	str_fini(&problems);
}

void
act_set_fixed(struct errand *errand)
{
	errand_end_done(errand);
}

/* ------------------------------------------------------------------------
 * SHUTDOWN
 */

static bool
look_shut_down(struct control_wait *wait, enum wait_event event)
{
	struct errand *errand = errand_of(wait);
	struct rowset *result;

	/* The loop ends when all have left; that is when this is done. */
	if (event != WAIT_END)
		return false;
	result = rowset_new(NULL, 0, "SHUTDOWN");
	if (result != NULL)
		result->is_closing = true;
	errand_end(errand, result);
	return true;
}

void
act_shutdown(struct errand *errand)
{
	const struct words *words = &errand->decision.words;
	enum shutdown how;

	if (words->count == 1) {
		how = SHUTDOWN_NOW;
	} else if (words_is(words, 1, "WAIT_FOR_SERVERS")) {
		how = SHUTDOWN_SERVERS;
	} else if (words_is(words, 1, "WAIT_FOR_CLIENTS")) {
		how = SHUTDOWN_CLIENTS;
	} else {
		errand_end_error(errand, "42601", NULL,
				 "SHUTDOWN knows no %s, only WAIT_FOR_SERVERS "
				 "and WAIT_FOR_CLIENTS",
				 words->list[1].text);
		return;
	}
	wait_for(errand, look_shut_down);
	control_shutdown(errand->control, how);
}
