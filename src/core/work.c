/*
 * Jobs for helper threads; see work.h.  Runs on the worker, but for run_job.
 */
#include "core/work.h"

#include "base/mem.h"
#include "core/client.h"
#include "core/server.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker.h"

static void
run_job(struct helper_job *base)
{
	struct job_run *run = (struct job_run *)base;

	run->job.run(run->job.arg);
}

static void
job_done(struct mail *mail)
{
	struct job_run *run = (struct job_run *)mail;
	struct answer answer = { .kind = ANSWER_JOB, .job = run->job.arg };
	struct client *c = run->client;
	struct server *s = run->server;

	if (c != NULL) {
		c->login->job = NULL;
		if (run->done != NULL)
			run->done(c, run->job.arg);
		else
			session_answer(c, &answer);
	} else if (s != NULL) {
		s->job = NULL;
		session_server_step(s, &answer);
		session_server_turn(s);
	}
	run->job.drop(run->job.arg);
	mem_free(run);
}

static struct job_run *
start(struct worker *w, const struct job *job)
{
	struct job_run *run = mem_zalloc(sizeof(*run));

	if (run == NULL) {
		job->drop(job->arg);
		return NULL;
	}
	run->base.mail.deliver = job_done;
	run->base.home = w->loop;
	run->base.run = run_job;
	run->job = *job;
	return run;
}

void
work_start_lookup(struct client *c, const struct job *job,
		  void (*done)(struct client *c, void *arg))
{
	struct job_run *run = start(c->worker, job);

	if (run == NULL) {
		client_refuse_reason(c, REASON_NO_MEMORY);
		return;
	}
	run->client = c;
	run->done = done;
	c->login->job = run;
	c->back_to = c->state;
	client_set_state(c, CLIENT_ASKING);
	helpers_post(c->worker->core->helpers, &run->base);
}

void
work_start_client(struct client *c, const struct job *job)
{
	work_start_lookup(c, job, NULL);
}

void
work_start_server(struct server *s, const struct job *job)
{
	struct job_run *run = start(s->worker, job);

	if (run == NULL) {
		server_close(s, REASON_NO_MEMORY);
		return;
	}
	run->server = s;
	s->job = run;
	helpers_post(s->worker->core->helpers, &run->base);
}
