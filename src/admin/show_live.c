/*
 * SHOW POOLS, CLIENTS, SERVERS, SOCKETS, PINS, PREPARED_STATEMENTS and STATES:
 * what the workers have just now. Each worker writes rows of its own on its own
 * thread; they are put together on the control thread, where everything else
 * here runs.
 */
#include "show.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "errand.h"

/* ------------------------------------------------------------------------
 * Connections
 */

enum kind {
	KIND_PINS,
	KIND_CLIENTS,
	KIND_SERVERS,
	KIND_SOCKETS,
	KIND_ACTIVE,
};

/* One worker's part. */
struct part {
	struct errand *errand; /* borrows; only read */
	struct rowset *rows;   /* owns; NULL: out of memory */
	struct row row;
	const char *type; /* "C" or "S" */
	enum kind kind;
};

struct gathering {
	struct errand *errand; /* borrows */
	enum kind kind;
	_Atomic unsigned next; /* part for the next worker that comes */
	unsigned count;
	struct part parts[];
};

static bool
is_busy(const char *state)
{
	return strcmp(state, "idle") != 0 && strcmp(state, "used") != 0;
}

/* On the console "active" is all that there is. */
static const char *
state_of(const struct client_info *info)
{
	return info->is_console && !info->is_login ? "active" : info->state;
}

static void
add_socket_figures(struct row *row, const struct client_info *info)
{
	for (int i = 0; i < 5; i++)
		row_int4(row, 0);
	row_int4(row, info->recv_pending);
	row_int4(row, info->send_pending);
}

static void
add_connection(void *arg, const struct client_info *info)
{
	struct part *part = arg;
	struct row *row = &part->row;
	const char *state = state_of(info);

	if (part->kind == KIND_ACTIVE && !is_busy(state))
		return;
	row_text(row, part->type);
	row_text(row, info->user);
	row_text(row, info->database);
	row_text(row, "none");
	row_text(row, state);
	row_text(row, info->addr);
	row_int4(row, info->port);
	row_text(row, info->local_addr);
	row_int4(row, info->local_port);
	row_time(row, info->connect_wall);
	row_time(row, info->request_wall);
	row_int4(row, info->wait / USEC_PER_SEC);
	row_int4(row, info->wait % USEC_PER_SEC);
	row_int4(row, info->close_needed);
	row_mark(row, info->ptr);
	row_mark(row, info->link);
	row_int4(row, info->remote_pid);
	row_text(row, info->tls);
	row_text(row, info->application_name);
	row_int4(row, info->statements);
	row_int4(row, info->id);
	if (part->kind >= KIND_SOCKETS)
		add_socket_figures(row, info);
	row_end(row, part->rows);
}

/* 0 = not known. */
static void
add_digest(struct row *row, uint64_t digest)
{
	char *text = row->texts[row->count];

	(void)text_format(text, ROW_TEXT_MAX, "%016" PRIx64, digest);
	row_text(row, digest != 0 ? text : NULL);
}

static void
add_pin(void *arg, const struct pin_info *info)
{
	struct part *part = arg;
	struct row *row = &part->row;

	row_text(row, info->client->database);
	row_text(row, info->client->user);
	row_text(row, info->client->addr);
	row_int4(row, info->client->port);
	row_mark(row, info->client->ptr);
	row_mark(row, info->client->link);
	row_int4(row, info->client->remote_pid);
	row_int4(row, info->client->id);
	row_text(row, pin_kind_names[info->kind]);
	row_time(row, info->since_wall);
	row_int4(row, info->age / USEC_PER_SEC);
	row_int4(row, info->age % USEC_PER_SEC);
	add_digest(row, info->digest);
	errand_protocol(part->errand, row, info->client->protocol);
	row_end(row, part->rows);
}

/* On a worker's thread. */
static void
gather(void *arg, struct worker *w)
{
	struct gathering *g = arg;
	struct part *part = &g->parts[atomic_fetch_add(&g->next, 1)];
	const struct columns *columns = g->errand->decision.show->columns;

	part->errand = g->errand;
	part->kind = g->kind;
	part->rows = rowset_new(columns->list, columns->count, "SHOW");
	if (part->rows == NULL)
		return;
	if (g->kind == KIND_PINS) {
		worker_each_pin(w, add_pin, part);
		return;
	}
	if (g->kind != KIND_SERVERS) {
		part->type = "C";
		worker_each_client(w, add_connection, part);
	}
	if (g->kind != KIND_CLIENTS) {
		part->type = "S";
		worker_each_server(w, add_connection, part);
	}
}

static void
gathered(void *arg)
{
	struct gathering *g = arg;
	struct errand *errand = g->errand;

	for (unsigned i = 0; i < g->count; i++)
		rows_take(errand->rows, g->parts[i].rows);
	mem_free(g);
	errand_end_rows(errand);
}

static void
show_connections(struct errand *errand, enum kind kind)
{
	struct core *core = control_core(errand->control);
	unsigned count = core_worker_count(core);
	struct gathering *g =
		mem_zalloc(sizeof(*g) + count * sizeof(g->parts[0]));

	if (g != NULL) {
		g->errand = errand;
		g->kind = kind;
		g->count = count;
		if (core_broadcast(core, gather, gathered, g,
				   control_loop(errand->control)))
			return;
	}
	mem_free(g);
	errand_end(errand, NULL);
}

void
show_clients(struct errand *errand)
{
	show_connections(errand, KIND_CLIENTS);
}

void
show_servers(struct errand *errand)
{
	show_connections(errand, KIND_SERVERS);
}

void
show_sockets(struct errand *errand)
{
	show_connections(errand, KIND_SOCKETS);
}

void
show_active_sockets(struct errand *errand)
{
	show_connections(errand, KIND_ACTIVE);
}

void
show_pins(struct errand *errand)
{
	show_connections(errand, KIND_PINS);
}

/* ------------------------------------------------------------------------
 * Pools
 */

static void
rows_shown(void *arg)
{
	errand_end_rows(arg);
}

static void
add_pin_counts(void *arg, const struct pool_info *info)
{
	struct errand *errand = arg;
	struct row *row = &errand->row;

	for (size_t i = 0; i < PIN_KINDS; i++) {
		if (info->pins_begun[i] == 0)
			continue;
		row_text(row, info->database);
		row_text(row, info->user);
		row_text(row, pin_kind_names[i]);
		row_int4(row, info->pins_now[i]);
		row_number(row, info->pins_begun[i]);
		errand_protocol(errand, row, info->protocol);
		row_end(row, errand->rows);
	}
}

void
show_pin_counts(struct errand *errand)
{
	if (!core_each_pool(control_core(errand->control), add_pin_counts,
			    rows_shown, errand))
		errand_end(errand, NULL);
}

static void
add_statement(void *arg, const struct statement_info *info)
{
	struct errand *errand = arg;
	struct row *row = &errand->row;

	if (info == NULL) {
		errand->rows->is_torn = true;
		return;
	}
	row_text(row, info->database);
	row_text(row, info->user);
	add_digest(row, info->digest);
	row_int4(row, info->length);
	row_int4(row, info->types);
	row_int4(row, info->clients);
	row_int4(row, info->servers);
	errand_protocol(errand, row, info->protocol);
	row_end(row, errand->rows);
}

void
show_prepared_statements(struct errand *errand)
{
	if (!core_each_statement(control_core(errand->control), add_statement,
				 rows_shown, errand))
		errand_end(errand, NULL);
}

static void
add_state(void *arg, const struct state_info *info)
{
	struct errand *errand = arg;
	struct row *row = &errand->row;

	if (info == NULL) {
		errand->rows->is_torn = true;
		return;
	}
	row_text(row, info->database);
	row_text(row, info->user);
	add_digest(row, info->id);
	row_int4(row, info->clients);
	row_int4(row, info->servers);
	row_text(row, info->words);
	errand_protocol(errand, row, info->protocol);
	row_end(row, errand->rows);
}

void
show_states(struct errand *errand)
{
	if (!core_each_state(control_core(errand->control), add_state,
			     rows_shown, errand))
		errand_end(errand, NULL);
}

static void
add_pool(void *arg, const struct pool_info *info)
{
	struct errand *errand = arg;
	struct row *row = &errand->row;
	const struct config_database *db =
		snapshot_database(control_snapshot(errand->control),
				  info->protocol, info->database);
	bool has_choice = db != NULL && db->host_count > 1;

	row_text(row, info->database);
	row_text(row, info->user);
	row_int4(row, info->cl_active);
	row_int4(row, info->cl_waiting);
	row_int4(row, info->cl_active_cancel);
	row_int4(row, info->cl_waiting_cancel);
	row_int4(row, info->sv_active);
	row_int4(row, info->sv_active_cancel);
	row_int4(row, info->sv_being_canceled);
	row_int4(row, info->sv_idle);
	row_int4(row, info->sv_used);
	row_int4(row, info->sv_tested);
	row_int4(row, info->sv_login);
	row_int4(row, info->maxwait / USEC_PER_SEC);
	row_int4(row, info->maxwait % USEC_PER_SEC);
	row_text(row, pool_mode_names[info->mode]);
	if (!has_choice)
		row_text(row, NULL);
	else if (info->balance == LOAD_BALANCE_DISABLE)
		row_text(row, "disable");
	else
		row_text(row, "round-robin");
	row_end(row, errand->rows);
}

static void
pools_shown(void *arg)
{
	struct errand *errand = arg;
	struct pool_info console = {
		.database = "pgbouncer",
		.user = "pgbouncer",
		.cl_active = (uint32_t)errand->number,
		.mode = POOL_STATEMENT,
	};

	add_pool(errand, &console);
	errand_end_rows(errand);
}

/* Who is on the console, counted before the pools are. */
struct census {
	struct errand *errand; /* borrows */
	_Atomic uint32_t count;
};

static void
count_client(void *arg, const struct client_info *info)
{
	struct census *census = arg;

	if (info->is_console && !info->is_login)
		census->count++;
}

static void
count_on_worker(void *arg, struct worker *w)
{
	worker_each_client(w, count_client, arg);
}

static void
counted(void *arg)
{
	struct census *census = arg;
	struct errand *errand = census->errand;

	errand->number = census->count;
	mem_free(census);
	if (!core_each_pool(control_core(errand->control), add_pool,
			    pools_shown, errand))
		errand_end(errand, NULL);
}

void
show_pools(struct errand *errand)
{
	struct census *census = mem_zalloc(sizeof(*census));

	if (census != NULL) {
		census->errand = errand;
		if (core_broadcast(control_core(errand->control),
				   count_on_worker, counted, census,
				   control_loop(errand->control)))
			return;
	}
	mem_free(census);
	errand_end(errand, NULL);
}
