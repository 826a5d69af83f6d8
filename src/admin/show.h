/*
 * What fills the tables of SHOW.  Each ends the errand, now or later.  Control
 * thread.
 */
#ifndef CARPOOL_ADMIN_SHOW_H
#define CARPOOL_ADMIN_SHOW_H

#include <stdbool.h>

struct config_database;
struct snapshot;
struct errand;

/* show_config.c: what is configured */
void show_config(struct errand *errand);
void show_databases(struct errand *errand);
void show_users(struct errand *errand);

/* show_stats.c: counters */
void show_stats(struct errand *errand);
void show_stats_totals(struct errand *errand);
void show_stats_averages(struct errand *errand);
void show_totals(struct errand *errand);

/* show_live.c: pools and connections */
void show_pools(struct errand *errand);
void show_clients(struct errand *errand);
void show_servers(struct errand *errand);
void show_sockets(struct errand *errand);
void show_active_sockets(struct errand *errand);
void show_pins(struct errand *errand);
void show_pin_counts(struct errand *errand);
void show_prepared_statements(struct errand *errand);
void show_states(struct errand *errand);

/* show_self.c: the program itself */
void show_dns_hosts(struct errand *errand);
void show_dns_zones(struct errand *errand);
void show_fds(struct errand *errand);
void show_fixed(struct errand *errand);
void show_help(struct errand *errand);
void show_listeners(struct errand *errand);
void show_lists(struct errand *errand);
void show_mem(struct errand *errand);
void show_nothing(struct errand *errand);
void show_state(struct errand *errand);
void show_version(struct errand *errand);

/*
 * Calls each(errand, entry, name) for every database that SHOW DATABASES lists
 * but the console's: those configured by name, and those that came from "*".
 */
void show_each_database(struct errand *errand,
			void (*each)(struct errand *errand,
				     const struct config_database *db,
				     const char *name));

#endif
