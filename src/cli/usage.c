/* usage - help, printed from the rows that are parsed. */
#include "cli/usage.h"

#include <stdio.h>

enum { TEXT_COLUMN = 31 };

static void print_row(const struct option_row *row)
{
	char left[80];
	int len = row->letter ? snprintf(left, sizeof left, "  -%c%s", row->letter, row->name ? ", " : "") : snprintf(left, sizeof left, "      ");

	if (row->name)
		len += snprintf(left + len, sizeof left - (size_t)len, "--%s", row->name);
	if (row->argument && row->is_optional)
		len += snprintf(left + len, sizeof left - (size_t)len, row->name ? "[=%s]" : "[%s]", row->argument);
	else if (row->argument)
		len += snprintf(left + len, sizeof left - (size_t)len, " %s", row->argument);
	if (len >= TEXT_COLUMN)
		printf("%s\n%*s%s\n", left, TEXT_COLUMN, "", row->help);
	else
		printf("%-*s%s\n", TEXT_COLUMN, left, row->help);
}

void usage_print(const char *verb, const char *operands, const char *purpose, const struct option_table *table)
{
	printf("usage: %s [OPTIONS]%s%s\n%s\n\n", verb, operands[0] ? " " : "", operands, purpose);
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].help)
			print_row(&table->rows[i]);
}
