/* sandbox_filter - the system calls that a confined process is denied, and the one file that includes libseccomp.
 *
 * A list of what is denied, not of what is allowed: the libraries that work behind the wall are not ours, and one that
 * asks for something new must not cost a mail. EPERM, not death, for the same reason. */
#include "base/sandbox_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#ifdef HAVE_SECCOMP
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/library.h"
#include "base/mem.h"

#define SECCOMP_FUNCTIONS(F) F(seccomp_init) F(seccomp_release) F(seccomp_attr_set) F(seccomp_rule_add_array) \
	F(seccomp_syscall_resolve_name) F(seccomp_export_bpf)
#define COUNT(array) (sizeof(array) / sizeof *(array))

LIBRARY(libseccomp, SONAME_SECCOMP, "recommended", "seccomp", "The filter of system calls", SECCOMP_FUNCTIONS)

static const char *const denied[] = {
	/* other programs and processes */
	"execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise",
	"process_mrelease", "kcmp", "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open",
	"pidfd_getfd", "pidfd_send_signal", "setpriority", "ioprio_set", "sched_setaffinity", "sched_setattr",
	"sched_setparam", "sched_setscheduler", "migrate_pages", "move_pages", "setns", "unshare", "personality",
	/* other users */
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capset",
	/* files other than by a descriptor that is open for writing */
	"creat", "openat2", "open_by_handle_at", "truncate", "ftruncate", "truncate64", "ftruncate64", "fallocate", "unlink",
	"unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "mkdir", "mkdirat", "rmdir",
	"mknod", "mknodat", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "chown32",
	"fchown32", "lchown32", "utime", "utimes", "utimensat", "futimesat", "utimensat_time64", "setxattr", "lsetxattr",
	"fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr", "removexattrat", "file_setattr", "flock",
	/* ways round O_APPEND, and copies of a descriptor that is watched by its number */
	"dup", "dup2", "dup3", "socketpair", "listen", "accept", "accept4", "pwritev2", "io_setup", "io_submit",
	"io_uring_setup", "io_uring_enter", "io_uring_register",
	/* the machine */
	"mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount",
	"open_tree", "open_tree_attr", "mount_setattr", "quotactl", "quotactl_fd", "swapon", "swapoff", "acct",
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "bpf", "perf_event_open",
	"userfaultfd", "keyctl", "add_key", "request_key", "fanotify_init", "lookup_dcookie", "nfsservctl", "uselib",
	"settimeofday", "stime", "clock_settime", "clock_settime64", "adjtimex", "clock_adjtime", "clock_adjtime64",
	"sethostname", "setdomainname", "syslog", "iopl", "ioperm", "modify_ldt", "vhangup", "lsm_set_self_attr",
};

/* What one that stores is allowed all the same: it locks, marks and takes back the files that it has made. */
static const char *const needed_to_store[] = {"flock", "fchmod", "ftruncate", "ftruncate64", "unlink", "unlinkat"};

/* What one that files is allowed: what a Maildir and an mbox with its locks are made with, and a group that the process has
 * already. */
static const char *const needed_to_file[] = {
	"fchmod", "ftruncate", "ftruncate64", "fallocate", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "mkdir", "mkdirat",
	"setresgid", "setresgid32",
};

/* What else it is denied: anybody, and changes of the file that it may append to only. */
static const char *const denied_to_file[] = {"socket", "connect", "bind"};
static const char *const denied_with_log[] = {"fchmod", "ftruncate", "ftruncate64", "fallocate"};

/* Newer than the library may be; these have one number on all machines but Alpha. */
static const struct {
	const char *name;
	int number;
} newer[] = {
	{"fchmodat2", 452}, {"lsm_set_self_attr", 460}, {"setxattrat", 463}, {"removexattrat", 466}, {"open_tree_attr", 467},
	{"file_setattr", 469},
};

/* Denied with some arguments only. */
enum { WHOLE = -1 };			/* of the 32 bits that the kernel looks at */
struct rule {
	const char *name;
	int error;
	struct {
		unsigned argument;
		int bits, value;	/* those bits of the argument have that value */
	} tests[2];
	unsigned count;
};

#ifdef __s390__
enum { CLONE_FLAGS = 1 };
#else
enum { CLONE_FLAGS = 0 };
#endif

static const struct rule rules[] = {
	/* Threads are allowed, processes are not. The flags of clone3 are in memory, out of sight; libc then takes clone. */
	{"clone", EPERM, {{CLONE_FLAGS, CLONE_THREAD, 0}}, 1},
	{"clone3", ENOSYS, {{0}}, 0},
	{"open", EPERM, {{1, O_TRUNC, O_TRUNC}}, 1},
	{"openat", EPERM, {{2, O_TRUNC, O_TRUNC}}, 1},
	/* A shared mapping of a file that is open for writing can be written to anywhere. */
	{"mmap", EPERM, {{3, MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED}}, 1},
	{"mmap2", EPERM, {{3, MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED}}, 1},
	{"fcntl", EPERM, {{1, WHOLE, F_DUPFD}}, 1},
	{"fcntl", EPERM, {{1, WHOLE, F_DUPFD_CLOEXEC}}, 1},
	/* The kernel signals on behalf of who asked for it: kill by another name. */
	{"fcntl", EPERM, {{1, WHOLE, F_SETOWN}}, 1},
	{"fcntl", EPERM, {{1, WHOLE, F_SETOWN_EX}}, 1},
	{"fcntl", EPERM, {{1, WHOLE, F_SETSIG}}, 1},
	{"ioctl", EPERM, {{1, WHOLE, FIOSETOWN}}, 1},
	{"ioctl", EPERM, {{1, WHOLE, SIOCSPGRP}}, 1},
	{"ioctl", EPERM, {{1, WHOLE, TIOCSTI}}, 1},
	{"ioctl", EPERM, {{1, WHOLE, TIOCLINUX}}, 1},
	{"ioctl", EPERM, {{1, WHOLE, FICLONE}}, 1},
	{"ioctl", EPERM, {{1, WHOLE, FICLONERANGE}}, 1},
	{"ioctl", EPERM, {{1, WHOLE, FIDEDUPERANGE}}, 1},
	{"ioctl", EPERM, {{1, WHOLE, (int)FS_IOC_SETFLAGS}}, 1},
	{"ioctl", EPERM, {{1, WHOLE, (int)FS_IOC_FSSETXATTR}}, 1},
	/* What a socket may be: a stream to a server, a datagram to a name server, a question about routes. */
	{"socket", EPERM, {{1, 0xf, SOCK_RAW}, {0, WHOLE, AF_INET}}, 2},
	{"socket", EPERM, {{1, 0xf, SOCK_RAW}, {0, WHOLE, AF_INET6}}, 2},
};

static const struct rule rules_to_send[] = {
	{"open", EPERM, {{1, O_ACCMODE, O_WRONLY}}, 1},
	{"open", EPERM, {{1, O_ACCMODE, O_RDWR}}, 1},
	{"open", EPERM, {{1, O_CREAT, O_CREAT}}, 1},
	{"openat", EPERM, {{2, O_ACCMODE, O_WRONLY}}, 1},
	{"openat", EPERM, {{2, O_ACCMODE, O_RDWR}}, 1},
	{"openat", EPERM, {{2, O_CREAT, O_CREAT}}, 1},
	/* Datagrams of the machine itself would carry a descriptor out and back in as a copy. */
	{"socket", EPERM, {{0, WHOLE, AF_UNIX}, {1, 0xf, SOCK_DGRAM}}, 2},
};

static const struct rule rules_to_send_here[] = {
	{"socket", EPERM, {{0, WHOLE, AF_INET}}, 1},
	{"socket", EPERM, {{0, WHOLE, AF_INET6}}, 1},
	{"socket", EPERM, {{0, WHOLE, AF_NETLINK}}, 1},
};

static const struct rule rules_to_store[] = {
	/* Nothing that is there already is opened for writing. */
	{"open", EPERM, {{1, O_ACCMODE | O_EXCL, O_WRONLY}}, 1},
	{"open", EPERM, {{1, O_ACCMODE | O_EXCL, O_RDWR}}, 1},
	{"openat", EPERM, {{2, O_ACCMODE | O_EXCL, O_WRONLY}}, 1},
	{"openat", EPERM, {{2, O_ACCMODE | O_EXCL, O_RDWR}}, 1},
	{"open", EPERM, {{1, O_CREAT | O_EXCL, O_CREAT}}, 1},
	{"openat", EPERM, {{2, O_CREAT | O_EXCL, O_CREAT}}, 1},
	/* Datagrams of the machine itself go to the log, streams to services of names. */
	{"socket", EPERM, {{1, 0xf, SOCK_SEQPACKET}}, 1},
	{"socket", EPERM, {{0, WHOLE, AF_INET}}, 1},
	{"socket", EPERM, {{0, WHOLE, AF_INET6}}, 1},
	{"socket", EPERM, {{0, WHOLE, AF_NETLINK}}, 1},
	/* The files, and the folder they are in, are the owner's alone. */
	{"fchmod", EPERM, {{1, 040, 040}}, 1},
	{"fchmod", EPERM, {{1, 020, 020}}, 1},
	{"fchmod", EPERM, {{1, 04, 04}}, 1},
	{"fchmod", EPERM, {{1, 02, 02}}, 1},
};

static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

static struct scmp_arg_cmp compare(unsigned argument, int bits, int value)
{
	return (struct scmp_arg_cmp){.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = (uint32_t)bits, .datum_b = (uint32_t)value};
}

static int find_call(const struct libseccomp_functions *seccomp, const char *name)
{
	int number = seccomp->seccomp_syscall_resolve_name(name);

#ifndef __alpha__
	for (size_t i = 0; i < sizeof newer / sizeof *newer && number == __NR_SCMP_ERROR; i++)
		if (strcmp(name, newer[i].name) == 0)
			number = newer[i].number;
#endif
	return number;
}

/* A call that this machine does not have, or whose arguments it hides in memory, is passed over. */
static bool add(const struct libseccomp_functions *seccomp, scmp_filter_ctx filter, const char *name, int error, unsigned count,
		const struct scmp_arg_cmp *tests)
{
	int number = find_call(seccomp, name);

	return number == __NR_SCMP_ERROR || seccomp->seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((uint32_t)error), number, count, tests) != -ENOMEM;
}

static bool add_families(const struct libseccomp_functions *seccomp, scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp beyond = {.arg = 0, .op = SCMP_CMP_GT, .datum_a = AF_NETLINK};
	const struct scmp_arg_cmp not_routes[] = {compare(0, WHOLE, AF_NETLINK), {.arg = 2, .op = SCMP_CMP_NE, .datum_a = 0}};
	bool result = add(seccomp, filter, "socket", EPERM, 1, &beyond) && add(seccomp, filter, "socket", EPERM, 2, not_routes);

	for (int family = 0; family < AF_NETLINK && result; family++) {
		const struct scmp_arg_cmp same = compare(0, WHOLE, family);
		bool is_wanted = false;

		for (size_t i = 0; i < sizeof families / sizeof *families; i++)
			is_wanted |= families[i] == family;
		result = is_wanted || add(seccomp, filter, "socket", EPERM, 1, &same);
	}
	return result;
}

/* F_SETFL without O_APPEND on the one descriptor; on any by one that files, which has several messages open and no socket that
 * needs it; limits of other processes. */
static bool add_special(const struct libseccomp_functions *seccomp, scmp_filter_ctx filter, enum sandbox_kind kind, int append_fd)
{
	const struct scmp_arg_cmp clears[] = {compare(1, WHOLE, F_SETFL), compare(2, O_APPEND, 0), compare(0, WHOLE, append_fd)};
	const struct scmp_arg_cmp other = {.arg = 0, .op = SCMP_CMP_NE, .datum_a = 0};
	unsigned count = kind == SANDBOX_FILES ? 2 : 3;

	return (append_fd < 0 || (add(seccomp, filter, "fcntl", EPERM, count, clears) && add(seccomp, filter, "fcntl64", EPERM, count, clears))) &&
		add(seccomp, filter, "prlimit64", EPERM, 1, &other);
}

static bool add_rules(const struct libseccomp_functions *seccomp, scmp_filter_ctx filter, const struct rule *rows, size_t count)
{
	bool result = true;

	for (size_t i = 0; i < count && result; i++) {
		const struct rule *rule = &rows[i];
		struct scmp_arg_cmp tests[2];

		for (unsigned j = 0; j < rule->count; j++)
			tests[j] = compare(rule->tests[j].argument, rule->tests[j].bits, rule->tests[j].value);
		result = add(seccomp, filter, rule->name, rule->error, rule->count, tests);
		if (result && strcmp(rule->name, "fcntl") == 0) /* of machines with 32 bits */
			result = add(seccomp, filter, "fcntl64", rule->error, rule->count, tests);
	}
	return result;
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool is_needed(enum sandbox_kind kind, const char *name)
{
	return (kind == SANDBOX_STORES && is_among(needed_to_store, COUNT(needed_to_store), name)) ||
		(kind == SANDBOX_FILES && is_among(needed_to_file, COUNT(needed_to_file), name));
}

static bool add_to_file(const struct libseccomp_functions *seccomp, scmp_filter_ctx filter, int append_fd)
{
	const struct scmp_arg_cmp log = compare(0, WHOLE, append_fd);
	bool result = true;

	for (size_t i = 0; i < COUNT(denied_to_file) && result; i++)
		result = add(seccomp, filter, denied_to_file[i], EPERM, 0, NULL);
	for (size_t i = 0; i < COUNT(denied_with_log) && result && append_fd >= 0; i++)
		result = add(seccomp, filter, denied_with_log[i], EPERM, 1, &log);
	return result;
}

static bool add_kind(const struct libseccomp_functions *seccomp, scmp_filter_ctx filter, enum sandbox_kind kind, int append_fd)
{
	bool result = true;

	switch (kind) {
	case SANDBOX_SENDS_HERE:
		result = add_rules(seccomp, filter, rules_to_send_here, COUNT(rules_to_send_here));
		/* fall through */
	case SANDBOX_SENDS:
		return result && add_rules(seccomp, filter, rules_to_send, COUNT(rules_to_send));
	case SANDBOX_STORES:
		return add_rules(seccomp, filter, rules_to_store, COUNT(rules_to_store));
	case SANDBOX_FILES:
		return add_to_file(seccomp, filter, append_fd);
	}
	return result;
}

static bool add_all(const struct libseccomp_functions *seccomp, scmp_filter_ctx filter, enum sandbox_kind kind, int append_fd)
{
	bool result = add_special(seccomp, filter, kind, append_fd) && (kind == SANDBOX_FILES || add_families(seccomp, filter));

	for (size_t i = 0; i < COUNT(denied) && result; i++)
		result = is_needed(kind, denied[i]) || add(seccomp, filter, denied[i], EPERM, 0, NULL);
	return result && add_rules(seccomp, filter, rules, COUNT(rules)) && add_kind(seccomp, filter, kind, append_fd);
}

/* The library writes to a file only. */
static int export(const struct libseccomp_functions *seccomp, scmp_filter_ctx filter, void **program, size_t *octets)
{
	int fd = memfd_create("filter", MFD_CLOEXEC), result = -1;
	struct stat st;

	*program = NULL;
	if (fd >= 0 && seccomp->seccomp_export_bpf(filter, fd) == 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
		*octets = (size_t)st.st_size;
		*program = mem_alloc(*octets);
		if (pread(fd, *program, *octets, 0) == (ssize_t)*octets)
			result = 0;
	}
	if (result < 0) {
		free(*program);
		*program = NULL;
	}
	if (fd >= 0)
		close(fd);
	return result;
}

int sandbox_filter_make(enum sandbox_kind kind, int append_fd, void **program, size_t *count, struct err *err)
{
	const struct libseccomp_functions *seccomp = libseccomp_load(err);
	scmp_filter_ctx filter;
	size_t octets = 0;
	int result = -1;

	if (!seccomp)
		return -1;
	filter = seccomp->seccomp_init(SCMP_ACT_ALLOW);
	if (filter) {
		/* A call by the number of another machine (32 bits, x32) is an attack. The tree of level 2 asks eight questions
		 * of a call instead of two hundred; older libraries do not know it. */
		seccomp->seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL);
		seccomp->seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
		if (add_all(seccomp, filter, kind, append_fd))
			result = export(seccomp, filter, program, &octets);
		seccomp->seccomp_release(filter);
	}
	*count = octets / 8; /* sizeof(struct sock_filter) */
	return result < 0 ? err_set(err, EX_OSERR, STATUS(4, 3, 0), "the filter cannot be made") : 0;
}
#else
int sandbox_filter_make(enum sandbox_kind kind, int append_fd, void **program, size_t *count, struct err *err)
{
	(void)kind, (void)append_fd, (void)program, (void)count;
	return err_set(err, EX_UNAVAILABLE, STATUS(5, 3, 5), "this paloma was built without libseccomp");
}
#endif
