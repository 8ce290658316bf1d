/* mailbox - where the mail of a user of this host is put, and the pattern that the configuration has for it. */
#include "mail/mailbox.h"

#include <stdint.h>
#include <sysexits.h>
#include "base/buf.h"

#define SYSTEM_FOLDER "/var/mail"

static int check_word(struct view word, struct err *err)
{
	for (size_t i = 0; i < word.len; i++)
		if (word.data[i] == '%' && (++i == word.len || !strchr("uhde%", word.data[i])))
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "mailbox has %.*s, where %%u, %%h, %%d, %%e or %%%% is known.",
				       VIEW_ARG(view_first(view_from(word, i - 1), 2)));
	return 0;
}

/* Words by spaces; no shell, so that nothing in a mail is read by one. */
static int take_words(struct view text, struct arena *arena, struct mailbox_pattern *pattern, struct err *err)
{
	size_t capacity = 0;
	struct view *words = NULL;

	while ((text = view_trim(text)).len > 0) {
		struct view word = pattern->kind == MAILBOX_PIPE ? view_take_until(&text, ' ', NULL) : view_take_until(&text, '\0', NULL);

		if (check_word(word, err) < 0)
			return -1;
		words = arena_grow(arena, words, pattern->word_count, &capacity, sizeof *words);
		words[pattern->word_count++] = word;
	}
	pattern->words = words;
	return 0;
}

int mailbox_parse_pattern(struct view text, struct arena *arena, struct mailbox_pattern *pattern, struct err *err)
{
	static const struct {
		struct view prefix;
		enum mailbox_kind kind;
	} kinds[] = {{VIEW("maildir:"), MAILBOX_MAILDIR}, {VIEW("mbox:"), MAILBOX_MBOX}, {VIEW("pipe:"), MAILBOX_PIPE}};

	*pattern = (struct mailbox_pattern){.kind = MAILBOX_USUAL};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct view rest = view_from(text, kinds[i].prefix.len);

		if (!view_starts_nocase(text, kinds[i].prefix))
			continue;
		pattern->kind = kinds[i].kind;
		if (take_words(rest, arena, pattern, err) < 0)
			return -1;
		if (pattern->word_count > 0 && (pattern->words[0].data[0] == '/' || view_starts(pattern->words[0], (struct view)VIEW("%h/"))))
			return 0;
		break;
	}
	return err_set(err, EX_CONFIG, STATUS(5, 3, 5),
		       "mailbox is maildir:PATH, mbox:PATH, pipe:PROGRAM ARGUMENTS or lmtp:unix:PATH, with a path from / or %%h/ on, not \"%.*s\".",
		       VIEW_ARG(text));
}

/* No way up, to another folder, or to what an option could be. */
static void put_strange(struct buf *out, struct view value, bool is_at_start)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];
		bool is_leading = i == 0 && (c == '.' || (c == '-' && is_at_start));

		buf_append_char(out, c == '/' || (unsigned char)c < ' ' || c == 0x7f || is_leading ? '_' : c);
	}
}

struct values {
	const struct local_user *user;
	struct view extension, domain;
};

static const char *expand_word(struct view word, const struct values *values, struct arena *arena)
{
	const char *result;
	struct buf out;

	buf_init(&out, SIZE_MAX / 2); /* too long a path is refused by who opens it, not cut */
	for (size_t i = 0; i < word.len; i++) {
		if (word.data[i] != '%') {
			buf_append_char(&out, word.data[i]);
			continue;
		}
		switch (word.data[++i]) {
		case 'u':
			buf_append(&out, values->user->name);
			break;
		case 'h':
			buf_append(&out, values->user->home);
			break;
		case 'd':
			put_strange(&out, values->domain, out.len == 0);
			break;
		case 'e':
			put_strange(&out, values->extension, out.len == 0);
			break;
		default:
			buf_append_char(&out, '%');
		}
	}
	result = arena_str(arena, buf_view(&out));
	buf_clear(&out);
	return result;
}

static const char *system_mbox(const struct local_user *user, struct arena *arena)
{
	return arena_printf(arena, SYSTEM_FOLDER "/%.*s", VIEW_ARG(user->name)).data;
}

void mailbox_expand(const struct mailbox_pattern *pattern, const struct local_user *user, struct view extension, struct view domain,
		    struct arena *arena, struct mailbox *mailbox)
{
	const struct values values = {user, extension, domain};
	bool is_elsewhere = pattern->kind != MAILBOX_MBOX || view_find(pattern->words[0], (struct view)VIEW("%h")) < pattern->words[0].len;
	const char **argv;

	*mailbox = (struct mailbox){.kind = user->uid == 0 ? MAILBOX_MBOX : pattern->kind, .user = *user, .extension = extension};
	if (user->uid == 0 && is_elsewhere) {
		mailbox->mbox_path = system_mbox(user, arena);
		return;
	}
	switch (mailbox->kind) {
	case MAILBOX_USUAL:
		mailbox->path = arena_printf(arena, "%.*s/Maildir", VIEW_ARG(user->home)).data;
		mailbox->mbox_path = system_mbox(user, arena);
		break;
	case MAILBOX_MAILDIR:
		mailbox->path = expand_word(pattern->words[0], &values, arena);
		break;
	case MAILBOX_MBOX:
		mailbox->mbox_path = expand_word(pattern->words[0], &values, arena);
		break;
	case MAILBOX_PIPE:
		argv = ARENA_ARRAY(arena, pattern->word_count + 1, const char *);
		for (size_t i = 0; i < pattern->word_count; i++)
			argv[i] = expand_word(pattern->words[i], &values, arena);
		mailbox->argv = argv;
		break;
	}
}

struct view mailbox_find_folder(const struct mailbox_pattern *pattern, const struct local_user *user, struct arena *arena)
{
	const struct values values = {.user = user};
	struct view word;
	size_t end = 0;

	if (pattern->kind == MAILBOX_USUAL || pattern->kind == MAILBOX_PIPE)
		return (struct view){0};
	word = pattern->words[0];
	while (end < word.len && !(word.data[end] == '%' && (word.data[end + 1] == 'd' || word.data[end + 1] == 'e')))
		end += word.data[end] == '%' ? 2 : 1;
	if (end < word.len || pattern->kind == MAILBOX_MBOX)
		end = view_last_index(view_first(word, end), '/');
	return end > 0 ? view_of(expand_word(view_first(word, end), &values, arena)) : (struct view)VIEW("/");
}

/* One word; a quotation mark of either kind takes what stands up to the next one as it is. */
static const char *take_word(struct view *command, struct arena *arena)
{
	char *word = ARENA_ARRAY(arena, command->len + 1, char), quote = '\0';
	size_t len = 0, at = 0;

	for (; at < command->len && (quote || command->data[at] != ' '); at++) {
		char c = command->data[at];

		if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? '\0' : c;
		else
			word[len++] = c;
	}
	*command = view_from(*command, at);
	return word;
}

static const char *const *words_of_command(struct view command, struct arena *arena)
{
	const char **argv = ARENA_ARRAY(arena, command.len + 1, const char *);
	size_t count = 0;

	while ((command = view_trim(command)).len > 0)
		argv[count++] = take_word(&command, arena);
	return argv;
}

void mailbox_of_target(struct view target, const struct local_user *user, struct arena *arena, struct mailbox *mailbox)
{
	*mailbox = (struct mailbox){.user = *user, .is_target = true};
	if (target.data[0] == '|') {
		mailbox->kind = MAILBOX_PIPE;
		mailbox->argv = words_of_command(view_trim(view_from(target, 1)), arena);
	} else if (target.data[target.len - 1] == '/') {
		mailbox->kind = MAILBOX_MAILDIR;
		mailbox->path = arena_str(arena, target);
	} else {
		mailbox->kind = MAILBOX_MBOX;
		mailbox->mbox_path = arena_str(arena, target);
	}
}

struct view mailbox_describe(const struct mailbox *mailbox, struct arena *arena)
{
	struct view text;

	switch (mailbox->kind) {
	case MAILBOX_USUAL:
		return arena_printf(arena, "Maildir %s where there is one, else mbox %s", mailbox->path, mailbox->mbox_path);
	case MAILBOX_MAILDIR:
		return arena_printf(arena, "Maildir %s", mailbox->path);
	case MAILBOX_MBOX:
		return arena_printf(arena, "mbox %s", mailbox->mbox_path);
	case MAILBOX_PIPE:
		break;
	}
	text = arena_printf(arena, "program %s", mailbox->argv[0]);
	for (size_t i = 1; mailbox->argv[i]; i++)
		text = arena_printf(arena, "%.*s %s", VIEW_ARG(text), mailbox->argv[i]);
	return text;
}
