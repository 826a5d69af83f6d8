/*
 * Reads test/unit/mysql/recorded.txt, which the script `record` writes: what a
 * real server answered to each kind of command, packet by packet.  The tests
 * run in the project's folder.
 */
#ifndef CARPOOL_TEST_UNIT_MYSQL_RECORDED_H
#define CARPOOL_TEST_UNIT_MYSQL_RECORDED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "mysql/my_response.h"

#define RECORDED "test/unit/mysql/recorded.txt"
#define RECORDED_MAX 400u

struct recorded {
	char name[64];
	enum my_answer answer;
	unsigned with;   /* MY_WITH_* */
	struct str wire; /* owns: all bytes, with headers */
};

struct recordings {
	struct recorded list[RECORDED_MAX];
	size_t count;
};

static enum my_answer
recorded_answer(const char *word)
{
	static const char *const words[] = {
		[MY_ANSWER_RESULT] = "RESULT", [MY_ANSWER_PREPARE] = "PREPARE",
		[MY_ANSWER_FETCH] = "FETCH",   [MY_ANSWER_FIELDS] = "FIELDS",
		[MY_ANSWER_SHORT] = "SHORT",   [MY_ANSWER_TEXT] = "TEXT",
	};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(word, words[i]) == 0)
			return (enum my_answer)i;
	fprintf(stderr, RECORDED ": %s is no answer\n", word);
	abort();
}

static char
recorded_byte(const char *hex)
{
	char digits[3] = { hex[0], hex[1], '\0' };

	return (char)strtoul(digits, NULL, 16);
}

/* NUMBER:HEX, in which +TIMES*BYTE+ is a run. */
static void
recorded_packet(struct str *wire, const char *line)
{
	struct str payload = { 0 };
	uint8_t header[MY_HEADER];
	const char *p = line + 3;

	while (*p != '\0' && *p != '\n') {
		if (*p == '+') {
			char *end;
			unsigned long n = strtoul(p + 1, &end, 10);

			for (; n > 0; n--)
				str_putc(&payload, recorded_byte(end + 1));
			p = end[3] == '+' ? end + 4 : end + 3;
			continue;
		}
		str_putc(&payload, recorded_byte(p));
		p += 2;
	}
	my_set_u24(header, (uint32_t)payload.len);
	header[3] = (uint8_t)recorded_byte(line);
	str_add(wire, (const char *)header, sizeof(header));
	str_add(wire, str_text(&payload), payload.len);
	str_fini(&payload);
}

static inline void
recordings_load(struct recordings *all)
{
	static char line[16384];
	FILE *f = fopen(RECORDED, "r");
	struct recorded *rec = NULL;
	char word[16];
	int at;

	memset(all, 0, sizeof(*all));
	if (f == NULL) {
		perror(RECORDED);
		abort();
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (line[2] == ':') {
			ASSERT(rec != NULL);
			recorded_packet(&rec->wire, line);
			continue;
		}
		ASSERT(all->count < RECORDED_MAX);
		rec = &all->list[all->count++];
		ASSERT(sscanf(line, "%15s %u %n", word, &rec->with, &at) == 2);
		rec->answer = recorded_answer(word);
		line[strcspn(line, "\n")] = '\0';
		(void)text_copy(rec->name, sizeof(rec->name), line + at);
	}
	(void)fclose(f);
	ASSERT(all->count > 0);
}

static inline void
recordings_free(struct recordings *all)
{
	for (size_t i = 0; i < all->count; i++)
		str_fini(&all->list[i].wire);
	all->count = 0;
}

static inline const struct recorded *
recordings_find(const struct recordings *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->list[i].name, name) == 0)
			return &all->list[i];
	fprintf(stderr, "no recording %s\n", name);
	abort();
}

#endif
