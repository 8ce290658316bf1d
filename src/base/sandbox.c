/* sandbox - what a process gives up for good before it reads what strangers send. */
#include "base/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>
#if __has_include(<linux/landlock.h>)
#include <linux/landlock.h>
#endif
#include "base/mem.h"
#include "base/sandbox_private.h"

struct sandbox {
	struct sock_fprog filter;	/* filter null: none */
	struct err why_no_filter;
	int landlock_abi;		/* 0: none */
	struct err why_no_landlock;
};

/* What is read behind our back. A folder stands for all below it. Passwords of relays, keys and mail are in none of them. */
static const char *const system_paths[] = {
	/* libraries */
	"/lib", "/lib64", "/lib32", "/usr/lib", "/usr/lib64", "/usr/lib32", "/usr/local/lib", "/usr/local/lib64", "/nix/store",
	"/gnu/store", "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
	/* names */
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
	/* trust */
	"/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/tls/cert.pem",
	"/etc/pki/tls/openssl.cnf", "/etc/pki/ca-trust", "/etc/ca-certificates", "/etc/crypto-policies", "/usr/share/crypto-policies",
	"/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/pki",
	/* time and language */
	"/etc/localtime", "/usr/share/zoneinfo", "/usr/share/locale", "/usr/share/i18n",
	/* Kerberos */
	"/etc/krb5.conf", "/etc/krb5.conf.d", "/etc/gss",
	/* the process itself, and chance */
	"/proc/self", "/proc/sys/kernel/random", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom",
};

/* The same, where the environment has it elsewhere; lists by colons. */
static const char *const path_variables[] = {"LD_LIBRARY_PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "OPENSSL_CONF", "OPENSSL_MODULES", "TZDIR"};

static void find_filter(struct sandbox *sandbox, enum sandbox_kind kind, int append_fd)
{
	unsigned action = SECCOMP_RET_ERRNO;
	void *program = NULL;
	size_t count = 0;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
		err_set(&sandbox->why_no_filter, EX_OSERR, STATUS(4, 3, 0), "the kernel does not let us: %s", strerror(errno));
	else if (sandbox_filter_make(kind, append_fd, &program, &count, &sandbox->why_no_filter) == 0)
		sandbox->filter = (struct sock_fprog){.filter = program, .len = (unsigned short)count};
}

#if defined SYS_landlock_create_ruleset && defined LANDLOCK_CREATE_RULESET_VERSION

/* The kernel's header may be older than the kernel. */
struct ruleset {
	uint64_t files, net, scope;
};
enum {
	ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_IOCTL = 5, ABI_SCOPE = 6,
	RIGHTS_FIRST = (1 << 13) - 1, RIGHT_REFER = 1 << 13, RIGHT_TRUNCATE = 1 << 14, RIGHT_IOCTL = 1 << 15,
	SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 3,
};

/* An old one lets nobody move a file from one folder to another, which is how a Maildir is written. */
static void find_landlock(struct sandbox *sandbox, enum sandbox_kind kind)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi > 0 && abi < ABI_REFER && kind == SANDBOX_FILES)
		err_set(&sandbox->why_no_landlock, EX_OSERR, STATUS(4, 3, 0), "the kernel's is too old for moving files");
	else if (abi > 0)
		sandbox->landlock_abi = (int)abi;
	else
		err_set(&sandbox->why_no_landlock, EX_OSERR, STATUS(4, 3, 0), "%s", errno == ENOSYS ? "the kernel does not have it"
			: errno == EOPNOTSUPP ? "it is not switched on at boot" : strerror(errno));
}

/* What a folder of each use allows besides. */
static uint64_t rights_of(enum sandbox_use use, int abi)
{
	const uint64_t add = LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE | (abi >= ABI_TRUNCATE ? RIGHT_TRUNCATE : 0);

	switch (use) {
	case SANDBOX_READ:
	case SANDBOX_HIDE:
		break;
	case SANDBOX_ADD:
		return add;
	case SANDBOX_FILE:
		return add | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
			(abi >= ABI_REFER ? RIGHT_REFER : 0);
	case SANDBOX_SCRATCH:
		return add | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE;
	}
	return LANDLOCK_ACCESS_FS_READ_FILE;
}

static void allow_use(int ruleset, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
	struct stat st;

	if (rule.parent_fd < 0)
		return;
	if (fstat(rule.parent_fd, &st) == 0 && S_ISDIR(st.st_mode) && rights & LANDLOCK_ACCESS_FS_READ_FILE)
		rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
	syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

static void allow(int ruleset, const char *path)
{
	allow_use(ruleset, path, LANDLOCK_ACCESS_FS_READ_FILE);
}

/* The links in a folder of trusted certificates may lead anywhere. */
static void allow_links(int ruleset, const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	struct buf target;

	buf_init(&target, 2 * PATH_MAX);
	while (folder && (entry = readdir(folder))) {
		if (entry->d_type != DT_LNK)
			continue;
		buf_reset(&target);
		buf_printf(&target, "%s/%s", path, entry->d_name);
		allow(ruleset, buf_str(&target));
	}
	buf_clear(&target);
	if (folder)
		closedir(folder);
}

/* Rules only allow: so all that stands beside the folder, and beside each folder above it. */
static void allow_all_but(int ruleset, const char *hidden)
{
	char *path = realpath(hidden, NULL);

	for (char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		const char *skipped = slash + 1;
		struct dirent *entry;
		struct buf at;
		DIR *folder;

		buf_init(&at, 2 * PATH_MAX);
		buf_printf(&at, "%.*s/", (int)(slash - path), path);
		folder = opendir(buf_str(&at));
		while (folder && (entry = readdir(folder))) {
			size_t len = strlen(entry->d_name);

			if (entry->d_name[0] == '.' && (len == 1 || (len == 2 && entry->d_name[1] == '.')))
				continue;
			if (strncmp(skipped, entry->d_name, len) == 0 && (skipped[len] == '/' || skipped[len] == '\0'))
				continue;
			buf_reset(&at);
			buf_printf(&at, "%.*s/%s", (int)(slash - path), path, entry->d_name);
			allow(ruleset, buf_str(&at));
		}
		if (folder)
			closedir(folder);
		buf_clear(&at);
	}
	free(path);
}

static void allow_variables(int ruleset)
{
	for (size_t i = 0; i < sizeof path_variables / sizeof *path_variables; i++) {
		struct view list = view_of(getenv(path_variables[i]));

		while (list.len > 0) {
			char *path = mem_copy_str(view_take_until(&list, ':', NULL));

			if (path[0])
				allow(ruleset, path);
			free(path);
		}
	}
}

static int enter_landlock(int abi, const struct sandbox_place *places, size_t count)
{
	const struct ruleset attributes = {
		.files = (uint64_t)RIGHTS_FIRST | (abi >= ABI_REFER ? RIGHT_REFER : 0) | (abi >= ABI_TRUNCATE ? RIGHT_TRUNCATE : 0) |
			(abi >= ABI_IOCTL ? RIGHT_IOCTL : 0),
		.scope = abi >= ABI_SCOPE ? SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS : 0,
	};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0), result;

	if (ruleset < 0)
		return -1;
	for (size_t i = 0; i < sizeof system_paths / sizeof *system_paths; i++)
		allow(ruleset, system_paths[i]);
	allow_variables(ruleset);
	for (size_t i = 0; i < count; i++) {
		if (places[i].use == SANDBOX_HIDE)
			allow_all_but(ruleset, places[i].path);
		else
			allow_use(ruleset, places[i].path, rights_of(places[i].use, abi));
		if (places[i].use == SANDBOX_READ)
			allow_links(ruleset, places[i].path);
	}
	result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	close(ruleset);
	return result;
}
#else
static void find_landlock(struct sandbox *sandbox, enum sandbox_kind kind)
{
	(void)kind;
	err_set(&sandbox->why_no_landlock, EX_OSERR, STATUS(4, 3, 0), "this paloma was built without it");
}

static int enter_landlock(int abi, const struct sandbox_place *places, size_t count)
{
	(void)abi, (void)places, (void)count;
	return 0;
}
#endif

struct sandbox *sandbox_new(enum sandbox_kind kind, int append_fd)
{
	struct sandbox *sandbox = mem_alloc(sizeof *sandbox);

	find_filter(sandbox, kind, append_fd);
	find_landlock(sandbox, kind);
	return sandbox;
}

void sandbox_free(struct sandbox *sandbox)
{
	if (sandbox)
		free(sandbox->filter.filter);
	free(sandbox);
}

/* A sentence of err_set that goes on. */
static void add_reason(struct buf *out, const char *what, const struct err *why)
{
	struct view text = view_of(why->text);

	if (text.len > 0 && text.data[text.len - 1] == '.')
		text.len--;
	buf_printf(out, "%s (%.*s)", what, VIEW_ARG(text));
}

void sandbox_describe(const struct sandbox *sandbox, struct buf *out)
{
	bool has_filter = sandbox->filter.filter, has_landlock = sandbox->landlock_abi > 0;

	buf_append_str(out, has_filter || has_landlock ? "confined by " : "confined neither ");
	if (has_filter)
		buf_append_str(out, "seccomp");
	if (has_landlock)
		buf_printf(out, "%sLandlock (ABI %d)", has_filter ? " and " : "", sandbox->landlock_abi);
	if (has_filter && has_landlock)
		return;
	if (has_filter || has_landlock)
		buf_append_str(out, ", but not ");
	if (!has_filter)
		add_reason(out, "by seccomp", &sandbox->why_no_filter);
	if (!has_filter && !has_landlock)
		buf_append_str(out, " nor ");
	if (!has_landlock)
		add_reason(out, "by Landlock", &sandbox->why_no_landlock);
}

int sandbox_enter(const struct sandbox *sandbox, const struct sandbox_place *places, size_t count, struct err *err)
{
	const struct rlimit none = {0, 0};
	int result = 0;

	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		result = err_set_errno(err, EX_OSERR, errno, "Cannot give up new privileges");
	if (sandbox->landlock_abi > 0 && enter_landlock(sandbox->landlock_abi, places, count) < 0)
		result = err_set_errno(err, EX_OSERR, errno, "Cannot be confined by Landlock");
	if (sandbox->filter.filter && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &sandbox->filter, 0, 0) < 0)
		result = err_set_errno(err, EX_OSERR, errno, "Cannot be confined by seccomp");
	return result;
}

void sandbox_find_user(struct sandbox_user *user, const char *const *names, size_t count)
{
	const struct passwd *entry = NULL;

	*user = (struct sandbox_user){0};
	for (size_t i = 0; i < count && geteuid() == 0 && !entry; i++) {
		entry = getpwnam(names[i]);
		if (!entry || entry->pw_uid == 0) {
			entry = NULL;
			continue;
		}
		*user = (struct sandbox_user){.name = names[i], .uid = entry->pw_uid, .gid = entry->pw_gid, .group_count = SANDBOX_GROUPS_MAX};
		if (getgrouplist(names[i], user->gid, user->groups, &user->group_count) < 0)
			user->group_count = 0; /* more groups than fit: then none */
	}
}

/* As the effective user; what nobody reaches is somebody else's trouble. */
static const struct sandbox_need *find_out_of_reach(const struct sandbox_user *user, const bool *is_reached, const struct sandbox_need *needs,
						    size_t count)
{
	const struct sandbox_need *found = NULL;

	if (seteuid(user->uid) < 0)
		return NULL;
	for (size_t i = 0; i < count && !found; i++)
		if (is_reached[i] && faccessat(AT_FDCWD, needs[i].path, needs[i].mode, AT_EACCESS) < 0)
			found = &needs[i];
	if (seteuid(0) < 0)
		abort(); /* between two users: there is no safe way on */
	return found;
}

int sandbox_become(const struct sandbox_user *user, const struct sandbox_need *needs, size_t count, struct err *err)
{
	gid_t old_groups[SANDBOX_GROUPS_MAX], old_group = getegid();
	int old_count = getgroups(SANDBOX_GROUPS_MAX, old_groups);
	const struct sandbox_need *out_of_reach;
	uid_t real, effective, saved;
	bool *is_reached;

	if (!user->name)
		return 0;
	is_reached = mem_alloc_array(count + 1, sizeof *is_reached);
	for (size_t i = 0; i < count; i++)
		is_reached[i] = faccessat(AT_FDCWD, needs[i].path, needs[i].mode, AT_EACCESS) == 0;
	if (setgroups((size_t)user->group_count, user->groups) < 0 || setegid(user->gid) < 0) {
		free(is_reached);
		return err_set_errno(err, EX_OSERR, errno, "Cannot become the user %s", user->name);
	}
	out_of_reach = find_out_of_reach(user, is_reached, needs, count);
	free(is_reached);
	if (out_of_reach) {
		if (setegid(old_group) < 0 || setgroups(old_count > 0 ? (size_t)old_count : 0, old_groups) < 0)
			return err_set_errno(err, EX_OSERR, errno, "Cannot take back the groups of root");
		return err_set(err, EX_OSERR, STATUS(4, 3, 0), "The user %s cannot reach %s.", user->name, out_of_reach->path);
	}
	if (setresgid(user->gid, user->gid, user->gid) < 0 || setresuid(user->uid, user->uid, user->uid) < 0 ||
	    getresuid(&real, &effective, &saved) < 0 || real != user->uid || effective != user->uid || saved != user->uid)
		return err_set_errno(err, EX_OSERR, errno, "Cannot become the user %s", user->name);
	return 0;
}
