/* A file of the spool of any octets, read and checked as it stands, and once more with an end line that fits, so that the
 * checksum keeps nothing from what lies behind it. What passes has to be whole. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/crc32c.h"
#include "spool/spool_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char id[] = "0HAAAAAAAAAAAAA";

static void read_message(int fd, const struct spool_mail *mail)
{
	struct message_reader *reader;
	struct draft draft;
	struct err err;
	char block[4096];
	size_t got = 1;

	spool_file_draft(fd, mail, &draft);
	reader = message_reader_new(draft.message);
	while (got > 0 && message_reader_read(reader, block, sizeof block, &got, &err) == 0)
		;
	message_reader_free(reader);
	message_free(draft.message);
}

/* What is told of recipients is told of those there are, and each outcome can be written and read again. */
static void check_outcomes(const struct spool_mail *mail, struct arena *arena)
{
	for (size_t i = 0; i < mail->envelope.recipient_count; i++) {
		struct outcome again;
		struct buf line;

		assert(mail->outcomes[i].recipient == i);
		if (mail->outcomes[i].action == OUTCOME_PENDING)
			continue;
		buf_init(&line, 1024 * 1024);
		spool_log_write_outcome(&line, &mail->outcomes[i], 0);
		assert(spool_log_read_outcome(buf_view(&line), mail->envelope.recipient_count, arena, &again));
		assert(again.action == mail->outcomes[i].action && view_equal(again.reply.text, view_first(mail->outcomes[i].reply.text, 4096)));
		buf_clear(&line);
	}
}

static void read_file(struct view octets)
{
	int fd = memfd_create("spool", MFD_CLOEXEC);
	struct arena *arena = arena_new();
	struct spool_mail mail;
	struct err err = {0};

	if (write(fd, octets.data, octets.len) != (ssize_t)octets.len)
		assert(!"no memory for a file");
	if (spool_file_read(fd, id, arena, &mail, &err) == 0) {
		assert(mail.envelope.recipient_count > 0 && mail.message_offset + mail.size_octets < octets.len);
		check_outcomes(&mail, arena);
		if (spool_file_check(fd, &mail, &err) == 0)
			read_message(fd, &mail);
	}
	assert(err.exit_code == 0 || err.exit_code == EX_DATAERR || err.exit_code == EX_UNAVAILABLE);
	arena_free(arena);
	close(fd);
}

/* The input's lines, each of the log with the checksum it lacks: what stands before a NUL is the envelope, a message of one
 * octet follows. */
static void read_mended(struct view input)
{
	struct view envelope = view_take_until(&input, '\0', NULL), line;
	struct buf file;

	buf_init(&file, 1024 * 1024);
	buf_printf(&file, "paloma-spool 1\nid: %s\n", id);
	buf_append(&file, envelope);
	buf_append_str(&file, "\nsize: 1\n\n.");
	buf_printf(&file, "end: %020d %08x", 1, (unsigned)crc32c(0, buf_view(&file)));
	while (view_take_line(&input, &line)) {
		buf_append_char(&file, '\n');
		buf_append(&file, line);
		buf_printf(&file, " sum=%08x", (unsigned)crc32c(0, line));
	}
	read_file(buf_view(&file));
	buf_clear(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_file(view_make((const char *)data, size));
	read_mended(view_make((const char *)data, size));
	return 0;
}
