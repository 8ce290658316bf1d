/* local: mails that wait for each other in a Maildir, each with an outcome of its own. */
#include "local_user.h"

#include <string.h>
#include "base/syncer.h"
#include "deliver/deliver.h"
#include "mail/mailbox.h"

enum { MAILS = SYNCER_FILES_MAX + 8 }; /* more than wait at a time */

struct mail {
	struct draft draft;
	struct mailbox mailbox;
	struct hop hop;
	size_t recipient;
	struct outcome outcome;
};

static struct deliver_batch *batch;
static struct syncer *syncer;
static char ann[100], bob[100];

static int set_up(void **state)
{
	static unsigned turn;

	(void)state;
	snprintf(ann, sizeof ann, "%s/ann%u", scratch_folder(), turn);
	snprintf(bob, sizeof bob, "%s/bob%u", scratch_folder(), turn++);
	syncer = syncer_new();
	batch = deliver_batch_new(syncer);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	deliver_batch_free(batch);
	syncer_free(syncer);
	scratch_remove_maildir(ann);
	scratch_remove_maildir(bob);
	return 0;
}

static void deliver(struct mail *mail, const char *path, struct deliver_batch *together)
{
	const struct deliver_options options = {.host_name = VIEW("here.example"), .now = 1000, .batch = together};
	struct recipient recipient = {.forward_path = VIEW("ann@here.example")};

	*mail = (struct mail){.mailbox = {.kind = MAILBOX_MAILDIR, .user = {.name = VIEW("ann"), .uid = geteuid()}, .path = path}};
	mail->draft.message = message_new();
	envelope_add(&mail->draft.envelope, mail->draft.message->arena, &recipient);
	mail->hop = (struct hop){.transport = TRANSPORT_LOCAL, .mailbox = &mail->mailbox, .recipients = &mail->recipient, .recipient_count = 1};
	deliver_hop(&mail->hop, &mail->draft, &options, &mail->outcome, mail->draft.message->arena);
}

static size_t count(const char *folder, const char *part)
{
	return scratch_count_files(folder, part, NULL);
}

static void alone_it_waits_for_nobody(void **state)
{
	struct mail mail;

	(void)state;
	deliver(&mail, ann, NULL);
	assert_int_equal(mail.outcome.action, OUTCOME_DELIVERED);
	assert_int_equal(mail.outcome.phase, PHASE_LOCAL);
	assert_view_is(mail.outcome.reply.text, "delivered to maildir");
	assert_int_equal(count(ann, "new"), 1);
	message_free(mail.draft.message);
}

static void those_that_wait_are_filed_together(void **state)
{
	struct mail mails[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		deliver(&mails[i], ann, batch);
		assert_int_equal(mails[i].outcome.action, OUTCOME_PENDING);
	}
	assert_int_equal(count(ann, "new"), 0);
	assert_int_equal(count(ann, "tmp"), 3);
	deliver_batch_end(batch);
	deliver_batch_end(batch);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(mails[i].outcome.action, OUTCOME_DELIVERED);
		assert_int_equal(mails[i].outcome.phase, PHASE_LOCAL);
		message_free(mails[i].draft.message);
	}
	assert_int_equal(count(ann, "new"), 3);
	assert_int_equal(count(ann, "tmp"), 0);
}

static void another_maildir_ends_the_wait(void **state)
{
	struct mail mails[3];

	(void)state;
	deliver(&mails[0], ann, batch);
	deliver(&mails[1], bob, batch);
	assert_int_equal(mails[0].outcome.action, OUTCOME_DELIVERED);
	assert_int_equal(mails[1].outcome.action, OUTCOME_PENDING);
	deliver(&mails[2], ann, batch);
	deliver_batch_end(batch);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(mails[i].outcome.action, OUTCOME_DELIVERED);
		message_free(mails[i].draft.message);
	}
	assert_int_equal(count(ann, "new"), 2);
	assert_int_equal(count(bob, "new"), 1);
}

static void more_than_may_wait_do_not(void **state)
{
	static struct mail mails[MAILS];

	(void)state;
	for (size_t i = 0; i < MAILS; i++)
		deliver(&mails[i], ann, batch);
	assert_int_equal(mails[0].outcome.action, OUTCOME_DELIVERED);
	assert_int_equal(mails[MAILS - 1].outcome.action, OUTCOME_PENDING);
	deliver_batch_end(batch);
	for (size_t i = 0; i < MAILS; i++) {
		assert_int_equal(mails[i].outcome.action, OUTCOME_DELIVERED);
		message_free(mails[i].draft.message);
	}
	assert_int_equal(count(ann, "new"), MAILS);
}

/* Somebody has taken the second one's file away. */
static void what_one_meets_is_not_the_others(void **state)
{
	struct mail mails[3];
	char path[200];
	DIR *folder;
	const struct dirent *entry;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		deliver(&mails[i], ann, batch);
	snprintf(path, sizeof path, "%s/tmp", ann);
	folder = opendir(path);
	while ((entry = readdir(folder)))
		if (strstr(entry->d_name, "Q2R"))
			assert_int_equal(unlinkat(dirfd(folder), entry->d_name, 0), 0);
	closedir(folder);
	deliver_batch_end(batch);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(mails[i].outcome.action, i == 1 ? OUTCOME_DELAYED : OUTCOME_DELIVERED);
		message_free(mails[i].draft.message);
	}
	assert_string_equal(mails[1].outcome.err.text, "Cannot file the mail: No such file or directory.");
	assert_int_equal(count(ann, "new"), 2);
}

static void what_is_given_up_leaves_nothing(void **state)
{
	struct mail mail;

	(void)state;
	deliver(&mail, ann, batch);
	deliver_batch_free(batch);
	batch = NULL;
	assert_int_equal(count(ann, "tmp"), 0);
	assert_int_equal(count(ann, "new"), 0);
	message_free(mail.draft.message);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(alone_it_waits_for_nobody), TEST(those_that_wait_are_filed_together), TEST(another_maildir_ends_the_wait),
		TEST(more_than_may_wait_do_not), TEST(what_one_meets_is_not_the_others), TEST(what_is_given_up_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, become_nobody, scratch_remove);
}
