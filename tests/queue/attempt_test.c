/* attempt: a mailbox is written by somebody else, who may die when he has written down what became of it. */
#include "unit.h"

#include <sys/socket.h>
#include "spool/folder.h"
#include "queue/attempt.h"
#include "queue/packet.h"
#include "queue/worker.h"

static const struct view domains[] = {VIEW("example.org")};
static struct local_names names = {.host_name = VIEW("here.example"), .domains = domains, .domain_count = 1};
static const struct mailbox_pattern pattern = {.kind = MAILBOX_USUAL};

static int find_anybody(void *context, struct view name, struct arena *arena, struct local_user *user, struct err *why)
{
	(void)context, (void)arena, (void)why;
	*user = (struct local_user){.name = name, .uid = 7001, .gid = 7001, .home = VIEW("/nonexistent")};
	return 1;
}

/* Takes the orders of one attempt: what bob's worker did is in the log, and nobody hears of it; nobody works for the others. */
static void be_helper(int orders)
{
	char destination[64];
	struct iovec order = {destination, sizeof destination};
	char job[4096];
	struct iovec piece = {job, sizeof job};
	int socket, file;
	ssize_t got;

	while ((got = packet_receive(orders, &order, 1, &socket)) > 0) {
		if (got == 9 && memcmp(destination, "local bob", 9) == 0 && packet_receive(socket, &piece, 1, &file) > 0) {
			struct outcome outcome = {.recipient = 1, .action = OUTCOME_DELIVERED, .phase = PHASE_LOCAL, .reply.status = STATUS(2, 0, 0)};

			if (spool_log_outcome(file, &outcome, ARRIVAL_S, &err) < 0)
				_exit(1);
		}
		close(socket);
	}
	_exit(0);
}

static void what_is_written_down_is_believed(void **state)
{
	struct conf conf = {0};
	struct local_routing routing = {.names = &names, .pattern = &pattern, .find_user = find_anybody};
	struct attempt_options options = {.conf = &conf, .host_name = VIEW("here.example")};
	struct spool_entry entry = folder_commit();
	const size_t all[] = {0, 1, 2};
	struct attempt attempt;
	int orders[2], status;
	pid_t pid;

	(void)state;
	conf.route.local = &routing;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, orders), 0);
	pid = fork();
	if (pid == 0) {
		close(orders[0]);
		be_helper(orders[1]);
	}
	close(orders[1]);
	options.helper = orders[0];
	for (int turn = 0; turn < 2; turn++) { /* as it is known, and as it is read again */
		assert_int_equal(attempt_begin(&attempt, &options, &entry, &err), 0);
		if (turn == 0)
			assert_int_equal(attempt_deliver(&attempt, all, 3, &err), 0);
		assert_int_equal(attempt.mail.outcomes[0].action, OUTCOME_DELAYED);
		assert_int_equal(attempt.mail.outcomes[1].action, OUTCOME_DELIVERED);
		assert_int_equal(attempt.mail.outcomes[2].action, OUTCOME_DELAYED);
		attempt_end(&attempt);
	}
	close(orders[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	spool_entry_close(&entry);
}

static void what_a_worker_has_said_is_heard_though_orders_were_left(void **state)
{
	struct spool_entry entry = folder_commit();
	const uint32_t numbers[] = {0};
	struct buf text;
	unsigned place;
	int pair[2];

	(void)state;
	buf_init(&text, 256 * 1024);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(worker_send(pair[0], 3, &entry, numbers, 1, &err), 0);
	assert_int_equal(send(pair[1], "O\2x", 3, 0), 3);
	assert_int_equal(send(pair[1], "D\2", 2, 0), 2);
	close(pair[1]);
	assert_int_equal(worker_receive(pair[0], &place, &text), WORKER_SAYS_OUTCOME);
	assert_int_equal(place, 2);
	assert_int_equal(worker_receive(pair[0], &place, &text), WORKER_SAYS_DONE);
	assert_int_equal(worker_receive(pair[0], &place, &text), WORKER_IS_GONE);
	close(pair[0]);
	buf_clear(&text);
	spool_entry_close(&entry);
}

static void a_flush_that_comes_before_it_is_put_off_counts(void **state)
{
	struct conf conf = {.queue.schedule = {.first_s = 300, .longest_s = 3600, .lifetime_s = 86400}};
	struct attempt_options options = {.conf = &conf};
	struct spool_entry entry = folder_commit();
	time_t due;
	char id[SPOOL_ID_SIZE];
	struct attempt attempt;
	int status;

	(void)state;
	memcpy(id, entry.id, sizeof id);
	for (int turn = 0; turn < 3; turn++) {
		assert_int_equal(attempt_begin(&attempt, &options, &entry, &err), 0);
		if (turn == 1)
			assert_true(spool_set_due(&spool, entry.id, 0));
		assert_int_equal(attempt_settle(&attempt, &spool, ARRIVAL_S, 0, &due, &status, &err), ATTEMPT_LEFT);
		if (turn == 1)
			assert_int_equal(due, 0);
		else
			assert_true(due > ARRIVAL_S);
		attempt_end(&attempt);
		spool_entry_close(&entry);
		assert_int_equal(spool_entry_open(&spool, id, &entry, &err), SPOOL_OPEN_OK);
	}
	spool_entry_close(&entry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_down_is_believed, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(a_flush_that_comes_before_it_is_put_off_counts, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(what_a_worker_has_said_is_heard_though_orders_were_left, folder_setup, folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
