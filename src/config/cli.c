/*
 * The command line.  Main thread, at the start; knows the options, not what is
 * done about them.
 */
#include "config/cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"

enum {
	OPTION_URL = 256,
	OPTION_CHECK,
	OPTION_PRINT_CONFIG,
	OPTION_PRINT_MAN,
};

static const struct option options[] = {
	{ "check", required_argument, NULL, OPTION_CHECK },
	{ "daemon", no_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "print-config", no_argument, NULL, OPTION_PRINT_CONFIG },
	{ "print-settings-man", no_argument, NULL, OPTION_PRINT_MAN },
	{ "quiet", no_argument, NULL, 'q' },
	{ "reboot", no_argument, NULL, 'R' },
	{ "url", required_argument, NULL, OPTION_URL },
	{ "user", required_argument, NULL, 'u' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static const char usage[] =
	"Usage: carpool [options] FILE\n"
	"       carpool [options] --url postgresql://user:password@host/db\n"
	"       carpool --check FILE\n"
	"\n"
	"Shares a few server connections among many clients.  Without FILE "
	"and\n"
	"--url the environment's DATABASE_URL is taken.\n"
	"\n"
	"  -d, --daemon        run in the background\n"
	"  -q, --quiet         log nothing to standard error\n"
	"  -u, --user=NAME     become this user when started as root\n"
	"  -v, --verbose       log more; may be given again\n"
	"      --url=URL       serve the database of this URL on port 6432\n"
	"      --check=FILE    check a configuration file and end\n"
	"      --print-config  print the configuration in effect and end\n"
	"  -V, --version       print the version and end\n"
	"  -h, --help          print this text and end\n";

const char *
cli_usage(void)
{
	return usage;
}

static enum cli_result wrong(struct str *message, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static enum cli_result
wrong(struct str *message, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	str_puts(message, "carpool: ");
	str_vprintf(message, format, args);
	va_end(args);
	return CLI_WRONG;
}

/* getopt says '?' or ':' and leaves it to us to name the option. */
static enum cli_result
refuse_option(int option, char *const argv[], struct str *message)
{
	const char *given = argv[optind - 1];
	const char letter[] = { '-', (char)optopt, '\0' };

	if (strncmp(given, "--", 2) != 0)
		given = letter;
	if (option == ':')
		return wrong(message, "%s needs a value", given);
	return wrong(message, "unknown option %s; see carpool --help", given);
}

static enum cli_result
take_option(struct cli *cli, int option, char *const argv[],
	    struct str *message)
{
	switch (option) {
	case OPTION_URL:
		cli->url = optarg;
		break;
	case OPTION_CHECK:
		cli->check_file = optarg;
		break;
	case OPTION_PRINT_CONFIG:
		cli->print_config = true;
		break;
	case OPTION_PRINT_MAN:
		cli->print_man = true;
		break;
	case 'd':
		cli->daemonize = true;
		break;
	case 'h':
		cli->show_help = true;
		break;
	case 'q':
		cli->quiet = true;
		break;
	case 'u':
		cli->user = optarg;
		break;
	case 'v':
		cli->verbose++;
		break;
	case 'V':
		cli->show_version = true;
		break;
	case 'R':
		return wrong(message,
			     "-R (--reboot) does not work in this version");
	default:
		return refuse_option(option, argv, message);
	}
	return CLI_OK;
}

/* Which configuration it is about. */
static enum cli_result
choose_source(struct cli *cli, int argc, char *const argv[],
	      const char *database_url, struct str *message)
{
	bool needs_none = cli->show_help || cli->show_version || cli->print_man;

	if (argc > 1)
		return wrong(message, "only one FILE can be given, not also %s",
			     argv[1]);
	cli->file = argc == 1 ? argv[0] : NULL;
	if ((cli->file != NULL) + (cli->url != NULL) +
		    (cli->check_file != NULL) >
	    1)
		return wrong(message,
			     "FILE, --url and --check exclude each other");
	if (cli->check_file != NULL)
		cli->file = cli->check_file;
	if (cli->file == NULL && cli->url == NULL && database_url != NULL &&
	    database_url[0] != '\0')
		cli->url = database_url;
	if (cli->file == NULL && cli->url == NULL && !needs_none)
		return wrong(message, "neither FILE nor --url nor DATABASE_URL "
				      "is given; see carpool --help");
	return CLI_OK;
}

static enum cli_result
fill_overrides(struct cli *cli, struct str *message)
{
	if (cli->verbose > 0) {
		text_format(cli->verbose_text, sizeof(cli->verbose_text),
			    "verbose=%u", cli->verbose);
		cli->overrides[cli->override_count++] = cli->verbose_text;
	}
	if (cli->user == NULL)
		return CLI_OK;
	if (cli->user[0] == '\0' ||
	    text_format(cli->user_text, sizeof(cli->user_text), "user=%s",
			cli->user) == sizeof(cli->user_text) - 1)
		return wrong(message, "-u: no such user: %.40s", cli->user);
	cli->overrides[cli->override_count++] = cli->user_text;
	return CLI_OK;
}

enum cli_result
cli_parse(struct cli *cli, int argc, char *const argv[],
	  const char *database_url, struct str *message)
{
	enum cli_result result = CLI_OK;
	int option;

	*cli = (struct cli){ 0 };
	opterr = 0;
	optind = 0; /* starts afresh, also for a second call in one process */
	while (result == CLI_OK &&
	       (option = getopt_long(argc, argv, ":dhqRu:vV", options, NULL)) !=
		       -1)
		result = take_option(cli, option, argv, message);
	if (result == CLI_OK)
		result = choose_source(cli, argc - optind, argv + optind,
				       database_url, message);
	if (result == CLI_OK)
		result = fill_overrides(cli, message);
	return result;
}
