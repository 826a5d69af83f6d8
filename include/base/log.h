/*
 * The log: one line an event, `key=value`, stable event names.
 *
 * Lines are formatted by the caller's thread and handed to the sink; the file
 * sink writes from a thread of its own, so a full or slow disk never blocks a
 * worker: lines that do not fit its bounded queue are counted and dropped, and
 * the count is written when there is room again.
 *
 * Never pass a secret or statement text.  Values that come from outside are
 * escaped by log_event (control bytes, quotes), so a line cannot be forged.
 * Any thread.
 */
#ifndef CARPOOL_BASE_LOG_H
#define CARPOOL_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Where lines go.  file NULL or "" means standard error. */
struct log_target {
	const char *file;     /* borrowed for the call */
	bool to_stderr;       /* also to standard error (off with -q) */
	enum log_level level; /* the most talkative level that is written */
};

/*
 * Starts the log or changes its target (start-up and reload, one thread at a
 * time).  Returns 0, or the errno of opening the file: the old target stays.
 */
int log_open(const struct log_target *target);

/* Re-opens the file by its name (after rotation); errno or 0. */
int log_reopen(void);

/* Writes what is queued, stops the writer thread. */
void log_close(void);

/* Would a line of this level be written?  For skipping costly arguments. */
bool log_enabled(enum log_level level);

/*
 * Writes one event.  event is a stable name of letters, digits and '_'.
 * format, with the rest, gives `key=value` pairs whose values are put between
 * quotes and escaped where needed by using %s only through log_quote.
 */
void log_event(enum log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define LOG_QUOTE_MAX 160

/*
 * Escapes an outside value for a log line: as it is when it has only harmless
 * bytes, else in double quotes with \xNN; cut with "..." at LOG_QUOTE_MAX.
 * Returns out.
 */
const char *log_quote(const char *value, char out[LOG_QUOTE_MAX]);

/*
 * Rate limit of one place in the code: true at most `burst` times a second;
 * what was held back is reported by the next line of that place.
 * Use: static struct log_rate r = LOG_RATE(10); if (log_allow(&r)) ...
 */
struct log_rate {
	_Atomic uint64_t second;
	_Atomic uint32_t used;
	_Atomic uint32_t held;
	uint32_t burst;
};
#define LOG_RATE(n)                                                            \
	{                                                                      \
		.burst = (n)                                                   \
	}
bool log_allow(struct log_rate *rate);

/* Lines dropped since the start because the writer could not keep up. */
uint64_t log_dropped(void);

#endif
