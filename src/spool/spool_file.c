/* spool_file - the file of one message: its envelope and the message; the log behind is spool_log's. */
#include "spool/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/crc32c.h"
#include "base/mem.h"
#include "spool/spool_log.h"

enum {
	FORMAT_VERSION = 1,
	BLOCK_OCTETS = 64 * 1024,
	ENVELOPE_MAX = 256 * 1024 * 1024,
	LOG_MAX = 1024 * 1024 * 1024,
	MANY = 1, NEEDED = 2,		/* of a field */
	END_OCTETS = 5 + 20 + 1 + 8,	/* "end: ", the size, the checksum */
};

/* What is behind the message must have an offset, too. */
static const uint64_t MESSAGE_MAX = INT64_MAX / 2;
static const struct view format_name = VIEW("paloma-spool ");

/* Octets on their way to the file, summed up as they go. */
struct writer {
	int fd;
	uint32_t sum;
};

static int put(struct writer *writer, struct view v, struct err *err)
{
	writer->sum = crc32c(writer->sum, v);
	while (v.len > 0) {
		ssize_t written = write(writer->fd, v.data, v.len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return err_set_errno(err, EX_IOERR, errno, "Cannot write the message to the spool");
		if (written == 0)
			return err_set_errno(err, EX_IOERR, ENOSPC, "Cannot write the message to the spool");
		v = view_from(v, (size_t)written);
	}
	return 0;
}

static void put_field(struct buf *out, const char *name, struct view value)
{
	buf_printf(out, "%s: ", name);
	spool_escape(out, value);
	buf_append_char(out, '\n');
}

static void write_recipient(struct buf *out, const struct recipient *recipient)
{
	put_field(out, "to", recipient->forward_path);
	if (recipient->notify != DSN_NOTIFY_DEFAULT)
		buf_printf(out, "notify: %u\n", recipient->notify);
	if (recipient->original.len > 0)
		put_field(out, "original", recipient->original);
	if (recipient->target.len > 0)
		put_field(out, "target", recipient->target);
	if (recipient->as_user.len > 0)
		put_field(out, "as-user", recipient->as_user);
}

static void write_envelope(struct buf *out, const char *id, const struct envelope *envelope, const struct spool_origin *origin,
			   uint64_t size_octets, bool has_8bit)
{
	buf_printf(out, "%.*s%d\nid: %s\narrival: %llu\nuid: %lu\n", VIEW_ARG(format_name), FORMAT_VERSION, id,
		   (unsigned long long)origin->arrival_us, (unsigned long)origin->uid);
	put_field(out, "host", origin->host);
	if (origin->author.len > 0)
		put_field(out, "author", origin->author);
	if (envelope->user.len > 0)
		put_field(out, "user", envelope->user);
	if (origin->is_report)
		buf_append_str(out, "report: yes\n");
	put_field(out, "from", envelope->reverse_path);
	if (has_8bit)
		buf_append_str(out, "body: 8bit\n");
	if (envelope->smtputf8)
		buf_append_str(out, "smtputf8: yes\n");
	if (envelope->is_raw)
		buf_append_str(out, "raw: yes\n");
	if (envelope->is_relayed)
		buf_append_str(out, "relayed: yes\n");
	if (envelope->no_aliases)
		buf_append_str(out, "no-aliases: yes\n");
	if (envelope->dsn_return != DSN_RETURN_DEFAULT)
		buf_printf(out, "return: %s\n", envelope->dsn_return == DSN_RETURN_FULL ? "full" : "headers");
	if (envelope->envelope_id.len > 0)
		put_field(out, "envelope-id", envelope->envelope_id);
	for (size_t i = 0; i < envelope->recipient_count; i++)
		write_recipient(out, &envelope->recipients[i]);
	buf_printf(out, "size: %llu\n\n", (unsigned long long)size_octets);
}

/* A small message and its envelope leave in one write. */
static int write_all(struct writer *writer, struct buf *envelope, const struct message *message, uint64_t size_octets, struct err *err)
{
	struct message_reader *reader = message_reader_new(message);
	uint64_t octets = 0;
	size_t got = 1;
	int result = 0;

	while (result == 0 && got > 0) {
		char *room = buf_reserve(envelope, BLOCK_OCTETS);

		result = message_reader_read(reader, room, BLOCK_OCTETS, &got, err);
		if (result < 0)
			break;
		buf_commit(envelope, got);
		octets += got;
		if (got < BLOCK_OCTETS)
			break;
		result = put(writer, buf_view(envelope), err);
		buf_reset(envelope);
	}
	message_reader_free(reader);
	if (result == 0 && octets != size_octets)
		result = err_set(err, EX_SOFTWARE, STATUS(4, 3, 0), "The message has %llu octets and was said to have %llu.",
				 (unsigned long long)octets, (unsigned long long)size_octets);
	return result;
}

int spool_file_write(int fd, const char *id, const struct draft *draft, const struct spool_origin *origin, struct err *err)
{
	struct writer writer = {.fd = fd};
	uint64_t size_octets;
	bool has_8bit;
	struct buf out;
	char end[END_OCTETS + 1];
	int result;

	if (message_size(draft->message, &size_octets, err) < 0 || message_has_8bit(draft->message, &has_8bit, err) < 0)
		return -1;
	buf_init(&out, (size_t)ENVELOPE_MAX + BLOCK_OCTETS + END_OCTETS);
	write_envelope(&out, id, &draft->envelope, origin, size_octets, has_8bit);
	if (out.overflow || out.len > ENVELOPE_MAX)
		result = err_set(err, EX_DATAERR, STATUS(5, 5, 3), "There are too many recipients: their addresses take more than %d MiB.",
				 ENVELOPE_MAX >> 20);
	else
		result = write_all(&writer, &out, draft->message, size_octets, err);
	if (result == 0) {
		uint32_t sum = crc32c(writer.sum, buf_view(&out));

		snprintf(end, sizeof end, "end: %020llu %08x", (unsigned long long)size_octets, (unsigned)sum);
		buf_append_str(&out, end);
		result = put(&writer, buf_view(&out), err);
	}
	buf_clear(&out);
	return result;
}

static int fail_damaged(const char *id, const char *what, struct err *err)
{
	return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "The message %s in the spool is damaged: %s.", id, what);
}

/* Up to len octets at offset; fewer at the end of the file. */
static int read_at(int fd, const char *id, uint64_t offset, char *data, size_t len, size_t *got, struct err *err)
{
	*got = 0;
	while (*got < len) {
		ssize_t now = pread(fd, data + *got, len - *got, (off_t)(offset + *got));

		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
			return err_set_errno(err, EX_IOERR, errno, "Cannot read the message %s in the spool", id);
		if (now == 0)
			break;
		*got += (size_t)now;
	}
	return 0;
}

static bool to_number(struct view value, uint64_t *number)
{
	unsigned long long wide;

	if (!view_to_number(value, INT64_MAX, &wide))
		return false;
	*number = wide;
	return true;
}

/* The first line. A later version may have changed all that follows, so that nothing of it is judged by this one's rules. */
static int check_version(struct view text, const char *id, struct err *err)
{
	struct view line = view_first(text, view_index(text, '\n'));
	uint64_t version;

	if (line.len == text.len || !view_starts(line, format_name) || !to_number(view_from(line, format_name.len), &version))
		return fail_damaged(id, "it does not begin as a message of the spool does", err);
	if (version == 0)
		return fail_damaged(id, "its format has no number", err);
	if (version != FORMAT_VERSION)
		return err_set(err, EX_UNAVAILABLE, STATUS(4, 3, 5), "The message %s in the spool has format %llu, and this paloma knows %d only.", id,
			       (unsigned long long)version, FORMAT_VERSION);
	return 0;
}

/* Reads on until text has the empty line that ends the envelope, whose offset is *end. */
static int read_envelope(int fd, const char *id, struct buf *text, size_t *end, struct err *err)
{
	size_t got = BLOCK_OCTETS, looked = 0;

	while (got > 0) {
		size_t want = text->len > 0 ? BLOCK_OCTETS : 4096; /* most envelopes are small */
		char *room = buf_reserve(text, want);

		if (!room)
			return fail_damaged(id, "its envelope has no end", err);
		if (read_at(fd, id, text->len, room, want, &got, err) < 0)
			return -1;
		buf_commit(text, got);
		if (looked == 0 && check_version(buf_view(text), id, err) < 0)
			return -1;
		*end = looked + view_find(view_from(buf_view(text), looked), (struct view)VIEW("\n\n")) + 2;
		if (*end <= text->len)
			return 0;
		looked = text->len > 0 ? text->len - 1 : 0;
	}
	return fail_damaged(id, "its envelope is cut short", err);
}

/* A reading of the envelope under way. */
struct reading {
	struct arena *arena;
	struct spool_mail *mail;
	unsigned seen;			/* a bit for each row of envelope_fields */
};

static struct recipient *last_recipient(struct reading *reading)
{
	struct envelope *envelope = &reading->mail->envelope;

	return envelope->recipient_count > 0 ? &envelope->recipients[envelope->recipient_count - 1] : NULL;
}

static bool take_id(struct reading *reading, struct view value, size_t offset)
{
	(void)offset;
	return view_equal(value, view_of(reading->mail->id));
}

static bool take_arrival(struct reading *reading, struct view value, size_t offset)
{
	(void)offset;
	return to_number(value, &reading->mail->origin.arrival_us);
}

static bool take_uid(struct reading *reading, struct view value, size_t offset)
{
	uint64_t uid;

	(void)offset;
	if (!to_number(value, &uid))
		return false;
	reading->mail->origin.uid = (uid_t)uid;
	return true;
}

static bool take_body(struct reading *reading, struct view value, size_t offset)
{
	(void)offset;
	reading->mail->has_8bit = true;
	reading->mail->envelope.body = BODY_8BITMIME;
	return view_equal(value, (struct view)VIEW("8bit"));
}

static bool take_return(struct reading *reading, struct view value, size_t offset)
{
	bool is_full = view_equal(value, (struct view)VIEW("full"));

	(void)offset;
	reading->mail->envelope.dsn_return = is_full ? DSN_RETURN_FULL : DSN_RETURN_HEADERS;
	return is_full || view_equal(value, (struct view)VIEW("headers"));
}

/* Kept as they stand, one by one: the log counts them. */
static bool take_to(struct reading *reading, struct view value, size_t offset)
{
	struct envelope *envelope = &reading->mail->envelope;

	(void)offset;
	envelope->recipients = arena_grow(reading->arena, envelope->recipients, envelope->recipient_count, &envelope->recipient_capacity,
					  sizeof *envelope->recipients);
	envelope->recipients[envelope->recipient_count++] = (struct recipient){.forward_path = spool_unescape(value, reading->arena)};
	return true;
}

static bool take_notify(struct reading *reading, struct view value, size_t offset)
{
	struct recipient *recipient = last_recipient(reading);
	uint64_t notify;

	(void)offset;
	if (!recipient || !to_number(value, &notify) || notify > 15)
		return false;
	recipient->notify = (unsigned)notify;
	return true;
}

static bool take_recipient_text(struct reading *reading, struct view value, size_t offset)
{
	struct recipient *recipient = last_recipient(reading);

	if (recipient)
		*(struct view *)((char *)recipient + offset) = spool_unescape(value, reading->arena);
	return recipient != NULL;
}

static bool take_text(struct reading *reading, struct view value, size_t offset)
{
	*(struct view *)((char *)reading->mail + offset) = spool_unescape(value, reading->arena);
	return true;
}

/* A mark that is there or not. */
static bool take_mark(struct reading *reading, struct view value, size_t offset)
{
	*(bool *)(void *)((char *)reading->mail + offset) = true;
	return view_equal(value, (struct view)VIEW("yes"));
}

static bool take_size(struct reading *reading, struct view value, size_t offset)
{
	(void)offset;
	return to_number(value, &reading->mail->size_octets) && reading->mail->size_octets <= MESSAGE_MAX;
}

#define TEXT(name_, member, rule_) {VIEW(name_), take_text, rule_, offsetof(struct spool_mail, member)}
#define MARK(name_, member) {VIEW(name_), take_mark, 0, offsetof(struct spool_mail, member)}
#define RECIPIENT_TEXT(name_, member) {VIEW(name_), take_recipient_text, MANY, offsetof(struct recipient, member)}

static const struct {
	struct view name;
	bool (*take)(struct reading *reading, struct view value, size_t offset);
	int rule;			/* 0: once at most */
	size_t offset;			/* of what texts and marks set */
} envelope_fields[] = {
	{VIEW("to"), take_to, MANY | NEEDED, 0}, {VIEW("notify"), take_notify, MANY, 0}, RECIPIENT_TEXT("original", original),
	RECIPIENT_TEXT("target", target), RECIPIENT_TEXT("as-user", as_user),
	{VIEW("id"), take_id, NEEDED, 0}, {VIEW("arrival"), take_arrival, NEEDED, 0}, {VIEW("uid"), take_uid, NEEDED, 0},
	TEXT("host", origin.host, NEEDED), TEXT("author", origin.author, 0), TEXT("user", envelope.user, 0), MARK("report", origin.is_report),
	TEXT("from", envelope.reverse_path, NEEDED), {VIEW("body"), take_body, 0, 0}, MARK("smtputf8", envelope.smtputf8),
	MARK("raw", envelope.is_raw), MARK("relayed", envelope.is_relayed), MARK("no-aliases", envelope.no_aliases),
	{VIEW("return"), take_return, 0, 0}, TEXT("envelope-id", envelope.envelope_id, 0), {VIEW("size"), take_size, NEEDED, 0},
};

enum { FIELD_COUNT = sizeof envelope_fields / sizeof *envelope_fields };

static bool take_field(struct reading *reading, struct view line)
{
	struct view value = line, name = view_take_until(&value, ':', NULL);

	for (size_t i = 0; i < FIELD_COUNT; i++) {
		bool is_again = reading->seen >> i & 1;

		if (!view_equal(name, envelope_fields[i].name))
			continue;
		reading->seen |= 1U << i;
		return (!is_again || envelope_fields[i].rule & MANY) && envelope_fields[i].take(reading, view_trim(value), envelope_fields[i].offset);
	}
	return false;
}

static int parse_envelope(struct view text, struct reading *reading, struct err *err)
{
	const char *id = reading->mail->id;
	struct view line;

	view_take_line(&text, &line); /* the version, which has been looked at */
	while (view_take_line(&text, &line))
		if (line.len > 0 && !take_field(reading, line))
			return fail_damaged(id, "a field of its envelope makes no sense", err);
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (envelope_fields[i].rule & NEEDED && !(reading->seen >> i & 1))
			return fail_damaged(id, "its envelope lacks a field", err);
	return 0;
}

/* "end: 00000000000000004168 1c291ca3", as spool_file_write makes it and in no other way. */
static bool is_end(const char end[END_OCTETS], uint64_t size_octets, uint32_t *sum)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t rest = size_octets;

	*sum = 0;
	for (int i = 24; i >= 5; i--, rest /= 10)
		if (end[i] != digits[rest % 10])
			return false;
	for (int i = 26; i < END_OCTETS; i++) {
		const char *digit = memchr(digits, end[i], sizeof digits - 1);

		if (!digit)
			return false;
		*sum = *sum << 4 | (uint32_t)(digit - digits);
	}
	return memcmp(end, "end: ", 5) == 0 && end[25] == ' ';
}

/* The checksum that the end line tells. */
static int read_end(int fd, const struct spool_mail *mail, uint32_t *sum, struct err *err)
{
	char end[END_OCTETS];
	size_t got;

	if (read_at(fd, mail->id, mail->message_offset + mail->size_octets, end, END_OCTETS, &got, err) < 0)
		return -1;
	return got == END_OCTETS && is_end(end, mail->size_octets, sum) ? 0 : fail_damaged(mail->id, "it has no end", err);
}

static int read_log(int fd, struct arena *arena, struct spool_mail *mail, struct err *err)
{
	uint64_t offset = mail->message_offset + mail->size_octets + END_OCTETS;
	struct stat st;
	struct buf log;
	int result = 0;
	size_t got;
	char *room;

	if (fstat(fd, &st) < 0)
		return err_set_errno(err, EX_IOERR, errno, "Cannot look at the message %s in the spool", mail->id);
	if ((uint64_t)st.st_size <= offset)
		return 0;
	buf_init(&log, LOG_MAX);
	room = buf_reserve(&log, (size_t)((uint64_t)st.st_size - offset));
	if (!room)
		result = fail_damaged(mail->id, "its log is too long", err);
	else
		result = read_at(fd, mail->id, offset, room, (size_t)((uint64_t)st.st_size - offset), &got, err);
	if (result == 0)
		spool_log_read(view_make(room, got), arena, mail);
	buf_clear(&log);
	return result;
}

int spool_file_read(int fd, const char *id, struct arena *arena, struct spool_mail *mail, struct err *err)
{
	struct reading reading = {.arena = arena, .mail = mail};
	struct buf text;
	size_t end = 0;
	uint32_t sum;
	int result;

	*mail = (struct spool_mail){0};
	memcpy(mail->id, id, strlen(id) < SPOOL_ID_SIZE ? strlen(id) : SPOOL_ID_SIZE - 1);
	buf_init(&text, ENVELOPE_MAX);
	result = read_envelope(fd, id, &text, &end, err);
	if (result == 0)
		result = parse_envelope(view_first(buf_view(&text), end), &reading, err);
	buf_clear(&text);
	if (result < 0)
		return -1;
	mail->message_offset = end;
	mail->outcomes = ARENA_ARRAY(arena, mail->envelope.recipient_count, struct outcome);
	mail->reports = ARENA_ARRAY(arena, mail->envelope.recipient_count, unsigned char);
	for (size_t i = 0; i < mail->envelope.recipient_count; i++)
		mail->outcomes[i].recipient = i;
	return read_end(fd, mail, &sum, err) < 0 ? -1 : read_log(fd, arena, mail, err);
}

int spool_file_check(int fd, const struct spool_mail *mail, struct err *err)
{
	uint64_t left = mail->message_offset + mail->size_octets, offset = 0;
	char *block = mem_alloc_block(BLOCK_OCTETS);
	uint32_t wanted, sum = 0;
	size_t got = 1;
	int result = read_end(fd, mail, &wanted, err);

	while (result == 0 && left > 0 && got > 0) {
		result = read_at(fd, mail->id, offset, block, left < BLOCK_OCTETS ? (size_t)left : BLOCK_OCTETS, &got, err);
		if (result == 0)
			sum = crc32c(sum, view_make(block, got));
		offset += got;
		left -= got;
	}
	free(block);
	if (result == 0 && (left > 0 || sum != wanted))
		result = fail_damaged(mail->id, "its checksum does not fit", err);
	return result;
}

void spool_file_draft(int fd, const struct spool_mail *mail, struct draft *draft)
{
	struct blob *blob = blob_from_descriptor(fd, mail->id, mail->message_offset + mail->size_octets);

	*draft = (struct draft){.message = message_new(), .envelope = mail->envelope};
	draft->message->wire = (struct slice){message_take_blob(draft->message, blob), mail->message_offset, mail->size_octets};
	draft->message->wire_has_8bit = mail->has_8bit;
}
