/*
 * SHOW STATS and its relatives: the counters of each database, their averages,
 * and the sums.  Runs on the control thread.
 */
#include "show.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "control/averages.h"
#include "errand.h"

/* The figures shown, in the order of all these tables. */
static const enum counter shown[] = {
	STAT_ASSIGNMENTS,  STAT_XACTS,        STAT_QUERIES,    STAT_RECEIVED,
	STAT_SENT,         STAT_XACT_TIME,    STAT_QUERY_TIME, STAT_WAIT_TIME,
	STAT_CLIENT_PARSE, STAT_SERVER_PARSE, STAT_BIND,
};

/* One database's figures, or the sums. */
struct figures {
	const char *name; /* borrows */
	uint64_t total[STAT_COUNT];
	uint64_t average[STAT_COUNT];
};

struct walk {
	struct errand *errand; /* borrows */
	void (*show)(struct errand *errand, const struct figures *f);
};

static void
walk_database(void *arg, const struct database_info *info)
{
	const struct walk *walk = arg;
	struct figures f = { .name = info->name };

	memcpy(f.total, info->stats, sizeof(f.total));
	averages_find(control_averages(walk->errand->control), info->protocol,
		      info->name, f.average);
	walk->show(walk->errand, &f);
}

/* The console's own figures: what it has answered. */
static void
walk_console(struct walk *walk)
{
	struct database_info info = { .name = "pgbouncer" };

	info.stats[STAT_XACTS] = info.stats[STAT_QUERIES] =
		control_commands(walk->errand->control);
	walk_database(walk, &info);
}

static void
show_each(struct errand *errand,
	  void (*show)(struct errand *errand, const struct figures *f))
{
	struct walk walk = { .errand = errand, .show = show };

	walk_console(&walk);
	core_each_database(control_core(errand->control), walk_database, &walk);
	errand_end_rows(errand);
}

static void
add_figures(struct row *row, const uint64_t figures[STAT_COUNT])
{
	for (size_t i = 0; i < COUNT_OF(shown); i++)
		row_number(row, figures[shown[i]]);
}

static void
add_both(struct errand *errand, const struct figures *f)
{
	row_text(&errand->row, f->name);
	add_figures(&errand->row, f->total);
	add_figures(&errand->row, f->average);
	row_end(&errand->row, errand->rows);
}

static void
add_total(struct errand *errand, const struct figures *f)
{
	row_text(&errand->row, f->name);
	add_figures(&errand->row, f->total);
	row_end(&errand->row, errand->rows);
}

static void
add_average(struct errand *errand, const struct figures *f)
{
	row_text(&errand->row, f->name);
	add_figures(&errand->row, f->average);
	row_end(&errand->row, errand->rows);
}

void
show_stats(struct errand *errand)
{
	show_each(errand, add_both);
}

void
show_stats_totals(struct errand *errand)
{
	show_each(errand, add_total);
}

void
show_stats_averages(struct errand *errand)
{
	show_each(errand, add_average);
}

/* ------------------------------------------------------------------------
 * SHOW TOTALS
 */

static void
sum_database(void *arg, const struct database_info *info)
{
	uint64_t *sum = arg;

	for (int i = 0; i < STAT_COUNT; i++)
		sum[i] += info->stats[i];
}

static void
add_totals(struct errand *errand, const char *prefix,
	   const uint64_t figures[STAT_COUNT])
{
	static const char *const names[] = {
		"server_assignment_count",
		"xact_count",
		"query_count",
		"client_bytes",
		"server_bytes",
		"xact_time",
		"query_time",
		"wait_time",
		"ps_client_parse_count",
		"ps_server_parse_count",
		"ps_bind_count",
	};
	char name[64];

	for (size_t i = 0; i < COUNT_OF(shown); i++) {
		text_format(name, sizeof(name), "%s_%s", prefix, names[i]);
		row_text(&errand->row, name);
		row_number(&errand->row, figures[shown[i]]);
		row_end(&errand->row, errand->rows);
	}
}

void
show_totals(struct errand *errand)
{
	uint64_t total[STAT_COUNT] = { 0 }, average[STAT_COUNT];

	total[STAT_XACTS] = total[STAT_QUERIES] =
		control_commands(errand->control);
	core_each_database(control_core(errand->control), sum_database, total);
	averages_sum(control_averages(errand->control), average);
	add_totals(errand, "total", total);
	add_totals(errand, "avg", average);
	errand_end_rows(errand);
}
