/*
 * The table of the console's commands, and how one is found.  Constant and
 * pure.  Deny is the default: a row without a right is nobody's.
 */
#include "commands.h"

#include <string.h>

#include "act.h"
#include "base/mem.h"
#include "base/text.h"
#include "show.h"

#define HINT_HELP "SHOW HELP lists the commands."
#define HINT_ADMIN "Name the user in admin_users."

/* ------------------------------------------------------------------------
 * What drivers ask and set when they connect
 */

#define FIXED(parameter)                                                       \
	static const struct rowset_column column_##parameter[] = {             \
		{ #parameter, COLUMN_TEXT },                                   \
	};                                                                     \
	static const struct columns columns_##parameter = {                    \
		.list = column_##parameter,                                    \
		.count = 1,                                                    \
	}

FIXED(client_encoding);
FIXED(datestyle);
FIXED(default_transaction_isolation);
FIXED(standard_conforming_strings);
FIXED(timezone);
FIXED(transaction_isolation);

/* What a client may set as it likes: it changes nothing here. */
static const char *const driver_parameters[] = {
	"application_name",
	"client_encoding",
	"client_min_messages",
	"datestyle",
	"default_transaction_isolation",
	"extra_float_digits",
	"intervalstyle",
	"names",
	"standard_conforming_strings",
	"time",
	"timezone",
};

static bool
is_driver_parameter(const struct words *words)
{
	for (size_t i = 0; i < COUNT_OF(driver_parameters); i++)
		if (words_is(words, 1, driver_parameters[i]))
			return true;
	return false;
}

static bool
is_pin(const struct words *words)
{
	return words_is(words, 1, "PIN");
}

/* ------------------------------------------------------------------------
 * The tables
 */

/* Sorted by name, but for what only drivers ask. */
const struct show shows_table[] = {
	{ "ACTIVE_SOCKETS", CONSOLE_STATS, &columns_sockets,
	  show_active_sockets, NULL },
	{ "CLIENTS", CONSOLE_STATS, &columns_clients, show_clients, NULL },
	{ "CONFIG", CONSOLE_STATS, &columns_config, show_config, NULL },
	{ "DATABASES", CONSOLE_STATS, &columns_databases, show_databases,
	  NULL },
	{ "DNS_HOSTS", CONSOLE_STATS, &columns_dns_hosts, show_dns_hosts,
	  NULL },
	{ "DNS_ZONES", CONSOLE_STATS, &columns_dns_zones, show_dns_zones,
	  NULL },
	{ "FDS", CONSOLE_ADMIN, NULL, show_fds, NULL },
	{ "HELP", CONSOLE_STATS, NULL, show_help, NULL },
	{ "LISTENERS", CONSOLE_STATS, &columns_listeners, show_listeners,
	  NULL },
	{ "LISTS", CONSOLE_STATS, &columns_lists, show_lists, NULL },
	{ "MEM", CONSOLE_STATS, &columns_mem, show_mem, NULL },
	{ "PEERS", CONSOLE_STATS, &columns_peers, show_nothing, NULL },
	{ "PEER_POOLS", CONSOLE_STATS, &columns_peer_pools, show_nothing,
	  NULL },
	{ "PINS", CONSOLE_STATS, &columns_pins, show_pins, NULL },
	{ "PIN_COUNTS", CONSOLE_STATS, &columns_pin_counts, show_pin_counts,
	  NULL },
	{ "POOLS", CONSOLE_STATS, &columns_pools, show_pools, NULL },
	{ "PREPARED_STATEMENTS", CONSOLE_STATS, &columns_prepared_statements,
	  show_prepared_statements, NULL },
	{ "SERVERS", CONSOLE_STATS, &columns_clients, show_servers, NULL },
	{ "SOCKETS", CONSOLE_STATS, &columns_sockets, show_sockets, NULL },
	{ "STATE", CONSOLE_STATS, &columns_state, show_state, NULL },
	{ "STATES", CONSOLE_STATS, &columns_states, show_states, NULL },
	{ "STATS", CONSOLE_STATS, &columns_stats, show_stats, NULL },
	{ "STATS_AVERAGES", CONSOLE_STATS, &columns_stats_averages,
	  show_stats_averages, NULL },
	{ "STATS_TOTALS", CONSOLE_STATS, &columns_stats_totals,
	  show_stats_totals, NULL },
	{ "TOTALS", CONSOLE_STATS, &columns_totals, show_totals, NULL },
	{ "USERS", CONSOLE_STATS, &columns_users, show_users, NULL },
	{ "VERSION", CONSOLE_STATS, &columns_version, show_version, NULL },

	{ "CLIENT_ENCODING", CONSOLE_STATS, &columns_client_encoding,
	  show_fixed, "UTF8" },
	{ "DATESTYLE", CONSOLE_STATS, &columns_datestyle, show_fixed, "ISO" },
	{ "DEFAULT_TRANSACTION_ISOLATION", CONSOLE_STATS,
	  &columns_default_transaction_isolation, show_fixed,
	  "read committed" },
	{ "STANDARD_CONFORMING_STRINGS", CONSOLE_STATS,
	  &columns_standard_conforming_strings, show_fixed, "on" },
	{ "TIMEZONE", CONSOLE_STATS, &columns_timezone, show_fixed, "GMT" },
	{ "TIME ZONE", CONSOLE_STATS, &columns_timezone, show_fixed, "GMT" },
	{ "TRANSACTION ISOLATION LEVEL", CONSOLE_STATS,
	  &columns_transaction_isolation, show_fixed, "read committed" },
};
const size_t shows_count = COUNT_OF(shows_table);

const struct command commands_table[] = {
	{ "DISABLE", CONSOLE_ADMIN, "db", 1, 1, NULL, act_disable },
	{ "ENABLE", CONSOLE_ADMIN, "db", 1, 1, NULL, act_enable },
	{ "EXPLAIN", CONSOLE_STATS, "PIN 'sql' [db [user]]", 2, 4, is_pin,
	  act_explain, &columns_explain },
	{ "KILL", CONSOLE_ADMIN, "[db]", 0, 1, NULL, act_kill },
	{ "KILL_CLIENT", CONSOLE_ADMIN, "id", 1, 1, NULL, act_kill_client },
	{ "PAUSE", CONSOLE_ADMIN, "[db]", 0, 1, NULL, act_pause },
	{ "RECONNECT", CONSOLE_ADMIN, "[db]", 0, 1, NULL, act_reconnect },
	{ "RELOAD", CONSOLE_ADMIN, "", 0, 0, NULL, act_reload },
	{ "RESUME", CONSOLE_ADMIN, "[db]", 0, 1, NULL, act_resume },
	{ "SELECT", CONSOLE_STATS, NULL, 1, 3, NULL, NULL },
	{ "SET", CONSOLE_STATS, NULL, 2, WORDS_MAX, is_driver_parameter,
	  act_set_fixed },
	{ "SET", CONSOLE_ADMIN, "key = value", 3, WORDS_MAX, NULL, act_set },
	{ "SHOW", CONSOLE_STATS, NULL, 1, 3, NULL, NULL },
	{ "SHUTDOWN", CONSOLE_ADMIN, "[WAIT_FOR_SERVERS|WAIT_FOR_CLIENTS]", 0,
	  1, NULL, act_shutdown },
	{ "SUSPEND", CONSOLE_ADMIN, "", 0, 0, NULL, act_suspend },
	{ "WAIT_CLOSE", CONSOLE_ADMIN, "[db]", 0, 1, NULL, act_wait_close },
};
const size_t commands_count = COUNT_OF(commands_table);

/* ------------------------------------------------------------------------
 * Deciding
 */

static void refuse(struct decision *d, const char *sqlstate, const char *hint,
		   const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void
refuse(struct decision *d, const char *sqlstate, const char *hint,
       const char *format, ...)
{
	struct str text = { 0 };
	va_list args;

	va_start(args, format);
	str_vprintf(&text, format, args);
	va_end(args);
	text_copy(d->error, sizeof(d->error), str_text(&text));
	str_fini(&text);
	d->sqlstate = sqlstate;
	d->hint = hint;
	d->command = NULL;
	d->show = NULL;
}

static void
refuse_words(struct decision *d, enum words_result result)
{
	static const char *const texts[] = {
		[WORDS_OPEN_QUOTE] = "a quote or comment is not closed",
		[WORDS_SECOND] = "one command at a time: nothing may follow "
				 "the \";\"",
		[WORDS_TOO_MANY] = "the command has too many words",
		[WORDS_NO_MEMORY] = "out of memory",
	};

	refuse(d, result == WORDS_NO_MEMORY ? "53200" : "42601", HINT_HELP,
	       "%s", texts[result]);
}

/* Are the words from i on those of the name, with blanks between them? */
static bool
is_named(const struct words *words, size_t i, const char *name)
{
	size_t len;

	for (; i < words->count; i++) {
		const struct word *word = &words->list[i];

		len = strcspn(name, " ");
		if (word->is_quoted || strlen(word->text) != len ||
		    strncasecmp(word->text, name, len) != 0)
			return false;
		name += len;
		name += *name == ' ';
	}
	return *name == '\0';
}

static const struct command *
find_command(const struct words *words)
{
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *row = &commands_table[i];

		if (words_is(words, 0, row->name) &&
		    (row->fits == NULL || row->fits(words)))
			return row;
	}
	return NULL;
}

static const struct show *
find_show(const struct words *words)
{
	for (size_t i = 0; i < shows_count; i++)
		if (is_named(words, 1, shows_table[i].name))
			return &shows_table[i];
	return NULL;
}

static bool
is_allowed(enum console_right needed, enum console_right right)
{
	return needed != CONSOLE_NONE && right >= needed;
}

static void
refuse_unknown(struct decision *d)
{
	refuse(d, "42601", HINT_HELP,
	       "invalid command '%.150s', use SHOW HELP;", d->words.source);
}

static void
decide_show(struct decision *d, enum console_right right)
{
	d->show = find_show(&d->words);
	if (d->show == NULL)
		refuse_unknown(d);
	else if (!is_allowed(d->show->right, right))
		refuse(d, "42501", HINT_ADMIN, "admin access needed");
}

void
command_decide(struct decision *d, const char *text, enum console_right right)
{
	enum words_result result;
	size_t args;

	*d = (struct decision){ 0 };
	result = words_split(&d->words, text);
	if (result != WORDS_OK) {
		refuse_words(d, result);
		return;
	}
	if (d->words.count == 0)
		return;
	args = d->words.count - 1;
	d->command = find_command(&d->words);
	if (d->command == NULL)
		refuse_unknown(d);
	else if (!is_allowed(d->command->right, right))
		refuse(d, "42501", HINT_ADMIN, "admin access needed");
	else if (args < d->command->min_args || args > d->command->max_args)
		refuse(d, "42601", HINT_HELP, "syntax: %s %s", d->command->name,
		       d->command->usage != NULL ? d->command->usage : "...");
	else if (d->command->run == NULL)
		decide_show(d, right);
}

void
decision_fini(struct decision *d)
{
	words_fini(&d->words);
}

char *
commands_help(void)
{
	struct str text = { 0 };

	str_puts(&text, "Commands of the console:\n\tSHOW ");
	for (size_t i = 0; i < shows_count; i++)
		if (shows_table[i].fixed == NULL)
			str_printf(&text, "%s%s", i > 0 ? "|" : "",
				   shows_table[i].name);
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *row = &commands_table[i];

		if (row->usage != NULL)
			str_printf(&text, "\n\t%s %s", row->name, row->usage);
	}
	if (!text.failed)
		return str_take(&text);
	str_fini(&text);
	return NULL;
}
