/*
 * The log and its writer thread.
 *
 * Callers format a line and append it to a queue of fixed size under the lock;
 * the writer swaps that queue for its own empty one and writes without the
 * lock, so a slow disk holds up nobody.  A line that finds the queue full, or
 * that cannot be written, is counted; the count is written when it can be.
 * Before log_open and after log_close lines go to standard error at once.
 *
 * Owns the file, the queues, the thread.  The lock covers everything in `sink`
 * that is not atomic, except what is marked as the writer's own.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/text.h"

#define QUEUE_BYTES ((size_t)1 << 20)
#define LINE_BYTES 2048
/* A pipe that polls as writable takes this much without blocking. */
#define PIECE_BYTES ((size_t)4096)
#define STUCK_MSEC 200

enum sink_state { SINK_DIRECT, SINK_RUNNING, SINK_STOPPING };

/* Where the writer writes; -1 = not there. */
struct outlet {
	int file;
	int console;
	bool is_torn; /* the last write stopped inside a line */
};

static struct {
	struct lock lock;
	pthread_cond_t wake;
	pthread_t writer;
	enum sink_state state;
	char *queue; /* owns; lines that wait for the writer */
	size_t queue_len;
	char *batch;        /* owns; the writer's own */
	struct outlet next; /* the outlet to change to */
	bool has_next;
	size_t next_at; /* bytes of the queue that belong to the old outlet */
	char *path;     /* owns; the open file's name, NULL = none */
	bool to_console;
	_Atomic int level;
	_Atomic uint64_t dropped;
	uint64_t reported; /* of dropped; the writer's own */
} sink = {
	.lock = { .mutex = PTHREAD_MUTEX_INITIALIZER },
	.wake = PTHREAD_COND_INITIALIZER,
	.level = LOG_INFO,
};

/* Lines held back at the place that this thread is about to log from. */
static _Thread_local uint32_t held_back;

static const char *const level_names[] = {
	[LOG_ERROR] = "ERROR",
	[LOG_WARNING] = "WARNING",
	[LOG_INFO] = "INFO",
	[LOG_DEBUG] = "DEBUG",
};

/* Writes a piece; false when it did not go out whole. */
static bool
write_piece(int fd, const char *p, size_t len, size_t *written)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };

	*written = 0;
	while (*written < len) {
		ssize_t n;

		/* Whoever does not read standard error must not stop us. */
		if (poll(&wait, 1, STUCK_MSEC) <= 0)
			return false;
		n = write(fd, p + *written, len - *written);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		*written += (size_t)n;
	}
	return true;
}

static uint64_t
count_lines(const char *p, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += p[i] == '\n';
	return n;
}

/* The longest run of whole lines at p that makes one piece. */
static size_t
next_piece(const char *p, size_t len)
{
	const char *end;

	if (len <= PIECE_BYTES)
		return len;
	end = memrchr(p, '\n', PIECE_BYTES);
	return end != NULL ? (size_t)(end - p) + 1 : PIECE_BYTES;
}

/* Writes lines to the file, or to the console where there is no file. */
static bool
write_main(struct outlet *o, const char *p, size_t len, size_t *written)
{
	int fd = o->file >= 0 ? o->file : o->console;
	bool is_done;

	*written = 0;
	if (fd < 0)
		return true;
	if (o->is_torn && !write_piece(fd, "\n", 1, written)) {
		*written = 0;
		return false;
	}
	is_done = write_piece(fd, p, len, written);
	o->is_torn = !is_done && *written > 0 && p[*written - 1] != '\n';
	return is_done;
}

/*
 * Writes lines piece by piece.  The first piece that fails ends it: a disk that
 * is full or a pipe that is stuck would only fail, slowly, for each other one.
 */
static void
write_lines(struct outlet *o, const char *p, size_t len)
{
	while (len > 0) {
		size_t n = next_piece(p, len), written;

		if (!write_main(o, p, n, &written)) {
			atomic_fetch_add(
				&sink.dropped,
				count_lines(p + written, len - written));
			return;
		}
		if (o->file >= 0 && o->console >= 0)
			(void)write_piece(o->console, p, n, &written);
		p += n;
		len -= n;
	}
}

/* Puts a whole line, cut to fit and ended by '\n', into out. */
static size_t
format_line(char out[LINE_BYTES], enum log_level level, const char *event,
	    const char *rest)
{
	char when[CLOCK_TEXT_MAX];
	size_t n;

	n = text_format(out, LINE_BYTES - 1, "%s [%d] %s %s%s%s",
			clock_text(clock_wall(), when), (int)getpid(),
			level_names[level], event, *rest != '\0' ? " " : "",
			rest);
	out[n] = '\n';
	return n + 1;
}

/* Says how many lines were lost since that was last said. */
static void
report_dropped(struct outlet *o)
{
	uint64_t dropped = atomic_load(&sink.dropped);
	char line[LINE_BYTES], rest[64];
	size_t n, written;

	if (dropped == sink.reported)
		return;
	text_format(rest, sizeof(rest), "lines=%llu",
		    (unsigned long long)(dropped - sink.reported));
	n = format_line(line, LOG_WARNING, "log_dropped", rest);
	if (write_main(o, line, n, &written))
		sink.reported = dropped;
}

static void
close_outlet(struct outlet *o)
{
	if (o->file >= 0)
		close(o->file);
	o->file = -1;
}

/* What the writer takes under the lock at one time. */
struct portion {
	size_t len;     /* bytes of the batch */
	size_t old_len; /* of them for the old outlet */
	struct outlet next;
	bool has_next;
	bool is_last;
};

/* Waits until there is something to do, and takes it all. */
static struct portion
take_portion(void)
{
	struct portion t;
	char *empty;

	lock_take(&sink.lock);
	while (sink.queue_len == 0 && !sink.has_next &&
	       sink.state == SINK_RUNNING)
		pthread_cond_wait(&sink.wake, &sink.lock.mutex);
	t = (struct portion){
		.len = sink.queue_len,
		.old_len = sink.has_next ? sink.next_at : sink.queue_len,
		.next = sink.next,
		.has_next = sink.has_next,
		.is_last = sink.state == SINK_STOPPING,
	};
	empty = sink.batch;
	sink.batch = sink.queue;
	sink.queue = empty;
	sink.queue_len = 0;
	sink.has_next = false;
	lock_give(&sink.lock);
	return t;
}

static void *
writer_main(void *arg)
{
	struct outlet outlet = { .file = -1, .console = -1 };
	struct portion t;

	(void)arg;
	do {
		t = take_portion();
		write_lines(&outlet, sink.batch, t.old_len);
		if (t.has_next) {
			close_outlet(&outlet);
			outlet = t.next;
		}
		write_lines(&outlet, sink.batch + t.old_len, t.len - t.old_len);
		report_dropped(&outlet);
	} while (!t.is_last);
	close_outlet(&outlet);
	return NULL;
}

/* Starts the writer with every signal blocked; an errno or 0. */
static int
start_writer(void)
{
	sigset_t all, old;
	int error;

	sink.queue = mem_must_zalloc(QUEUE_BYTES);
	sink.batch = mem_must_zalloc(QUEUE_BYTES);
	sink.queue_len = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	lock_take(&sink.lock);
	sink.state = SINK_RUNNING;
	lock_give(&sink.lock);
	error = pthread_create(&sink.writer, NULL, writer_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error == 0)
		return 0;
	lock_take(&sink.lock);
	sink.state = SINK_DIRECT;
	lock_give(&sink.lock);
	mem_free(sink.queue);
	mem_free(sink.batch);
	sink.queue = sink.batch = NULL;
	return error;
}

/* Hands an outlet to the writer: lines from here on go there. */
static void
change_outlet(struct outlet next)
{
	int unused = -1;

	lock_take(&sink.lock);
	/* One that the writer never took over: its lines come to this one. */
	if (sink.has_next)
		unused = sink.next.file;
	else
		sink.next_at = sink.queue_len;
	sink.next = next;
	sink.has_next = true;
	pthread_cond_signal(&sink.wake);
	lock_give(&sink.lock);
	if (unused >= 0)
		close(unused);
}

/* Opens the file for appending; -1 and errno.  A pipe must have a reader. */
static int
open_file(const char *path)
{
	return open(path,
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY |
			    O_NONBLOCK,
		    0640);
}

int
log_open(const struct log_target *target)
{
	bool has_file = target->file != NULL && target->file[0] != '\0';
	struct outlet next = { .file = -1, .console = -1 };
	int error;

	if (has_file) {
		next.file = open_file(target->file);
		if (next.file < 0)
			return errno;
	}
	if (target->to_stderr || !has_file)
		next.console = STDERR_FILENO;
	/* Only the thread that is here writes the state. */
	if (sink.state == SINK_DIRECT) {
		error = start_writer();
		if (error != 0) {
			close_outlet(&next);
			return error;
		}
	}
	mem_free(sink.path);
	sink.path = has_file ? mem_must_strdup(target->file) : NULL;
	sink.to_console = next.console >= 0;
	atomic_store(&sink.level, (int)target->level);
	change_outlet(next);
	return 0;
}

int
log_reopen(void)
{
	struct outlet next = { .file = -1, .console = -1 };

	if (sink.path == NULL)
		return 0;
	next.file = open_file(sink.path);
	if (next.file < 0)
		return errno;
	if (sink.to_console)
		next.console = STDERR_FILENO;
	change_outlet(next);
	return 0;
}

void
log_close(void)
{
	enum sink_state was;

	lock_take(&sink.lock);
	was = sink.state;
	if (was == SINK_RUNNING)
		sink.state = SINK_STOPPING;
	pthread_cond_signal(&sink.wake);
	lock_give(&sink.lock);
	if (was != SINK_RUNNING)
		return;
	pthread_join(sink.writer, NULL);
	lock_take(&sink.lock);
	sink.state = SINK_DIRECT;
	lock_give(&sink.lock);
	mem_free(sink.queue);
	mem_free(sink.batch);
	mem_free(sink.path);
	sink.queue = sink.batch = sink.path = NULL;
}

bool
log_enabled(enum log_level level)
{
	return (int)level <=
	       atomic_load_explicit(&sink.level, memory_order_relaxed);
}

/* Queues the line for the writer; false when there is no writer. */
static bool
queue_line(const char *line, size_t len)
{
	bool is_running;

	lock_take(&sink.lock);
	is_running = sink.state == SINK_RUNNING;
	if (is_running && len > QUEUE_BYTES - sink.queue_len) {
		atomic_fetch_add(&sink.dropped, 1);
	} else if (is_running) {
		if (sink.queue_len == 0)
			pthread_cond_signal(&sink.wake);
		memcpy(sink.queue + sink.queue_len, line, len);
		sink.queue_len += len;
	}
	lock_give(&sink.lock);
	return is_running;
}

/* Makes a text safe for one line: control bytes become \xNN, cut to fit. */
static void
clean_text(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (; *text != '\0' && n + 5 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c == 0x7f)
			n += text_format(out + n, size - n, "\\x%02x", c);
		else
			out[n++] = (char)c;
	}
	out[n] = '\0';
}

void
log_event(enum log_level level, const char *event, const char *format, ...)
{
	char raw[LINE_BYTES - 256], clean[LINE_BYTES - 192], line[LINE_BYTES];
	uint32_t held = held_back;
	size_t n;
	int saved = errno;
	va_list args;

	held_back = 0;
	if (!log_enabled(level))
		return;
	va_start(args, format);
	if (vsnprintf(raw, sizeof(raw), format, args) < 0)
		raw[0] = '\0';
	va_end(args);
	clean_text(raw, clean, sizeof(clean) - 32);
	if (held > 0) {
		n = strlen(clean);
		text_format(clean + n, sizeof(clean) - n, "%ssuppressed=%u",
			    n > 0 ? " " : "", held);
	}
	n = format_line(line, level, event, clean);
	if (!queue_line(line, n))
		(void)write_piece(STDERR_FILENO, line, n, &n);
	errno = saved;
}

static bool
is_harmless(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

/* Writes one byte of a quoted value; returns the bytes written (at most 4). */
static size_t
quote_byte(unsigned char c, char *out)
{
	if (c == '"' || c == '\\')
		return text_format(out, 5, "\\%c", c);
	if (c < ' ' || c >= 0x7f)
		return text_format(out, 5, "\\x%02x", c);
	out[0] = (char)c;
	return 1;
}

const char *
log_quote(const char *value, char out[LOG_QUOTE_MAX])
{
	size_t len = strlen(value), plain = 0, n = 0;

	while (is_harmless((unsigned char)value[plain]))
		plain++;
	if (plain == len && len > 0 && len < LOG_QUOTE_MAX) {
		memcpy(out, value, len + 1);
		return out;
	}
	out[n++] = '"';
	for (; *value != '\0'; value++) {
		/* Room for this byte, the dots, the quote and the NUL. */
		if (n + 4 + 3 + 2 > LOG_QUOTE_MAX) {
			n += text_copy(out + n, 4, "...");
			break;
		}
		n += quote_byte((unsigned char)*value, out + n);
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

bool
log_allow(struct log_rate *rate)
{
	uint64_t now = clock_now() / USEC_PER_SEC + 1;
	uint64_t second = atomic_load(&rate->second);

	if (second != now &&
	    atomic_compare_exchange_strong(&rate->second, &second, now))
		atomic_store(&rate->used, 0);
	if (atomic_fetch_add(&rate->used, 1) >= rate->burst) {
		atomic_fetch_add(&rate->held, 1);
		return false;
	}
	held_back = atomic_exchange(&rate->held, 0);
	return true;
}

uint64_t
log_dropped(void)
{
	return atomic_load(&sink.dropped);
}
