/*
 * Loads of the bench: cheap clients that speak just enough of the Postgres
 * protocol, and of MySQL's (mysql.c).  Blocking sockets of 127.0.0.1; a failure
 * ends the program with a line that says why, so nothing here reports errors to
 * its caller.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stddef.h>
#include <stdint.h>

enum { TAIL = 6, KEY = 32 };

struct target {
	uint16_t port;
	const char *user, *database; /* borrow: the command line */
	const char *password;        /* borrows; NULL if none is known */
};

/* Keys made from a password, good for as long as the salt is the same. */
struct scram_cache {
	char salt[128]; /* as the server wrote it, "" = nothing is here yet */
	unsigned rounds;
	unsigned char client_key[KEY], stored_key[KEY];
};

/* The last bytes of a stream: enough to see the end of an answer. */
struct tail {
	char last[TAIL];
};

/* Prints "load: " and the words, and exits with status 1. */
void die(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* Seconds of the monotonic clock. */
double now(void);

/* A number of the command line, at least 1. */
unsigned long number(const char *text);

/* Connects and logs in; returns the socket, ready for queries. */
int client_open(const struct target *t, struct scram_cache *cache);

void client_send(int fd, const void *data, size_t size);

/* At least one byte; an end of the stream is a failure. */
size_t client_recv(int fd, void *buf, size_t size);

/* Sends a simple query. */
void client_query(int fd, const char *sql);

/* Reads the answer of one query to its end; returns its bytes. */
uint64_t client_skip(int fd, void *buf, size_t size);

/* Says goodbye and closes. */
void client_close(int fd);

/* Takes the bytes in; nonzero when they end with ReadyForQuery, idle. */
int tail_ends(struct tail *t, const char *data, size_t size);

/*
 * The two messages of a SCRAM-SHA-256 client.  The nonce is fixed, which is
 * cheap, and the server's signature is not checked: it is known and trusted.
 */
extern const char scram_first[];
/* answer: at least 512 bytes; returns its length. */
size_t scram_final(struct scram_cache *cache, const char *password,
		   const char *challenge, char *answer, size_t size);

/* The loads; words: what follows the name of the database, count of them. */
void load_read(const struct target *t, int count, char **words);
void load_write(const struct target *t, int count, char **words);
void load_logins(const struct target *t, int count, char **words);
void load_crowd(const struct target *t, int count, char **words);
void load_mysql(const struct target *t, int count, char **words);

#endif
