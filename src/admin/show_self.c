/*
 * SHOW of the program itself: VERSION, STATE, LISTS, MEM, names, help, and
 * what drivers ask.  Runs on the control thread.
 */
#include "show.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/version.h"
#include "errand.h"

void
show_nothing(struct errand *errand)
{
	errand_end_rows(errand);
}

void
show_fds(struct errand *errand)
{
	errand_end_error(errand, "0A000", "SHOW SOCKETS shows the connections.",
			 "SHOW FDS is not available: it would show secrets");
}

void
show_fixed(struct errand *errand)
{
	row_text(&errand->row, errand->decision.show->fixed);
	row_end(&errand->row, errand->rows);
	errand_end_rows(errand);
}

void
show_help(struct errand *errand)
{
	errand->rows->notice = commands_help();
	errand->rows->is_torn |= errand->rows->notice == NULL;
	errand_end_rows(errand);
}

void
show_version(struct errand *errand)
{
	char text[80];

	text_format(text, sizeof(text),
		    "carpool %s (PgBouncer 1.25 compatible)",
		    carpool_version());
	row_text(&errand->row, text);
	row_end(&errand->row, errand->rows);
	errand_end_rows(errand);
}

void
show_state(struct errand *errand)
{
	bool is_paused = core_is_paused(control_core(errand->control));
	const struct {
		const char *key, *value;
	} list[] = {
		{ "active", is_paused ? "no" : "yes" },
		{ "paused", is_paused ? "yes" : "no" },
		{ "suspended", "no" },
	};

	for (size_t i = 0; i < COUNT_OF(list); i++) {
		row_text(&errand->row, list[i].key);
		row_text(&errand->row, list[i].value);
		row_end(&errand->row, errand->rows);
	}
	errand_end_rows(errand);
}

/* ------------------------------------------------------------------------
 * Names
 */

static void
add_host(void *arg, const struct control_host *host)
{
	struct errand *errand = arg;

	row_text(&errand->row, host->name);
	row_number(&errand->row, host->ttl_sec);
	row_text(&errand->row, host->addrs);
	row_end(&errand->row, errand->rows);
}

void
show_dns_hosts(struct errand *errand)
{
	control_each_host(errand->control, add_host, errand);
	errand_end_rows(errand);
}

static void
add_listener(void *arg, const struct control_listener *l)
{
	struct errand *errand = arg;

	row_text(&errand->row, l->database);
	row_text(&errand->row, l->user);
	row_text(&errand->row, l->state);
	row_text(&errand->row, l->server);
	row_int4(&errand->row, l->remote_pid);
	row_number(&errand->row, l->channels);
	row_number(&errand->row, l->heard);
	row_number(&errand->row, l->lost);
	row_text(&errand->row, l->error);
	errand_protocol(errand, &errand->row, l->protocol);
	row_end(&errand->row, errand->rows);
}

void
show_listeners(struct errand *errand)
{
	control_each_listener(errand->control, add_listener, errand);
	errand_end_rows(errand);
}

static void
add_zone(void *arg, const struct control_zone *zone)
{
	struct errand *errand = arg;

	row_text(&errand->row, zone->name);
	row_number(&errand->row, zone->serial);
	row_int4(&errand->row, zone->names);
	row_end(&errand->row, errand->rows);
}

void
show_dns_zones(struct errand *errand)
{
	control_each_zone(errand->control, add_zone, errand);
	errand_end_rows(errand);
}

/* ------------------------------------------------------------------------
 * LISTS
 */

static void
add_count(struct errand *errand, const char *name, uint64_t value)
{
	row_text(&errand->row, name);
	row_int4(&errand->row, value);
	row_end(&errand->row, errand->rows);
}

static void
count_database(struct errand *errand, const struct config_database *db,
	       const char *name)
{
	(void)db;
	(void)name;
	errand->number++;
}

static void
count_unknown_user(void *arg, const struct user_info *info)
{
	struct errand *errand = arg;

	if (snapshot_user(control_snapshot(errand->control), info->name) ==
	    NULL)
		errand->number++;
}

static void
add_lists(void *arg, const struct core_totals *totals)
{
	struct errand *errand = arg;
	const struct snapshot *s = control_snapshot(errand->control);
	struct control_names names;

	/* The console is a database and a pool too. */
	errand->number = 1;
	show_each_database(errand, count_database);
	add_count(errand, "databases", errand->number);
	errand->number = snapshot_user_count(s);
	core_each_user(control_core(errand->control), count_unknown_user,
		       errand);
	add_count(errand, "users", errand->number);
	add_count(errand, "peers", 0);
	add_count(errand, "pools", (uint64_t)totals->pools + 1);
	add_count(errand, "peer_pools", 0);
	add_count(errand, "free_clients", 0);
	add_count(errand, "used_clients", totals->clients_used);
	add_count(errand, "login_clients", totals->clients_login);
	add_count(errand, "free_servers", 0);
	add_count(errand, "used_servers",
		  (uint64_t)totals->servers_used + totals->servers_idle);
	control_name_counts(errand->control, &names);
	add_count(errand, "dns_names", names.names);
	add_count(errand, "dns_zones", names.zones);
	add_count(errand, "dns_queries", names.questions);
	add_count(errand, "dns_pending", 0);
	errand_end_rows(errand);
}

void
show_lists(struct errand *errand)
{
	core_totals(control_core(errand->control), add_lists, errand);
}

/* ------------------------------------------------------------------------
 * MEM
 */

static void
add_objects(struct errand *errand, const char *name, size_t size, size_t used,
	    size_t spare)
{
	struct row *row = &errand->row;

	row_text(row, name);
	row_int4(row, size);
	row_int4(row, used);
	row_int4(row, spare);
	row_int4(row, size * (used + spare));
	row_end(row, errand->rows);
}

static void
add_mem(void *arg, const struct core_totals *totals)
{
	struct errand *errand = arg;
	size_t clients = (size_t)totals->clients_used + totals->clients_login;
	size_t servers = (size_t)totals->servers_used + totals->servers_idle;

	add_objects(errand, "client_cache", totals->client_size, clients, 0);
	add_objects(errand, "server_cache", totals->server_size, servers, 0);
	add_objects(errand, "iobuf_cache", totals->block_size,
		    totals->blocks_used, totals->blocks_free);
	errand_end_rows(errand);
}

void
show_mem(struct errand *errand)
{
	core_totals(control_core(errand->control), add_mem, errand);
}
