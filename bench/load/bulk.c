/*
 * One client that moves much: it counts the bytes of answers, or sends the
 * same rows again and again by COPY, as psql cuts them (about 8 KiB a message).
 */
#include "load.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER = 256 << 10, MESSAGE = 8192, BLOCK = 64 << 10 };

static void
print_figures(uint64_t bytes, double seconds)
{
	printf("bytes %" PRIu64 "\nseconds %.6f\n", bytes, seconds);
}

void
load_read(const struct target *t, int count, char **words)
{
	struct scram_cache cache = { 0 };
	unsigned long times = number(words[0]);
	char *buf = malloc(BUFFER);
	int fd = client_open(t, &cache);
	uint64_t bytes = 0;
	double began = now();

	(void)count;
	if (buf == NULL)
		die("no memory");
	while (times-- > 0) {
		client_query(fd, words[1]);
		bytes += client_skip(fd, buf, BUFFER);
	}
	print_figures(bytes, now() - began);
	client_close(fd);
	free(buf);
}

/* Fills a block with whole CopyData messages of whole lines; its bytes. */
static size_t
fill_block(char *block, size_t line)
{
	size_t lines = line < MESSAGE ? MESSAGE / line : 1;
	size_t size = 5 + lines * line, at = 0;

	if (size > BLOCK)
		die("the line is too long");
	for (; at + size <= BLOCK; at += size) {
		uint32_t length = htonl((uint32_t)(size - 1));

		block[at] = 'd';
		memcpy(block + at + 1, &length, 4);
		memset(block + at + 5, '7', size - 5);
		for (size_t i = 1; i <= lines; i++)
			block[at + 4 + i * line] = '\n';
	}
	return at;
}

void
load_write(const struct target *t, int count, char **words)
{
	static const char copy_done[5] = { 'c', 0, 0, 0, 4 };
	struct scram_cache cache = { 0 };
	unsigned long times = number(words[0]), total = number(words[3]);
	char *block = malloc(BLOCK), answer[4096];
	size_t size = block ? fill_block(block, number(words[2])) : 0;
	int fd = client_open(t, &cache);
	uint64_t bytes = 0;
	double began = now();

	(void)count;
	if (block == NULL)
		die("no memory");
	while (times-- > 0) {
		client_query(fd, words[1]);
		if (client_recv(fd, answer, sizeof(answer)) < 1 ||
		    answer[0] != 'G')
			die("COPY was refused: %c", answer[0]);
		for (uint64_t sent = 0; sent < total; sent += size) {
			client_send(fd, block, size);
			bytes += size;
		}
		client_send(fd, copy_done, sizeof(copy_done));
		(void)client_skip(fd, answer, sizeof(answer));
	}
	print_figures(bytes, now() - began);
	client_close(fd);
	free(block);
}
