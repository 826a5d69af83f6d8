/*
 * Connections by libpq; see query_pg.h.
 *
 * The host's name is resolved before and given as an address, and nothing is
 * read from the daemon's environment that could make libpq wait or go
 * elsewhere.  PostgreSQL manual, "libpq: Asynchronous Command Processing",
 * "Asynchronous Notification".
 */
#include "query_pg.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/snapshot.h"
#include "io/loop.h"

enum query_state { QUERY_LOGIN, QUERY_IDLE, QUERY_RUNS, QUERY_LOST };

struct query_pg {
	struct watch watch;
	struct loop *loop; /* borrows */
	PGconn *conn;      /* owns */
	int fd;            /* borrows the connection's; -1 = not watched */
	uint32_t events;
	enum query_state state;
	bool is_inside; /* a callback is on the stack */
	bool is_closed; /* in it: freed when it is over */
	char *error;    /* owns: of the running command, or NULL */
	PGresult *row;  /* owns: of the last one that asked, or NULL */
	bool asks;      /* the running command's first row is kept */
	const struct query_pg_events *ops; /* borrows */
	void *arg;                         /* borrows */
};

static void
free_query(struct query_pg *q)
{
	if (q->fd >= 0)
		loop_unwatch(q->loop, &q->watch, q->fd);
	loop_unready(&q->watch);
	PQclear(q->row);
	PQfinish(q->conn);
	mem_free(q->error);
	mem_free(q);
}

void
query_pg_close(struct query_pg *q)
{
	if (q == NULL)
		return;
	q->is_closed = true;
	if (!q->is_inside)
		free_query(q);
}

/* ------------------------------------------------------------------------
 * The loop's side
 */

static void
lose(struct query_pg *q)
{
	if (q->state == QUERY_LOST)
		return;
	q->state = QUERY_LOST;
	if (q->fd >= 0)
		loop_unwatch(q->loop, &q->watch, q->fd);
	q->fd = -1;
	q->ops->lost(q->arg, PQerrorMessage(q->conn));
}

/* Waits for these events on whatever descriptor the connection has now. */
static bool
wait_for(struct query_pg *q, uint32_t events)
{
	int fd = PQsocket(q->conn);

	if (fd == q->fd && events == q->events)
		return true;
	if (fd == q->fd) {
		q->events = events;
		return loop_watch_again(q->loop, &q->watch, fd, events) == 0;
	}
	if (q->fd >= 0)
		loop_unwatch(q->loop, &q->watch, q->fd);
	q->fd = -1;
	if (fd < 0 || loop_watch(q->loop, &q->watch, fd, events) != 0)
		return false;
	q->fd = fd;
	q->events = events;
	return true;
}

static void
log_in(struct query_pg *q)
{
	switch (PQconnectPoll(q->conn)) {
	case PGRES_POLLING_READING:
		if (!wait_for(q, LOOP_READABLE))
			lose(q);
		return;
	case PGRES_POLLING_WRITING:
		if (!wait_for(q, LOOP_WRITABLE))
			lose(q);
		return;
	case PGRES_POLLING_OK:
		if (PQsetnonblocking(q->conn, 1) != 0 ||
		    !wait_for(q, LOOP_READABLE)) {
			lose(q);
			return;
		}
		q->state = QUERY_IDLE;
		q->ops->ready(q->arg);
		return;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
		break;
	}
	lose(q);
}

static void
flush(struct query_pg *q)
{
	int left = PQflush(q->conn);

	if (left < 0 || !wait_for(q, left > 0 ? LOOP_READABLE | LOOP_WRITABLE
					      : LOOP_READABLE))
		lose(q);
}

static void
tell_heard(struct query_pg *q)
{
	PGnotify *n;

	while (!q->is_closed && (n = PQnotifies(q->conn)) != NULL) {
		q->ops->heard(q->arg, (uint32_t)n->be_pid, n->relname,
			      n->extra);
		PQfreemem(n);
	}
}

static void
note_error(struct query_pg *q, const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	    status == PGRES_EMPTY_QUERY || q->error != NULL)
		return;
	q->error = mem_must_strdup(PQresultErrorMessage(result));
}

/* Kept, or thrown away. */
static void
take_result(struct query_pg *q, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	bool has_row = status == PGRES_TUPLES_OK && q->asks && q->row == NULL &&
		       PQntuples(result) > 0;

	if (has_row && PQnfields(result) >= 2) {
		q->row = result;
		return;
	}
	if (has_row && q->error == NULL)
		q->error = mem_must_strdup("a row of fewer than two columns");
	note_error(q, result);
	PQclear(result);
}

/* The command's results; what was heard before its end is told before. */
static void
take_results(struct query_pg *q)
{
	PGresult *result;
	char *error;

	while (q->state == QUERY_RUNS && !PQisBusy(q->conn)) {
		result = PQgetResult(q->conn);
		if (result != NULL) {
			take_result(q, result);
			continue;
		}
		tell_heard(q);
		if (q->is_closed)
			return;
		q->state = QUERY_IDLE;
		error = q->error;
		q->error = NULL;
		if (PQstatus(q->conn) == CONNECTION_OK)
			q->ops->done(q->arg, error);
		else
			lose(q);
		mem_free(error);
	}
}

static void
on_events(struct watch *watch, uint32_t events)
{
	struct query_pg *q = (struct query_pg *)(void *)watch;

	(void)events;
	q->is_inside = true;
	if (q->state == QUERY_LOGIN) {
		log_in(q);
	} else if (q->state != QUERY_LOST) {
		if (PQconsumeInput(q->conn) == 0) {
			tell_heard(q);
			if (!q->is_closed)
				lose(q);
		} else {
			flush(q);
		}
		if (!q->is_closed && q->state == QUERY_RUNS)
			take_results(q);
		if (!q->is_closed && q->state == QUERY_IDLE)
			tell_heard(q);
	}
	q->is_inside = false;
	if (q->is_closed)
		free_query(q);
}

/* ------------------------------------------------------------------------
 * The user's side
 */

/* ---- TLS, in libpq's words ---- */

/* libpq would look into the home of the daemon's account for what is not
 * named. */
#define NO_FILE "/nonexistent"

/* Debian's bundle: this libpq knows no word for the machine's authorities. */
#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

static const char *
file_or_none(const char *path)
{
	if (strcmp(path, "system") == 0)
		return SYSTEM_CA;
	return path[0] != '\0' ? path : NO_FILE;
}

static const char *
mode_word(const struct config_database *db)
{
	static const char *const words[] = {
		[SSL_MODE_DISABLE] = "disable",
		[SSL_MODE_ALLOW] = "disable", /* as carpool's own logins */
		[SSL_MODE_PREFER] = "prefer",
		[SSL_MODE_REQUIRE] = "require",
		[SSL_MODE_VERIFY_CA] = "verify-ca",
		[SSL_MODE_VERIFY_FULL] = "verify-full",
	};

	return words[db->ssl_mode];
}

/* A root file makes libpq verify, also where the mode does not ask for it. */
static const char *
root_file(const struct config_database *db)
{
	return db->ssl_mode >= SSL_MODE_VERIFY_CA ? file_or_none(db->ssl_ca)
						  : NO_FILE;
}

static const char *
binding_word(const struct config_database *db)
{
	static const char *const words[] = {
		[CHANNEL_BINDING_PREFER] = "prefer",
		[CHANNEL_BINDING_REQUIRE] = "require",
		[CHANNEL_BINDING_DISABLE] = "disable",
	};

	return words[db->channel_binding];
}

static PGconn *
start_login(const struct query_pg_login *login)
{
	char port[8], addr[ADDR_TEXT_MAX] = "";
	const char *names[] = { "host",
				"hostaddr",
				"port",
				"user",
				"password",
				"dbname",
				"passfile",
				"sslmode",
				"sslrootcert",
				"sslcert",
				"sslkey",
				"sslcrl",
				"channel_binding",
				"options",
				"gssencmode",
				"target_session_attrs",
				"fallback_application_name",
				NULL };
	const char *values[] = { login->host,
				 addr,
				 port,
				 login->user,
				 login->password,
				 login->database,
				 "/dev/null",
				 mode_word(login->tls),
				 root_file(login->tls),
				 file_or_none(login->tls->ssl_cert),
				 file_or_none(login->tls->ssl_key),
				 NO_FILE,
				 binding_word(login->tls),
				 "",
				 "disable",
				 "any",
				 "carpool",
				 NULL };

	(void)text_format(port, sizeof(port), "%u", login->port);
	if (login->addr != NULL)
		(void)addr_host(login->addr, addr);
	return PQconnectStartParams(names, values, 0);
}

static void
ignore_notice(void *arg, const PGresult *result)
{
	(void)arg, (void)result;
}

struct query_pg *
query_pg_open(struct loop *loop, const struct query_pg_login *login,
	      const struct query_pg_events *events, void *arg)
{
	struct query_pg *q = mem_zalloc(sizeof(*q));

	if (q == NULL)
		return NULL;
	q->watch.fire = on_events;
	q->loop = loop;
	q->fd = -1;
	q->ops = events;
	q->arg = arg;
	q->conn = start_login(login);
	if (q->conn == NULL) {
		mem_free(q);
		return NULL;
	}
	(void)PQsetNoticeReceiver(q->conn, ignore_notice, NULL);
	/* A failure so far is told from the loop, as any later one; libpq wants
	 * to write first. */
	if (PQstatus(q->conn) == CONNECTION_BAD || !wait_for(q, LOOP_WRITABLE))
		loop_ready(loop, &q->watch);
	return q;
}

/* What went wrong so far is told from the loop. */
static void
expect_results(struct query_pg *q)
{
	if (q->error != NULL || PQflush(q->conn) < 0 ||
	    !wait_for(q, LOOP_READABLE | LOOP_WRITABLE))
		loop_ready(q->loop, &q->watch);
}

void
query_pg_send(struct query_pg *q, const char *sql)
{
	ASSERT(q->state == QUERY_IDLE);
	q->state = QUERY_RUNS;
	q->asks = false;
	if (PQsendQuery(q->conn, sql) == 0)
		q->error = mem_must_strdup(PQerrorMessage(q->conn));
	expect_results(q);
}

void
query_pg_ask(struct query_pg *q, const char *sql, const char *parameter)
{
	ASSERT(q->state == QUERY_IDLE);
	q->state = QUERY_RUNS;
	q->asks = true;
	PQclear(q->row);
	q->row = NULL;
	if (PQsendQueryParams(q->conn, sql, 1, NULL, &parameter, NULL, NULL,
			      0) == 0)
		q->error = mem_must_strdup(PQerrorMessage(q->conn));
	expect_results(q);
}

bool
query_pg_row(const struct query_pg *q, struct query_pg_row *row)
{
	if (q->row == NULL)
		return false;
	row->name = PQgetisnull(q->row, 0, 0) ? NULL : PQgetvalue(q->row, 0, 0);
	row->secret =
		PQgetisnull(q->row, 0, 1) ? NULL : PQgetvalue(q->row, 0, 1);
	return true;
}

const char *
query_pg_parameter(const struct query_pg *q, const char *name)
{
	return PQparameterStatus(q->conn, name);
}

int
query_pg_version(const struct query_pg *q)
{
	return PQserverVersion(q->conn);
}

uint32_t
query_pg_pid(const struct query_pg *q)
{
	return (uint32_t)PQbackendPID(q->conn);
}
