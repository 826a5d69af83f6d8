/*
 * Counts the instructions that it takes to classify each statement of a file,
 * one by one, and says which costs more than it may:
 *
 *	classify FILE [-v] [-m]
 *
 * Statements are parted by lines of "%%"; -m: they are MariaDB's; -v: says
 * what each costs.  A process of its own classifies
 * them; this one makes it go on instruction by instruction, so that the counts
 * are exact whatever else the machine does.  Exit status 1: one costs more;
 * 77: the system lets nobody count.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sql/classify.h"
#include "sql/my_classify.h"

#define PART "\n%%\n"
#define MARK SIGUSR1 /* what is counted is between two of these */
#define NONE_COST 2  /* of none() itself */
#define BASE_COST 150
#define BYTE_COST 2
#define REFUSED 77

struct statement {
	const char *text; /* borrows */
	size_t len;
};

unsigned classify_one(const char *text, size_t len,
		      const struct classify_options *options);
unsigned my_classify_one(const char *text, size_t len,
			 const struct classify_options *options);
unsigned none(const char *text, size_t len,
	      const struct classify_options *options);

/* What is counted; not inlined, so that it has a name. */
__attribute__((noinline)) unsigned
classify_one(const char *text, size_t len,
	     const struct classify_options *options)
{
	return classify_text(text, len, options);
}

/* The same of a text for MariaDB. */
__attribute__((noinline)) unsigned
my_classify_one(const char *text, size_t len,
		const struct classify_options *options)
{
	static const struct my_lexer_options mariadb = {
		.version = 101100,
		.bits = MY_LEXER_MARIADB,
	};

	(void)options;
	return my_classify_text(text, len, mariadb) != 0;
}

/* What is around it is counted with this. */
__attribute__((noinline)) unsigned
none(const char *text, size_t len, const struct classify_options *options)
{
	(void)text;
	(void)options;
	return (unsigned)len;
}

/* The caller owns it; NULL: there is none. */
static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);
	size_t n = f == NULL || text == NULL ? 0
					     : fread(text, 1, (1 << 20) - 1, f);

	if (f != NULL)
		fclose(f);
	if (n > 0)
		return text;
	free(text);
	return NULL;
}

/* The statement at *at, which moves on to the next, or to NULL. */
static struct statement
next_statement(const char **at)
{
	struct statement s = { .text = *at };
	const char *end = strstr(*at, PART);

	*at = end != NULL ? end + strlen(PART) : NULL;
	if (end == NULL)
		end = s.text + strlen(s.text) - 1; /* a line ends there */
	s.len = (size_t)(end - s.text);
	return s;
}

/* ---- who classifies ---- */

static void
run(const char *text,
    unsigned (*it)(const char *, size_t, const struct classify_options *))
{
	unsigned (*volatile call)(const char *, size_t,
				  const struct classify_options *) = none;
	static const struct classify_options options = { 0 };
	struct statement s = { .text = text };

	for (;;) {
		raise(MARK);
		call(s.text, s.len, &options);
		raise(MARK);
		if (text == NULL)
			break;
		s = next_statement(&text);
		call = it;
	}
}

/* Its process, stopped at the first mark; or -1. */
static pid_t
start(const char *text, bool is_mysql)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(1);
		run(text, is_mysql ? my_classify_one : classify_one);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	/* It ends with this one, wherever that does. */
	return ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL) == 0
		       ? pid
		       : -1;
}

/* ---- who counts ---- */

/* The steps up to the next mark; -1: they cannot be counted. */
static long
count_steps(pid_t pid)
{
	int status;

	for (long n = 0;; n++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0 ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return -1;
		if (WSTOPSIG(status) == MARK)
			return n;
	}
}

static void
go_on(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_CONT, pid, NULL, NULL) == 0)
		waitpid(pid, &status, 0);
}

static void
say(const struct statement *s, long cost, long bound)
{
	printf("%7ld of %7ld  %6zu bytes  ", cost, bound, s->len);
	for (size_t i = 0; i < s->len && i < 60; i++)
		putchar(s->text[i] == '\n' ? ' ' : s->text[i]);
	putchar('\n');
}

static int
count(pid_t pid, const char *at, bool verbose)
{
	long around = count_steps(pid), sum = 0, over = 0, n = 0;
	size_t bytes = 0;

	for (; at != NULL; n++) {
		struct statement s = next_statement(&at);
		long bound = BASE_COST + BYTE_COST * (long)s.len, cost;

		go_on(pid);
		cost = count_steps(pid);
		if (around < 0 || cost < 0)
			return REFUSED;
		cost -= around - NONE_COST;
		if (cost > bound || verbose)
			say(&s, cost, bound);
		over += cost > bound;
		sum += cost;
		bytes += s.len;
	}
	go_on(pid);
	printf("%ld statements, %zu bytes: %ld instructions each, %.2f a byte; "
	       "%ld above the bound\n",
	       n, bytes, sum / n, (double)sum / (double)bytes, over);
	return over > 0;
}

int
main(int argc, char **argv)
{
	char *text = argc > 1 ? read_file(argv[1]) : NULL;
	bool is_mysql = false, verbose = false;
	int status = REFUSED;
	pid_t pid;

	for (int i = 2; i < argc; i++) {
		is_mysql |= strcmp(argv[i], "-m") == 0;
		verbose |= strcmp(argv[i], "-v") == 0;
	}

	if (text == NULL) {
		fprintf(stderr, "classify: no statements\n");
		return 1;
	}
	pid = start(text, is_mysql);
	if (pid > 0)
		status = count(pid, text, verbose);
	if (status == REFUSED)
		fprintf(stderr, "classify: no process can be stepped here\n");
	free(text);
	return status;
}
