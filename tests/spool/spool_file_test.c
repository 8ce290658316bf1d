/* spool_file: a message comes back octet by octet; one that is cut or altered is never taken for whole. */
#include "unit.h"

#include "one_file.h"

#include <sys/resource.h>
#include <sysexits.h>

static const char id[] = "0HAAAAAAAAAAAAA";
static const struct view small = VIEW("Subject: a few words\r\n\r\nend: 00000000000000000000 00000000\r\n.\r\n\r\nlast\r\n");

static void write_draft(const struct draft *draft)
{
	struct spool_origin origin = folder_origin();

	assert_int_equal(ftruncate(fd, 0), 0);
	if (spool_file_write(fd, id, draft, &origin, &err) < 0)
		fail_msg("%s", err.text);
}

static void write_octets(struct view octets)
{
	struct draft draft = folder_draft(octets);

	write_draft(&draft);
	message_free(draft.message);
}

static void expect_octets(const struct spool_mail *mail, struct view octets)
{
	struct message_reader *reader;
	struct draft draft;
	char *data = malloc(octets.len + 1);
	size_t got, len = 0;

	assert_int_equal(mail->size_octets, octets.len);
	spool_file_draft(fd, mail, &draft);
	reader = message_reader_new(draft.message);
	do {
		assert_int_equal(message_reader_read(reader, data + len, octets.len + 1 - len, &got, &err), 0);
		len += got;
	} while (got > 0 && len <= octets.len);
	assert_view_equal(view_make(data, len), octets);
	message_reader_free(reader);
	message_free(draft.message);
	free(data);
}

static void message_of_any_size_comes_back(void **state)
{
	static const size_t sizes[] = {0, 2, 3, 4095, 4096, 65000, 65535, 65536, 65537, 131071, 131072, 131073, 1000000};
	char *octets = malloc(1000000);
	struct spool_mail mail;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		for (size_t k = 0; k < sizes[i]; k++)
			octets[k] = (char)((k * 2654435761U >> 24) | 0x20); /* no line ends but the last, which it has to have */
		if (sizes[i] > 0)
			memcpy(octets + sizes[i] - 2, "\r\n", 2);
		write_octets(view_make(octets, sizes[i]));
		assert_int_equal(spool_file_read(fd, id, arena, &mail, &err), 0);
		assert_int_equal(spool_file_check(fd, &mail, &err), 0);
		expect_octets(&mail, view_make(octets, sizes[i]));
	}
	free(octets);
}

/* A log that grows while a draft is read changes no octet of it. */
static void message_is_not_its_log(void **state)
{
	struct spool_mail mail;

	(void)state;
	write_octets(small);
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(spool_log_attempt(fd, i, ARRIVAL_S, ARRIVAL_S + 1, &err), 0);
		assert_int_equal(spool_file_read(fd, id, arena, &mail, &err), 0);
		assert_int_equal(mail.attempts, i);
		assert_int_equal(spool_file_check(fd, &mail, &err), 0);
		expect_octets(&mail, small);
	}
}

static size_t resident_kib(void)
{
	unsigned long total, resident;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
	fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static size_t peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (size_t)usage.ru_maxrss;
}

/* An attachment of 75 MiB that is a hole: 100 MiB and more as base64. */
static void message_of_100_mib_takes_no_memory(void **state)
{
	enum { HOLE = 75 * 1024 * 1024, ROOM_KIB = 8 * 1024 };
	struct draft draft = folder_draft(small);
	struct mime_part part = {.encoding = MIME_BASE64};
	struct message_reader *reader;
	char path[64], block[65536];
	struct spool_mail mail;
	size_t before, got;
	uint64_t octets = 0;

	(void)state;
	strcpy(path, folder_file("hole"));
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(truncate(path, HOLE), 0);
	draft.message->wire = (struct slice){0};
	draft.message->root = &part;
	part.content = slice_all(message_take_blob(draft.message, blob_open_file(path, 0, &err)));
	before = resident_kib() > peak_kib() ? resident_kib() : peak_kib();
	write_draft(&draft);
	message_free(draft.message);
	assert_int_equal(spool_file_read(fd, id, arena, &mail, &err), 0);
	assert_true(mail.size_octets > 100 * 1024 * 1024);
	assert_int_equal(spool_file_check(fd, &mail, &err), 0);
	spool_file_draft(fd, &mail, &draft);
	reader = message_reader_new(draft.message);
	do {
		assert_int_equal(message_reader_read(reader, block, sizeof block, &got, &err), 0);
		octets += got;
	} while (got > 0);
	assert_int_equal(octets, mail.size_octets);
	message_reader_free(reader);
	message_free(draft.message);
	assert_in_range(peak_kib(), 0, before + ROOM_KIB);
}

/* The whole file, to be cut and altered. */
static struct view read_whole(char *data, size_t size)
{
	ssize_t got = pread(fd, data, size, 0);

	assert_in_range(got, 1, size - 1);
	return view_make(data, (size_t)got);
}

/* With the log of a message that has been tried. */
static struct view write_tried(char *data, size_t size, size_t *end)
{
	struct outcome outcome = {.recipient = 1, .action = OUTCOME_RELAYED, .reply = {.code = 250, .text = VIEW("ok")}};

	write_octets(small);
	*end = read_whole(data, size).len;
	assert_int_equal(spool_log_outcome(fd, &outcome, ARRIVAL_S, &err), 0);
	assert_int_equal(spool_log_attempt(fd, 1, ARRIVAL_S, ARRIVAL_S + 300, &err), 0);
	return read_whole(data, size);
}

static void put_in_place(struct view octets)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(write(fd, octets.data, octets.len), octets.len);
}

static void cut_message_is_damaged(void **state)
{
	struct spool_mail mail;
	char data[4096];
	size_t end;
	struct view whole = write_tried(data, sizeof data, &end);

	(void)state;
	for (size_t len = 0; len <= whole.len; len++) {
		int result;

		err = (struct err){0};
		put_in_place(view_first(whole, len));
		result = spool_file_read(fd, id, arena, &mail, &err);
		assert_int_equal(result, len < end ? -1 : 0);
		assert_int_equal(err.exit_code, len < end ? EX_DATAERR : 0);
		if (len < end)
			continue;
		/* what a crash has left of the log is its whole lines */
		assert_int_equal(spool_file_check(fd, &mail, &err), 0);
		expect_octets(&mail, small);
		assert_int_equal(mail.outcomes[0].action, OUTCOME_PENDING);
		assert_true(mail.attempts == 0 || mail.outcomes[1].action == OUTCOME_RELAYED);
		assert_int_equal(mail.attempts, len == whole.len);
	}
}

/* A power cut may leave the length but not the octets. */
static void zeroed_message_is_damaged(void **state)
{
	struct spool_mail mail;
	char data[4096];
	size_t end;
	struct view whole = write_tried(data, sizeof data, &end);

	(void)state;
	for (size_t len = 0; len < end; len++) {
		err = (struct err){0};
		put_in_place(view_first(whole, len));
		assert_int_equal(ftruncate(fd, (off_t)whole.len), 0);
		if (spool_file_read(fd, id, arena, &mail, &err) == 0)
			assert_int_equal(spool_file_check(fd, &mail, &err), -1);
		assert_int_equal(err.exit_code, EX_DATAERR);
	}
}

static void flipped_octet_is_noticed(void **state)
{
	struct spool_mail mail;
	char data[4096];
	struct view whole;

	(void)state;
	write_octets(small);
	whole = read_whole(data, sizeof data);
	for (size_t at = 0; at < whole.len; at++)
		for (int bit = 0; bit < 8; bit++) {
			err = (struct err){0};
			data[at] ^= (char)(1 << bit);
			put_in_place(whole);
			data[at] ^= (char)(1 << bit);
			if (spool_file_read(fd, id, arena, &mail, &err) == 0 && spool_file_check(fd, &mail, &err) == 0)
				fail_msg("octet %zu, bit %d", at, bit);
			assert_true(err.exit_code == EX_DATAERR || err.exit_code == EX_UNAVAILABLE); /* another version, as it seems */
		}
}

static void odd_checksum_is_no_checksum(void **state)
{
	struct spool_mail mail;
	char data[4096];
	struct view whole;

	(void)state;
	/* what strtoul takes for the same number: a mail whose checksum begins with 0 is found soon */
	for (unsigned i = 0;; i++) {
		char octets[32];

		snprintf(octets, sizeof octets, "X: %u\r\n\r\n", i);
		write_octets(view_of(octets));
		whole = read_whole(data, sizeof data);
		if (data[whole.len - 8] == '0' && data[whole.len - 7] >= 'a')
			break;
	}
	for (const char *c = " +-\t0"; *c; c++) {
		data[whole.len - 8] = *c;
		put_in_place(whole);
		assert_int_equal(spool_file_read(fd, id, arena, &mail, &err), *c == '0' ? 0 : -1);
	}
	data[whole.len - 7] -= 'a' - 'A';
	put_in_place(whole);
	assert_int_equal(spool_file_read(fd, id, arena, &mail, &err), -1);
}

static void message_of_another_id_is_damaged(void **state)
{
	struct spool_mail mail;

	(void)state;
	write_octets(small);
	assert_int_equal(spool_file_read(fd, "0HAAAAAAAAAAAAB", arena, &mail, &err), -1);
	assert_int_equal(err.exit_code, EX_DATAERR);
}

static void writing_that_fails_says_so(void **state)
{
	struct draft draft = folder_draft(small);
	struct spool_origin origin = folder_origin();
	char path[64];
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), unwritable;

	(void)state;
	assert_int_equal(spool_file_write(full, id, &draft, &origin, &err), -1);
	assert_int_equal(err.exit_code, EX_TEMPFAIL);
	close(full);
	unwritable = open(folder_file("file"), O_RDONLY);
	assert_int_equal(spool_file_write(unwritable, id, &draft, &origin, &err), -1);
	assert_int_equal(err.exit_code, EX_IOERR);
	close(unwritable);
	/* a file that is attached and shrinks meanwhile */
	strcpy(path, folder_file("attached"));
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(truncate(path, 100000), 0);
	draft.message->wire = slice_all(message_take_blob(draft.message, blob_open_file(path, 0, &err)));
	assert_int_equal(truncate(path, 50), 0);
	assert_int_equal(spool_file_write(fd, id, &draft, &origin, &err), -1);
	assert_int_equal(err.exit_code, EX_DATAERR);
	message_free(draft.message);
}

static void reading_what_cannot_be_read_says_so(void **state)
{
	struct spool_mail mail;
	int unreadable = open(folder_file("file"), O_WRONLY);

	(void)state;
	write_octets(small);
	assert_int_equal(spool_file_read(unreadable, id, arena, &mail, &err), -1);
	assert_int_equal(err.exit_code, EX_IOERR); /* no damage: it is not set aside for it */
	close(unreadable);
}

int main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, one_file_setup, one_file_teardown)
	const struct CMUnitTest tests[] = {
		WITH_FILE(message_of_any_size_comes_back),
		WITH_FILE(message_is_not_its_log),
		WITH_FILE(message_of_100_mib_takes_no_memory),
		WITH_FILE(cut_message_is_damaged),
		WITH_FILE(zeroed_message_is_damaged),
		WITH_FILE(flipped_octet_is_noticed),
		WITH_FILE(odd_checksum_is_no_checksum),
		WITH_FILE(message_of_another_id_is_damaged),
		WITH_FILE(writing_that_fails_says_so),
		WITH_FILE(reading_what_cannot_be_read_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
