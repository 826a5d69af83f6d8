/*
 * The settings part of carpool.ini(5), from the settings table.  Pure.
 */
#include <string.h>

#include "base/mem.h"
#include "config/snapshot.h"
#include "config/value.h"

/* Text for man(7): a backslash is an escape there, '-' a hyphen, and a line
 * may not start with a point or quote. */
static void
print_escaped(const char *text, struct str *out)
{
	if (*text == '.' || *text == '\'')
		str_puts(out, "\\&");
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			str_puts(out, "\\e");
		else if (*text == '-')
			str_puts(out, "\\-");
		else
			str_putc(out, *text);
	}
}

static void
print_head(const struct setting *row, struct str *out)
{
	str_puts(out, ".TP\n.B ");
	print_escaped(row->name, out);
	str_puts(out, "\n(");
	str_puts(out, row->type->noun);
	if (row->def[0] == '\0') {
		str_puts(out, ", not set)\n");
	} else {
		str_puts(out, ", default ");
		print_escaped(row->def, out);
		str_puts(out, ")\n");
	}
}

/* "One of a, b, c." with those words marked that do not work yet. */
static void
print_words(const struct setting *row, struct str *out)
{
	static const char *const marks[] = {
		[SUPPORT_FULL] = "",
		[SUPPORT_LATER] = " (without effect yet)",
		[SUPPORT_REFUSED] = " (refused yet)",
	};
	const struct value_word *w;

	for (w = row->type->words; w != NULL && w->word != NULL; w++) {
		str_puts(out, w == row->type->words ? "One of " : ", ");
		print_escaped(w->word, out);
		str_puts(out, marks[w->support]);
	}
	if (row->type->words != NULL)
		str_puts(out, ".\n");
}

static void
print_notes(const struct setting *row, struct str *out)
{
	if (row->scopes == (SCOPE_GLOBAL | SCOPE_DATABASE))
		str_puts(out, "A database may have its own.\n");
	else if (row->scopes == (SCOPE_GLOBAL | SCOPE_USER))
		str_puts(out, "A user may have their own.\n");
	else if (row->scopes != SCOPE_GLOBAL)
		str_puts(out, "A database and a user may have their own.\n");
	if (row->alias != NULL)
		str_printf(out, "An older name is %s.\n", row->alias);
	if (row->effect == EFFECT_RESTART)
		str_puts(out, "A change takes effect at the next start.\n");
	switch (row->support) {
	case SUPPORT_FULL:
		break;
	case SUPPORT_LATER:
		str_puts(out, "Known, but without effect in this version.\n");
		break;
	case SUPPORT_REFUSED:
		str_puts(out, "Refused in this version, since nothing follows "
			      "it yet.\n");
		break;
	}
}

void
settings_print_man(struct str *out)
{
	size_t i;

	for (i = 0; i < settings_count; i++) {
		print_head(&settings_table[i], out);
		str_puts(out, ".br\n");
		print_escaped(settings_table[i].help, out);
		str_putc(out, '\n');
		print_words(&settings_table[i], out);
		print_notes(&settings_table[i], out);
	}
}
