/*
 * The command line of carpool(1).  Main thread, once, at the start.
 */
#ifndef CARPOOL_CONFIG_CLI_H
#define CARPOOL_CONFIG_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/* What was asked for; texts borrow from argv and the environment. */
struct cli {
	const char *file;       /* the configuration file, or NULL */
	const char *url;        /* --url, else DATABASE_URL; NULL with a file */
	const char *check_file; /* --check: look at this file and end */
	const char *user;       /* -u, or NULL */
	unsigned verbose;       /* times that -v was given */
	bool print_config;      /* --print-config: print and end */
	bool print_man;         /* --print-settings-man: print and end */
	bool daemonize;         /* -d */
	bool quiet;             /* -q: nothing on standard error */
	bool show_version;      /* -V: print and end */
	bool show_help;         /* -h: print and end */

	/* For struct config_source: -v and -u as settings; borrowed from here,
	 * so the struct must stay where it is. */
	const char *overrides[2];
	size_t override_count;
	char verbose_text[32];
	char user_text[160];
};

enum cli_result {
	CLI_OK,
	CLI_WRONG, /* message says why: print it and end with status 1 */
};

/*
 * Reads the command line into cli.  database_url is the environment's
 * DATABASE_URL or NULL; it counts where neither a file nor --url is given.  On
 * CLI_WRONG one line without its end was appended to message.  Changes nothing
 * outside but getopt's own state and the order of argv.
 */
enum cli_result cli_parse(struct cli *cli, int argc, char *const argv[],
			  const char *database_url, struct str *message);

/* The text of --help. */
const char *cli_usage(void);

#endif
