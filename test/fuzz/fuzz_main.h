/*
 * What every fuzz target has in common: each input gets a limit of CPU time,
 * and a message is changed as a whole message.  Where the compiler has no
 * fuzzer, the target runs on files, or on random bytes: `fuzz_x FILE...`, or
 * without files a few thousand inputs of its own.
 *
 * A target defines fuzz_one() and includes this once.  One that reads messages
 * defines FUZZ_PREFIX before, the bytes that stand in front of the first one;
 * its mutations keep the messages' lengths right, more often than not.
 */
#ifndef CARPOOL_TEST_FUZZ_FUZZ_MAIN_H
#define CARPOOL_TEST_FUZZ_FUZZ_MAIN_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* Most CPU time for one input, sanitizers included.  Usual are microseconds;
 * the longest of the corpora takes some tens of milliseconds. */
#ifndef FUZZ_CPU_SECONDS
#define FUZZ_CPU_SECONDS 2
#endif

#define FUZZ_INPUT_MAX 65536u
#define FUZZ_RANDOM_INPUTS 5000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The target itself. */
static void fuzz_one(const uint8_t *data, size_t size);

static void
fuzz_too_long(int signal)
{
	static const char text[] = "an input took too much CPU time\n";

	(void)signal;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	abort(); /* the fuzzer writes the input down */
}

static void
fuzz_limit(time_t seconds)
{
	struct itimerval limit = { .it_value.tv_sec = seconds };

	(void)setitimer(ITIMER_PROF, &limit, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)signal(SIGPROF, fuzz_too_long);
	fuzz_limit(FUZZ_CPU_SECONDS);
	fuzz_one(data, size);
	fuzz_limit(0);
	return 0;
}

/* ---- whole messages ---- */

#ifdef FUZZ_PREFIX

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
	__attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned seed);

#define FUZZ_MESSAGES 64u

/* A startup packet has no type; its length begins with a zero byte. */
static size_t
fuzz_header(const uint8_t *message)
{
	return message[0] == 0 ? 4 : 5;
}

/* Where the messages begin and the last one ends; how many there are. */
static size_t
fuzz_cut(const uint8_t *data, size_t size, size_t edge[FUZZ_MESSAGES + 1])
{
	size_t n = 0, at = FUZZ_PREFIX;

	edge[0] = at;
	while (n < FUZZ_MESSAGES && size - at >= 5) {
		const uint8_t *p = data + at + fuzz_header(data + at) - 4;
		size_t len = (size_t)p[0] << 24 | (size_t)p[1] << 16 |
			     (size_t)p[2] << 8 | p[3];

		if (len < 4 || len > size - (size_t)(p - data))
			break;
		at = (size_t)(p - data) + len;
		edge[++n] = at;
	}
	return n;
}

/* Puts n bytes in the place of those from one edge to another. */
static size_t
fuzz_replace(uint8_t *data, size_t size, size_t from, size_t to,
	     const uint8_t *bytes, size_t n)
{
	memmove(data + from + n, data + to, size - to);
	if (n > 0)
		memcpy(data + from, bytes, n);
	return size - (to - from) + n;
}

/* Changes a message's body and writes its length anew. */
static size_t
fuzz_change_body(uint8_t *data, size_t size, size_t max, size_t from, size_t to)
{
	static uint8_t body[FUZZ_INPUT_MAX];
	size_t begin = from + fuzz_header(data + from);
	size_t had = to - begin, room = max - size + had, n;

	if (room > sizeof(body))
		room = sizeof(body);
	if (had > room || room == 0)
		return size;
	memcpy(body, data + begin, had);
	n = LLVMFuzzerMutate(body, had, room);
	size = fuzz_replace(data, size, begin, to, body, n);
	for (unsigned i = 0; i < 4; i++)
		data[begin - 4 + i] = (uint8_t)((n + 4) >> (24 - 8 * i));
	return size;
}

/* Repeats a message at another edge, or takes it out. */
static size_t
fuzz_move_message(uint8_t *data, size_t size, size_t max, size_t from,
		  size_t to, size_t where, unsigned seed)
{
	static uint8_t message[FUZZ_INPUT_MAX];
	size_t n = to - from;

	if (seed % 3 == 0)
		return fuzz_replace(data, size, from, to, NULL, 0);
	if (n > max - size || n > sizeof(message))
		return size;
	memcpy(message, data + from, n);
	return fuzz_replace(data, size, where, where, message, n);
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size_t edge[FUZZ_MESSAGES + 1], count, i;
	unsigned what;

	if (size < FUZZ_PREFIX)
		return LLVMFuzzerMutate(data, size, max);
	what = (unsigned)rand_r(&seed) % 8;
	count = fuzz_cut(data, size, edge);
	if (count == 0 || what == 0)
		return LLVMFuzzerMutate(data, size, max);
	i = (unsigned)rand_r(&seed) % count;
	if (what == 1) {
		data[edge[i]] = data[edge[(unsigned)rand_r(&seed) % count]];
		return size;
	}
	if (what < 4)
		return fuzz_move_message(data, size, max, edge[i], edge[i + 1],
					 edge[(unsigned)rand_r(&seed) % count],
					 (unsigned)rand_r(&seed));
	return fuzz_change_body(data, size, max, edge[i], edge[i + 1]);
}

#endif

/* ---- without a fuzzer ---- */

static uint8_t fuzz_input[FUZZ_INPUT_MAX];

/* Weak: the fuzzer's own main takes its place where there is one. */
__attribute__((weak)) int
main(int argc, char **argv)
{
	unsigned seed = 1;

	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t n;

		if (f == NULL) {
			perror(argv[i]);
			return 1;
		}
		n = fread(fuzz_input, 1, sizeof(fuzz_input), f);
		fclose(f);
		(void)LLVMFuzzerTestOneInput(fuzz_input, n);
	}
	for (unsigned i = 0; argc < 2 && i < FUZZ_RANDOM_INPUTS; i++) {
		size_t n = (size_t)rand_r(&seed) % 300;

		for (size_t k = 0; k < n; k++)
			fuzz_input[k] = (uint8_t)rand_r(&seed);
		(void)LLVMFuzzerTestOneInput(fuzz_input, n);
	}
	return 0;
}

#endif
