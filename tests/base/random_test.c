/* random: all of it is filled, however the kernel portions it out, and without it nothing goes on. */
#include "child.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include "base/random.h"

static void two_fillings_differ(void **state)
{
	static const char zeros[32];
	char a[32] = {0}, b[32] = {0};

	(void)state;
	random_fill(a, sizeof a);
	random_fill(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	assert_memory_not_equal(a, zeros, sizeof a);
	random_fill(a, 0);
}

static void only_what_was_asked_for_is_filled(void **state)
{
	char data[64] = {0};

	(void)state;
	for (size_t len = 0; len < 32; len++) {
		random_fill(data + 16, len);
		for (size_t i = 0; i < 16; i++)
			assert_int_equal(data[i] | data[16 + len + i], 0);
	}
}

/* The kernel gives at most 32 MiB - 1 at once. */
static void more_than_one_portion(void **state)
{
	enum { SIZE = (32 << 20) + 64 };
	static const char zeros[32];
	char *data = calloc(1, SIZE);

	(void)state;
	assert_non_null(data);
	random_fill(data, SIZE);
	assert_memory_not_equal(data + SIZE - 32, zeros, 32);
	free(data);
}

/* A kernel that knows no getrandom. */
static void fill_without_a_source(void *context)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};
	char data[8];

	(void)context;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		_exit(100);
	random_fill(data, sizeof data);
}

static void without_a_source_the_process_ends(void **state)
{
	char text[200];
	int status = child_status(fill_without_a_source, NULL, text, sizeof text);

	(void)state;
	if (status == 100)
		skip(); /* no seccomp here */
	assert_int_equal(status, EX_TEMPFAIL);
	assert_string_equal(text, "paloma: The kernel gives no random numbers.\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_fillings_differ), cmocka_unit_test(only_what_was_asked_for_is_filled),
		cmocka_unit_test(more_than_one_portion), cmocka_unit_test(without_a_source_the_process_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
