/* options - walks a table of option rows over the words of a command line; knows none of them by name. */
#include "cli/options.h"

#include <sysexits.h>
#include "base/nearest.h"
#include "mail/header.h"

struct walk {
	const struct option_table *table;
	int argc, at;
	char **argv;
	struct request *request;
};

static const struct option_row *find_name(const struct option_table *table, struct view name)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].name && view_equal(view_of(table->rows[i].name), name))
			return &table->rows[i];
	return NULL;
}

static const struct option_row *find_letter(const struct option_table *table, char letter)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].letter == letter)
			return &table->rows[i];
	return NULL;
}

static int fail_unknown(const struct option_table *table, struct view name, struct err *err)
{
	struct nearest nearest = nearest_begin(name);

	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].name)
			nearest_offer(&nearest, view_of(table->rows[i].name));
	if (nearest.best.len > 0)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "There is no option --%.*s; is --%.*s meant?", VIEW_ARG(name), VIEW_ARG(nearest.best));
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "There is no option --%.*s; --help lists those there are.", VIEW_ARG(name));
}

/* The word behind an option as its argument. */
static int take_next(struct walk *walk, const char *shown, const struct option_row *row, const char **value, struct err *err)
{
	if (walk->at >= walk->argc)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "%s needs an argument: %s.", shown, row->argument);
	*value = walk->argv[walk->at++];
	return 0;
}

static int take_long(struct walk *walk, const char *word, struct err *err)
{
	struct view rest = view_of(word + 2), name;
	bool has_value;
	const struct option_row *row;
	const char *value = NULL;

	name = view_take_until(&rest, '=', &has_value);
	row = find_name(walk->table, name);
	if (!row)
		return fail_unknown(walk->table, name, err);
	if (has_value && !row->argument)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--%s takes no argument.", row->name);
	if (has_value)
		value = rest.data;
	else if (row->argument && !row->is_optional && take_next(walk, word, row, &value, err) < 0)
		return -1;
	return row->take(walk->request, row, value, err);
}

static int take_letters(struct walk *walk, const char *word, struct err *err)
{
	for (const char *at = word + 1; *at; at++) {
		const struct option_row *row = find_letter(walk->table, *at);
		const char *value = NULL;
		char shown[3] = {'-', *at, '\0'};

		if (!row && walk->table->sendmail_words)
			return err_set(err, EX_USAGE, STATUS(5, 5, 4), "There is no option %s.", word);
		if (!row)
			return err_set(err, EX_USAGE, STATUS(5, 5, 4), "There is no option %s; --help lists those there are.", shown);
		if (row->argument && at[1] != '\0')
			return row->take(walk->request, row, at + 1, err);
		if (row->argument && !row->is_optional && take_next(walk, shown, row, &value, err) < 0)
			return -1;
		if (row->take(walk->request, row, value, err) < 0)
			return -1;
	}
	return 0;
}

static int take_operand(struct walk *walk, const char *word, struct err *err)
{
	if (walk->table->take_operand)
		return walk->table->take_operand(walk->request, word, err);
	options_list_add(walk->request, &walk->request->operands, word);
	return 0;
}

int options_parse(const struct option_table *table, int argc, char **argv, struct request *request, struct err *err)
{
	struct walk walk = {.table = table, .argc = argc, .argv = argv, .request = request};
	bool options_end = false;
	int status = 0;

	while (status == 0 && walk.at < argc) {
		const char *word = argv[walk.at++];

		if (options_end || word[0] != '-' || word[1] == '\0')
			status = take_operand(&walk, word, err);
		else if (strcmp(word, "--") == 0)
			options_end = true;
		else if (word[1] == '-')
			status = take_long(&walk, word, err);
		else
			status = take_letters(&walk, word, err);
	}
	return status == 0 && table->settle ? table->settle(request, err) : status;
}

int options_take_string(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)err;
	*(const char **)((char *)request + row->offset) = value;
	return 0;
}

int options_refuse_operand(struct request *request, const char *word, struct err *err)
{
	(void)request;
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "There is nothing to do with \"%s\" here; --help lists what there is.", word);
}

/* What will stand in a field: a line break in it would begin another. */
int options_take_text(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	const char letter[] = {'-', row->letter, '\0'};

	return header_check_text(letter, view_of(value), err) < 0 ? -1 : options_take_string(request, row, value, err);
}

int options_take_flag(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)value, (void)err;
	*(bool *)((char *)request + row->offset) = true;
	return 0;
}

void options_list_add(struct request *request, struct word_list *list, const char *value)
{
	size_t count = list->count;

	if ((count & (count - 1)) == 0) { /* none, or a power of two: full */
		const char **larger = ARENA_ARRAY(request->arena, count > 0 ? 2 * count : 1, const char *);

		if (count > 0)
			memcpy(larger, list->items, count * sizeof *list->items);
		list->items = larger;
	}
	list->items[list->count++] = value;
}

int options_take_list(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)err;
	options_list_add(request, (struct word_list *)((char *)request + row->offset), value);
	return 0;
}

void options_override(struct request *request, const char *key, const char *value, const char *origin)
{
	request->overrides = arena_grow(request->arena, request->overrides, request->override_count, &request->override_capacity,
					sizeof *request->overrides);
	request->overrides[request->override_count++] = (struct conf_override){.key = key, .value = value, .origin = origin};
}

int options_take_key(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	struct view origin = row->name ? arena_printf(request->arena, "--%s", row->name) : arena_printf(request->arena, "-%c", row->letter);

	(void)err;
	options_override(request, row->key, value ? value : "yes", origin.data);
	return 0;
}
