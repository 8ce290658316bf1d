/* composing - what the tests of this room share: a wish, the facts around it, and the message that is made of them. */
#ifndef TESTS_COMPOSE_COMPOSING_H
#define TESTS_COMPOSE_COMPOSING_H

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>
#include "compose/composition.h"
#include "base/buf.h"

enum { WORDS_MAX = 16, ATTACHMENTS_MAX = 4 };

struct composing {
	struct composition wish;
	struct compose_options options;
	struct compose_facts facts;
	struct draft draft;
	struct compose_report report;
	struct err err;
	struct buf wire;		/* the message, with LF for CRLF */
	const char *words[WORDS_MAX];
	size_t word_count;
	struct attachment attachments[ATTACHMENTS_MAX];
	char folder[64];		/* for files; empty: not made yet */
	char path[160];
};

/* Ann at host.example writes to bob@example.net on 14 November 2023; seeded, so that every run gives the same. */
static inline void composing_init(struct composing *c)
{
	*c = (struct composing){
		.facts = {
			.now = 1700000000, .is_seeded = true, .user = VIEW("ann"), .full_name = VIEW("Ann Author"),
			.host_name = VIEW("host.example"), .locale_charset = VIEW("UTF-8"), .stdin_fd = -1,
		},
	};
	c->wish.attachments = c->attachments;
	buf_init(&c->wire, 64 << 20);
}

static inline void composing_clear(struct composing *c)
{
	message_free(c->draft.message);
	buf_clear(&c->wire);
	if (c->facts.stdin_fd >= 0)
		close(c->facts.stdin_fd);
	if (c->folder[0]) {
		char command[100];

		snprintf(command, sizeof command, "rm -r %s", c->folder);
		assert_int_equal(system(command), 0);
	}
}

/* Adds to one of the lists of the wish; calls for one list must not be mixed with those for another. */
static inline void composing_add(struct composing *c, struct word_list *list, const char *word)
{
	assert_true(c->word_count < WORDS_MAX);
	if (list->count == 0)
		list->items = &c->words[c->word_count];
	assert_ptr_equal(&list->items[list->count], &c->words[c->word_count]);
	list->items[list->count++] = word;
	c->word_count++;
}

static inline void composing_set_input(struct composing *c, const char *data, size_t len)
{
	if (c->facts.stdin_fd >= 0)
		close(c->facts.stdin_fd);
	c->facts.stdin_fd = memfd_create("input", MFD_CLOEXEC);
	assert_int_equal(write(c->facts.stdin_fd, data, len), len);
	assert_int_equal(lseek(c->facts.stdin_fd, 0, SEEK_SET), 0);
}

#define COMPOSING_INPUT(c, literal) composing_set_input((c), (literal), sizeof(literal) - 1)

/* The path of a file below the folder of this test; good until the next call. */
static inline const char *composing_path(struct composing *c, const char *name)
{
	if (!c->folder[0]) {
		snprintf(c->folder, sizeof c->folder, "/tmp/paloma-compose-XXXXXX");
		assert_non_null(mkdtemp(c->folder));
	}
	snprintf(c->path, sizeof c->path, "%s/%s", c->folder, name);
	return c->path;
}

static inline const char *composing_file(struct composing *c, const char *name, const char *data, size_t len)
{
	const char *path = composing_path(c, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
	return path;
}

static inline struct attachment *composing_attach(struct composing *c, const char *path)
{
	struct attachment *attachment = &c->attachments[c->wish.attachment_count++];

	assert_true(c->wish.attachment_count <= ATTACHMENTS_MAX);
	attachment->path = path;
	return attachment;
}

/* A file of the folder with one content, attached. */
#define COMPOSING_ATTACH(c, name, literal) composing_attach((c), composing_file((c), (name), (literal), sizeof(literal) - 1))

static inline int composing_run(struct composing *c)
{
	message_free(c->draft.message);
	c->draft.message = NULL;
	c->err = (struct err){0};
	return compose_draft(&c->wish, &c->options, &c->facts, &c->draft, &c->report, &c->err);
}

/* The message as octets, with LF at the ends of lines. */
static inline const char *message_text(const struct message *message, struct buf *wire)
{
	struct message_reader *reader = message_reader_new(message);
	struct err err = {0};
	size_t got = 1, len = 0;

	buf_reset(wire);
	while (got > 0) {
		assert_int_equal(message_reader_read(reader, buf_reserve(wire, 65536), 65536, &got, &err), 0);
		buf_commit(wire, got);
	}
	message_reader_free(reader);
	for (size_t i = 0; i < wire->len; i++)
		if (wire->data[i] != '\r' || i + 1 == wire->len || wire->data[i + 1] != '\n')
			wire->data[len++] = wire->data[i];
	buf_truncate(wire, len);
	buf_append_char(wire, '\0');
	return wire->data;
}

/* Composes, which must succeed, and gives the message; good until the next call. */
static inline const char *composing_text(struct composing *c)
{
	if (composing_run(c) < 0)
		fail_msg("not composed: %s", c->err.text);
	return message_text(c->draft.message, &c->wire);
}

static inline void assert_has(const char *text, const char *piece)
{
	if (!strstr(text, piece))
		fail_msg("\"%s\" is not in: %s", piece, text);
}

static inline void assert_has_not(const char *text, const char *piece)
{
	if (strstr(text, piece))
		fail_msg("\"%s\" is in: %s", piece, text);
}

/* Composes, which must fail, with this exit code and these words in the sentence; nothing is left of the draft. */
static inline void assert_refused(struct composing *c, int exit_code, const char *words)
{
	if (composing_run(c) == 0)
		fail_msg("composed, where \"%s\" was to be said: %s", words, message_text(c->draft.message, &c->wire));
	assert_has(c->err.text, words);
	assert_int_equal(c->err.exit_code, exit_code);
	assert_null(c->draft.message);
}

static inline void assert_warned(const struct composing *c, const char *words)
{
	for (size_t i = 0; i < c->report.warning_count; i++)
		if (view_find(c->report.warnings[i], view_of(words)) < c->report.warnings[i].len)
			return;
	fail_msg("no warning has \"%s\"", words);
}

static inline void assert_recipients(const struct composing *c, const char *expected)
{
	const struct envelope *envelope = &c->draft.envelope;
	struct buf all;

	buf_init(&all, 65536);
	for (size_t i = 0; i < envelope->recipient_count; i++)
		buf_printf(&all, "%s%.*s", i ? " " : "", VIEW_ARG(envelope->recipients[i].forward_path));
	assert_view_is(buf_view(&all), expected);
	buf_clear(&all);
}

#endif
