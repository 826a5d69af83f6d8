/*
 * For the tests of config/: building a snapshot from the text of a file.
 */
#ifndef TEST_CONFIG_BUILT_H
#define TEST_CONFIG_BUILT_H

#include "scratch.h"

struct built {
	struct scratch scratch;
	struct config_source source;
	struct config_report report;
	struct snapshot *s;
};

/* Starts with a file that has text; set environment and so on before build. */
static inline void
built_open(struct built *b, const char *text)
{
	memset(b, 0, sizeof(*b));
	scratch_open(&b->scratch);
	if (text != NULL)
		b->source.file = scratch_file(&b->scratch, "a.ini", text);
}

static inline void
built_build(struct built *b)
{
	snapshot_unref(b->s);
	config_report_fini(&b->report);
	b->s = snapshot_build(&b->source, &b->report);
}

/* Both at once. */
static inline void
built_text(struct built *b, const char *text)
{
	built_open(b, text);
	built_build(b);
}

static inline void
built_close(struct built *b)
{
	snapshot_unref(b->s);
	config_report_fini(&b->report);
	scratch_close(&b->scratch);
}

/* A configuration that needs no other file; more settings may follow. */
#define BASE                                                                   \
	"[databases]\napp = host=h user=u password=p\n"                        \
	"[carpool]\nauth_type = any\nlisten_addr = 127.0.0.1\n"

#endif
