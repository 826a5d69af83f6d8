/*
 * Clients that log in, ask one SELECT 1 and close, again and again; each is a
 * thread of its own, so that several logins are under way at a time, and ends
 * after so many seconds or logins.
 */
#include "load.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct caller {
	const struct target *target; /* borrows */
	double end;
	unsigned long done, most;
	pthread_t thread;
};

static void *
call_again(void *arg)
{
	struct caller *c = arg;
	struct scram_cache cache = { 0 };
	char answer[4096];

	while (c->done < c->most && now() < c->end) {
		int fd = client_open(c->target, &cache);

		client_query(fd, "SELECT 1");
		(void)client_skip(fd, answer, sizeof(answer));
		client_close(fd);
		c->done++;
	}
	return NULL;
}

void
load_logins(const struct target *t, int count, char **words)
{
	unsigned long clients = number(words[0]), done = 0;
	struct caller *callers = calloc(clients, sizeof(*callers));
	struct target with = *t;
	double began = now();

	if (callers == NULL)
		die("no memory");
	with.password = count > 3 ? words[3] : NULL;
	for (unsigned long i = 0; i < clients; i++) {
		callers[i].target = &with;
		callers[i].most = number(words[2]);
		callers[i].end = began + (double)number(words[1]);
		if (pthread_create(&callers[i].thread, NULL, call_again,
				   &callers[i]) != 0)
			die("no thread");
	}
	for (unsigned long i = 0; i < clients; i++) {
		pthread_join(callers[i].thread, NULL);
		done += callers[i].done;
	}
	printf("logins %lu\nseconds %.6f\n", done, now() - began);
	free(callers);
}
