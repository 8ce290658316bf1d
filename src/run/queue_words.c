/* queue_words - what is to be done with the queue as words for the service, and back. */
#include "run/queue_words.h"

#include <stddef.h>
#include <stdio.h>
#include <sysexits.h>

enum kind { TEXT, FLAG, NUMBER };

/* NAME or NAME=VALUE, and the member of the request. */
static const struct row {
	struct view name;
	enum kind kind;
	size_t offset;
} rows[] = {
	{VIEW("recipient"), TEXT, offsetof(struct request, queue.recipient)},
	{VIEW("sender"), TEXT, offsetof(struct request, queue.sender)},
	{VIEW("id-part"), TEXT, offsetof(struct request, queue.id_part)},
	{VIEW("inverted"), FLAG, offsetof(struct request, queue.is_inverted)},
	{VIEW("waits"), FLAG, offsetof(struct request, queue.waits)},
	{VIEW("count"), FLAG, offsetof(struct request, queue.count_only)},
	{VIEW("terminal"), FLAG, offsetof(struct request, queue.for_terminal)},
	{VIEW("destination"), TEXT, offsetof(struct request, queue.destination)},
	{VIEW("all"), FLAG, offsetof(struct request, queue.all)},
	{VIEW("first"), FLAG, offsetof(struct request, queue.first_attempt)},
	{VIEW("timeout"), NUMBER, offsetof(struct request, queue.timeout_s)},
	{VIEW("sendmail"), FLAG, offsetof(struct request, is_sendmail)},
};

static const struct view actions[] = {
	[QUEUE_LIST] = VIEW("list"), [QUEUE_SHOW] = VIEW("show"), [QUEUE_WAIT] = VIEW("wait"), [QUEUE_FLUSH] = VIEW("flush"),
	[QUEUE_HOLD] = VIEW("hold"), [QUEUE_RELEASE] = VIEW("release"), [QUEUE_REMOVE] = VIEW("remove"), [QUEUE_REQUEUE] = VIEW("requeue"),
};

static const struct view forms[] = {[OUTPUT_PLAIN] = VIEW("plain"), [OUTPUT_JSON] = VIEW("json"), [OUTPUT_QUIET] = VIEW("quiet")};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* "queue", the action and the form of the answer, then what is needed of the rows, then the ids. */
enum { FIXED_WORDS = 3 };

static char *copy(struct arena *arena, struct view v)
{
	char *word = ARENA_ARRAY(arena, v.len + 1, char);

	if (v.len > 0)
		memcpy(word, v.data, v.len);
	return word;
}

static char *make_word(const struct row *row, const char *member, struct arena *arena)
{
	const char *text = row->kind == TEXT ? *(const char *const *)(const void *)member : NULL;

	if (text)
		return copy(arena, arena_printf(arena, "%.*s=%s", VIEW_ARG(row->name), text));
	if (row->kind == FLAG && *(const bool *)member)
		return copy(arena, row->name);
	if (row->kind == NUMBER && *(const uint64_t *)(const void *)member > 0)
		return copy(arena, arena_printf(arena, "%.*s=%llu", VIEW_ARG(row->name), (unsigned long long)*(const uint64_t *)(const void *)member));
	return NULL;
}

char **queue_words_make(const struct request *request, struct arena *arena, int *argc)
{
	char **argv = ARENA_ARRAY(arena, FIXED_WORDS + COUNT(rows) + request->queue.ids.count + 1, char *), *word;
	int count = 0;

	argv[count++] = copy(arena, view_of("queue"));
	argv[count++] = copy(arena, actions[request->queue.action]);
	argv[count++] = copy(arena, forms[request->output]);
	for (size_t i = 0; i < COUNT(rows); i++)
		if ((word = make_word(&rows[i], (const char *)request + rows[i].offset, arena)))
			argv[count++] = word;
	for (size_t i = 0; i < request->queue.ids.count; i++)
		argv[count++] = copy(arena, arena_printf(arena, "id=%s", request->queue.ids.items[i]));
	*argc = count;
	return argv;
}

static bool take_row(struct request *request, struct view word)
{
	struct view value = word, name = view_take_until(&value, '=', NULL);

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *member = (char *)request + rows[i].offset;
		unsigned long long number = 0;

		if (!view_equal(name, rows[i].name))
			continue;
		if (rows[i].kind == TEXT)
			*(const char **)(void *)member = value.data; /* up to the end of the word */
		else if (rows[i].kind == FLAG)
			*(bool *)member = true;
		else if (view_to_number(value, 1ULL << 40, &number))
			*(uint64_t *)(void *)member = number;
		return name.len < word.len || rows[i].kind == FLAG;
	}
	return false;
}

static bool find(const struct view *words, size_t count, const char *word, unsigned *at)
{
	for (*at = 0; *at < count; ++*at)
		if (view_equal(words[*at], view_of(word)))
			return true;
	return false;
}

int queue_words_parse(int argc, char **argv, struct request *request, struct err *err)
{
	static const struct view id = VIEW("id=");
	unsigned action, form;

	if (argc < FIXED_WORDS || strcmp(argv[0], "queue") != 0 || !find(actions, COUNT(actions), argv[1], &action) ||
	    !find(forms, COUNT(forms), argv[2], &form))
		return err_set(err, EX_PROTOCOL, STATUS(5, 5, 4), "The service does not know what it is asked to do.");
	request->queue.action = (enum queue_action)action;
	request->output = (enum output_form)form;
	request->queue.ids.items = ARENA_ARRAY(request->arena, (size_t)argc, const char *);
	for (int i = FIXED_WORDS; i < argc; i++) {
		if (view_starts(view_of(argv[i]), id))
			request->queue.ids.items[request->queue.ids.count++] = argv[i] + id.len;
		else if (!take_row(request, view_of(argv[i])))
			return err_set(err, EX_PROTOCOL, STATUS(5, 5, 4), "The service does not understand \"%s\".", argv[i]);
	}
	return 0;
}
