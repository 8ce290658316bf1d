/* sandbox: in children that have entered, every forbidden thing fails and every needed one works. */
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/sandbox.h"
#include "base/syncer.h"

enum { LOG_FD = 40, FAILED_WITHOUT_ERRNO = 254 };

static struct {
	char folder[64], secret[96], allowed[96], linked[96], link[96], log[96], socket[96];
	struct sandbox *sandbox;
	enum sandbox_kind kind;
} room = {.kind = SANDBOX_SENDS};

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int make_room(void **state)
{
	int fd;

	(void)state;
	strcpy(room.folder, "/tmp/paloma-sandbox.XXXXXX");
	assert_non_null(mkdtemp(room.folder));
	assert_int_equal(chmod(room.folder, 0755), 0);
	snprintf(room.secret, sizeof room.secret, "%s/secret", room.folder);
	snprintf(room.linked, sizeof room.linked, "%s/linked", room.folder);
	snprintf(room.log, sizeof room.log, "%s/log", room.folder);
	snprintf(room.allowed, sizeof room.allowed, "%s/allowed", room.folder);
	snprintf(room.link, sizeof room.link, "%s/allowed/link", room.folder);
	snprintf(room.socket, sizeof room.socket, "%s/socket", room.folder);
	write_file(room.secret, "secret");
	write_file(room.linked, "linked");
	write_file(room.log, "begin ");
	assert_int_equal(chmod(room.secret, 0600), 0);
	assert_int_equal(mkdir(room.allowed, 0755), 0);
	assert_int_equal(symlink(room.linked, room.link), 0);
	fd = open(room.log, O_RDWR | O_APPEND | O_CLOEXEC);
	assert_int_equal(dup2(fd, LOG_FD), LOG_FD);
	close(fd);
	room.sandbox = sandbox_new(room.kind, room.kind == SANDBOX_STORES ? -1 : LOG_FD);
	return 0;
}

static int make_room_to_store(void **state)
{
	room.kind = SANDBOX_STORES;
	return make_room(state);
}

static int make_room_to_send_here(void **state)
{
	room.kind = SANDBOX_SENDS_HERE;
	return make_room(state);
}

static int make_room_to_file(void **state)
{
	room.kind = SANDBOX_FILES;
	return make_room(state);
}

static int clear_room(void **state)
{
	(void)state;
	sandbox_free(room.sandbox);
	room.kind = SANDBOX_SENDS;
	close(LOG_FD);
	unlink(room.link);
	rmdir(room.allowed);
	unlink(room.secret);
	unlink(room.linked);
	unlink(room.log);
	unlink(room.socket);
	return rmdir(room.folder);
}

static bool has(struct view text, const char *word)
{
	return view_find(text, view_of(word)) < text.len;
}

static void need(const char *wall)
{
	struct buf text;
	bool is_there;

	buf_init(&text, 4096);
	sandbox_describe(room.sandbox, &text);
	is_there = !has(buf_view(&text), "neither") && has(view_first(buf_view(&text), view_find(buf_view(&text), view_of(" but not "))), wall);
	if (!is_there)
		print_message("%s\n", buf_str(&text));
	buf_clear(&text);
	if (!is_there)
		skip();
}

/* What it gives in a child that has entered: 0 for success, else errno. */
static int inside(int (*attempt)(void))
{
	const struct sandbox_place senders[] = {{room.allowed, SANDBOX_READ}}, writers[] = {{room.allowed, SANDBOX_FILE}},
		storers[] = {{room.folder, SANDBOX_HIDE}, {room.folder, SANDBOX_ADD}, {room.allowed, SANDBOX_SCRATCH}};
	struct err err;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_enter(room.sandbox, room.kind == SANDBOX_STORES ? storers : room.kind == SANDBOX_FILES ? writers : senders,
				  room.kind == SANDBOX_STORES ? 3 : 1, &err) < 0)
			_exit(FAILED_WITHOUT_ERRNO);
		errno = 0;
		_exit(attempt() >= 0 ? 0 : errno ? errno : FAILED_WITHOUT_ERRNO);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int give_up(long result)
{
	return (int)result;
}

static int run_true(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}
static int fork_once(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}
static int clone_in_a_namespace(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return give_up(pid);
}
static int call_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return pid;
}
static int trace_parent(void) { return give_up(ptrace(PTRACE_SEIZE, getppid(), 0, 0)); }
static int read_parent(void)
{
	char octet;
	struct iovec here = {&octet, 1}, there = {&octet, 1};

	return give_up(process_vm_readv(getppid(), &here, 1, &there, 1, 0));
}
static int signal_parent(void) { return kill(getppid(), 0); }
static int signal_parent_by_tgkill(void) { return give_up(syscall(SYS_tgkill, getppid(), getppid(), 0)); }
static int signal_parent_by_its_file(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return fcntl(fd, F_SETOWN, getppid());
}
static int limit_parent(void)
{
	struct rlimit limit;

	return prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit);
}
static int unshare_mounts(void) { return unshare(CLONE_NEWNS); }
static int mount_something(void) { return mount("none", "/nonexistent", "tmpfs", 0, NULL); }
static int chroot_away(void) { return chroot("/nonexistent"); }
static int call_bpf(void) { return give_up(syscall(SYS_bpf, -1, NULL, 0)); }
static int call_perf(void) { return give_up(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0)); }
static int call_keyctl(void) { return give_up(syscall(SYS_keyctl, -1, 0, 0, 0, 0)); }
static int call_io_uring(void) { return give_up(syscall(SYS_io_uring_setup, 0, NULL)); }
static int load_module(void) { return give_up(syscall(SYS_finit_module, -1, "", 0)); }
static int set_clock(void) { return give_up(syscall(SYS_clock_settime, -1, NULL)); }
static int become_somebody(void) { return give_up(syscall(SYS_setresuid, -1, -1, -1)); }
static int listen_to_others(void) { return listen(socket(AF_INET, SOCK_STREAM, 0), 1); }
static int make_packet_socket(void) { return socket(AF_PACKET, SOCK_DGRAM, 0); }
static int make_alg_socket(void) { return socket(AF_ALG, SOCK_SEQPACKET, 0); }
static int make_raw_socket(void) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static int make_netfilter_socket(void) { return socket(AF_NETLINK, SOCK_RAW, 12); }

static int truncate_log(void) { return ftruncate(LOG_FD, 0); }
static int truncate_by_name(void) { return truncate(room.log, 0); }
static int punch_log(void) { return fallocate(LOG_FD, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 3); }
static int map_log(void) { return mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, LOG_FD, 0) == MAP_FAILED ? -1 : 0; }
static int clear_append(void) { return fcntl(LOG_FD, F_SETFL, O_NONBLOCK); }
static int copy_log(void) { return dup(LOG_FD); }
static int copy_log_by_dup3(void) { return dup3(LOG_FD, LOG_FD + 1, 0); }
static int copy_log_by_fcntl(void) { return fcntl(LOG_FD, F_DUPFD_CLOEXEC, 0); }
static int make_pair(void) { return socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}); }
static int make_local_datagrams(void) { return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0); }
static int write_without_append(void) { return give_up(pwritev2(LOG_FD, &(struct iovec){(char[]){"x"}, 1}, 1, 0, 0)); }
static int change_mode_of_log(void) { return fchmod(LOG_FD, 0777); }
static int change_time_of_log(void) { return futimens(LOG_FD, NULL); }
static int change_owner_of_log(void) { return fchown(LOG_FD, getuid(), getgid()); }
static int unlock_log(void) { return flock(LOG_FD, LOCK_UN); }
static int set_flags_of_log(void) { return ioctl(LOG_FD, FS_IOC_SETFLAGS, NULL); }
static int unlink_log(void) { return unlink(room.log); }
static int rename_log(void) { return rename(room.log, room.secret); }
static int link_log(void) { return link(room.log, room.socket); }
static int make_link(void) { return symlink(room.log, room.socket); }
static int make_folder(void) { return mkdir(room.socket, 0700); }
static int make_fifo(void) { return mkfifo(room.socket, 0600); }
static int make_file(void) { return open(room.socket, O_RDONLY | O_CREAT, 0600); }
static int make_temporary(void) { return open(room.folder, O_TMPFILE | O_RDWR, 0600); }
static int open_to_write(void) { return open(room.log, O_WRONLY | O_APPEND); }
static int open_to_empty(void) { return open(room.log, O_RDONLY | O_TRUNC); }
static int write_where_it_may_read(void) { return open(room.linked, O_RDWR); }

static void what_no_worker_needs_is_denied_by_seccomp(void **state)
{
	static const struct { const char *what; int (*attempt)(void); } cases[] = {
#define CASE(name) {#name, name}
		CASE(run_true), CASE(fork_once), CASE(clone_in_a_namespace), CASE(call_vfork), CASE(trace_parent), CASE(read_parent),
		CASE(signal_parent), CASE(signal_parent_by_tgkill), CASE(signal_parent_by_its_file), CASE(limit_parent), CASE(unshare_mounts),
		CASE(mount_something), CASE(chroot_away), CASE(call_bpf), CASE(call_perf), CASE(call_keyctl), CASE(call_io_uring), CASE(load_module),
		CASE(set_clock), CASE(become_somebody), CASE(listen_to_others), CASE(make_packet_socket), CASE(make_alg_socket),
		CASE(make_raw_socket), CASE(make_netfilter_socket), CASE(truncate_log), CASE(truncate_by_name), CASE(punch_log), CASE(map_log),
		CASE(clear_append), CASE(copy_log), CASE(copy_log_by_dup3), CASE(copy_log_by_fcntl), CASE(make_pair), CASE(make_local_datagrams),
		CASE(write_without_append), CASE(change_mode_of_log), CASE(change_time_of_log), CASE(change_owner_of_log), CASE(unlock_log),
		CASE(set_flags_of_log), CASE(unlink_log), CASE(rename_log), CASE(link_log), CASE(make_link), CASE(make_folder), CASE(make_fifo),
		CASE(make_file), CASE(make_temporary), CASE(open_to_write), CASE(open_to_empty), CASE(write_where_it_may_read),
	};

	(void)state;
	need("seccomp");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int error = inside(cases[i].attempt);

		if (error != EPERM)
			fail_msg("%s: %s", cases[i].what, error ? strerror(error) : "it works");
	}
}

static int read_secret(void) { return open(room.secret, O_RDONLY); }
static int read_password_file(void) { return open("/etc/passwd", O_RDONLY); }
static int list_folder(void) { return open(room.folder, O_RDONLY | O_DIRECTORY); }
static int read_log_by_name(void) { return open(room.log, O_RDONLY); }
static int read_log_by_proc(void) { char path[64]; snprintf(path, sizeof path, "/proc/self/fd/%d", LOG_FD); return open(path, O_RDONLY); }

static void what_is_not_named_cannot_be_opened(void **state)
{
	static const struct { const char *what; int (*attempt)(void); } cases[] = {
		CASE(read_secret), CASE(read_password_file), CASE(list_folder), CASE(read_log_by_name), CASE(read_log_by_proc),
	};

	(void)state;
	need("Landlock");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int error = inside(cases[i].attempt);

		if (error != EACCES)
			fail_msg("%s: %s", cases[i].what, error ? strerror(error) : "it works");
	}
}

static int make_stream(void) { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }
static int make_datagrams(void) { return socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0); }
static int make_local_stream(void) { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }
static int make_routes(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0); }
static int set_nonblocking(void) { return fcntl(make_stream(), F_SETFL, O_NONBLOCK); }
static int bind_to_a_source(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return bind(make_stream(), (struct sockaddr *)&address, sizeof address);
}
static int connect_to_a_local_server(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, room.socket, strlen(room.socket));
	return connect(make_local_stream(), (struct sockaddr *)&address, sizeof address);
}
static int append_to_log(void) { return write(LOG_FD, "end", 3) == 3 && fdatasync(LOG_FD) == 0 ? 0 : -1; }
static int read_log(void) { char octets[6]; return pread(LOG_FD, octets, 6, 0) == 6 && memcmp(octets, "begin ", 6) == 0 ? 0 : -1; }
static int read_resolver(void) { return access("/etc/resolv.conf", F_OK) == 0 ? open("/etc/resolv.conf", O_RDONLY) : 0; }
static int read_hosts(void) { return open("/etc/hosts", O_RDONLY); }
static int read_chance(void) { char octet; return read(open("/dev/urandom", O_RDONLY), &octet, 1) == 1 ? 0 : -1; }
static int read_own_status(void) { return open("/proc/self/status", O_RDONLY); }
static int list_allowed(void) { return open(room.allowed, O_RDONLY | O_DIRECTORY); }
static int read_by_link(void) { return open(room.link, O_RDONLY); }
static int load_tls(void) { return dlopen(SONAME_OPENSSL, RTLD_LAZY | RTLD_LOCAL) ? 0 : -1; }
static int allocate(void) { void *room_ = malloc(64 << 20); int result = room_ ? 0 : -1; free(room_); return result; }
static void *do_nothing(void *context) { return context; }
static int run_thread(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, do_nothing, NULL);
	return errno ? -1 : pthread_join(thread, NULL);
}
static int stay_small(void)
{
	struct rlimit core;

	getrlimit(RLIMIT_CORE, &core);
	return core.rlim_max == 0 && prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -1;
}

static void what_a_worker_needs_works(void **state)
{
	static const struct { const char *what; int (*attempt)(void); } cases[] = {
		CASE(make_stream), CASE(make_datagrams), CASE(make_local_stream), CASE(make_routes), CASE(set_nonblocking), CASE(bind_to_a_source),
		CASE(connect_to_a_local_server), CASE(append_to_log), CASE(read_log), CASE(read_resolver), CASE(read_hosts), CASE(read_chance),
		CASE(read_own_status), CASE(list_allowed), CASE(read_by_link), CASE(load_tls), CASE(allocate), CASE(run_thread), CASE(stay_small),
	};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[16] = "";

	(void)state;
	memcpy(address.sun_path, room.socket, strlen(room.socket));
	assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(server, 5), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int error = inside(cases[i].attempt);

		if (error)
			fail_msg("%s: %s", cases[i].what, error == FAILED_WITHOUT_ERRNO ? "no error told" : strerror(error));
	}
	close(server);
	assert_int_equal(pread(LOG_FD, text, sizeof text, 0), 9);
	assert_string_equal(text, "begin end");
}

static int open_to_write_with_a_mode(void) { return open(room.log, O_WRONLY | O_APPEND | O_CREAT, 0600); }
static int open_both_ways(void) { return open(room.log, O_RDWR); }
static int open_folder_to_others(void)
{
	int fd = open(room.allowed, O_RDONLY | O_DIRECTORY);

	return fd < 0 ? 0 : fchmod(fd, 0777);
}

static int make_new(void) { return open(room.socket, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600); }
static int read_new(void)
{
	return make_new() < 0 ? 0 : open(room.socket, O_RDONLY);
}
static int store(void)
{
	int fd = make_new(), result = 0;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || write(fd, "mail", 4) != 4 || fchmod(fd, 0700) < 0 || fsync(fd) < 0 || ftruncate(fd, 0) < 0)
		result = -1;
	return result;
}
static int keep_for_a_while(void)
{
	char path[128], octet = 'x';
	int fd = open(room.allowed, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || pwrite(fd, &octet, 1, 0) != 1 || pread(fd, &octet, 1, 0) != 1)
		return -1;
	snprintf(path, sizeof path, "%s/scratch.XXXXXX", room.allowed);
	fd = mkostemp(path, O_CLOEXEC);
	return fd < 0 ? -1 : unlink(path);
}

static void one_that_stores_adds_and_no_more(void **state)
{
	static const struct { const char *what; int error; int (*attempt)(void); } cases[] = {
#define DENIED(name) {#name, EPERM, name}
		DENIED(run_true), DENIED(fork_once), DENIED(signal_parent), DENIED(trace_parent), DENIED(make_stream), DENIED(make_datagrams),
		DENIED(make_routes), DENIED(open_to_write), DENIED(open_to_write_with_a_mode), DENIED(open_both_ways),
		DENIED(open_to_empty), DENIED(make_file), DENIED(truncate_by_name), DENIED(rename_log), DENIED(link_log), DENIED(make_link), DENIED(make_folder),
		DENIED(change_mode_of_log), DENIED(open_folder_to_others), DENIED(make_packet_socket),
#define OPEN(name) {#name, 0, name}
		OPEN(store), OPEN(make_local_stream), OPEN(keep_for_a_while), OPEN(read_password_file), OPEN(make_local_datagrams), OPEN(read_resolver), OPEN(read_chance), OPEN(allocate),
	};

	(void)state;
	need("seccomp");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int error = inside(cases[i].attempt);

		if (error != cases[i].error)
			fail_msg("%s: %s", cases[i].what, error ? strerror(error) : "it works");
		unlink(room.socket);
	}
}

static void one_that_stores_reads_and_removes_nothing(void **state)
{
	static const struct { const char *what; int (*attempt)(void); } cases[] = {
		CASE(read_secret), CASE(list_folder), CASE(read_log_by_name), CASE(read_new), CASE(unlink_log),
	};

	(void)state;
	need("Landlock");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int error = inside(cases[i].attempt);

		if (error != EACCES)
			fail_msg("%s: %s", cases[i].what, error ? strerror(error) : "it works");
		unlink(room.socket);
	}
}

static void one_that_sends_here_speaks_to_nobody_elsewhere(void **state)
{
	static const struct { const char *what; int error; int (*attempt)(void); } cases[] = {
		DENIED(make_stream), DENIED(make_datagrams), DENIED(make_routes), DENIED(run_true), DENIED(open_to_write), DENIED(truncate_log),
		OPEN(make_local_stream), OPEN(append_to_log), OPEN(read_chance), OPEN(run_thread),
	};

	(void)state;
	need("seccomp");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int error = inside(cases[i].attempt);

		if (error != cases[i].error)
			fail_msg("%s: %s", cases[i].what, error ? strerror(error) : "it works");
	}
}

/* As a Maildir is written, and an mbox with its locks. */
static int write_maildir(void)
{
	int folder = open(room.allowed, O_RDONLY | O_DIRECTORY), fd;

	if (folder < 0 || mkdirat(folder, "tmp", 0700) < 0 || mkdirat(folder, "new", 0700) < 0)
		return -1;
	fd = openat(folder, "tmp/mail", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	return fd < 0 || write(fd, "mail", 4) != 4 || fsync(fd) < 0 || renameat(folder, "tmp/mail", folder, "new/mail") < 0 || fsync(folder) < 0 ? -1
		: unlinkat(folder, "new/mail", 0);
}
static int write_mbox(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int folder = open(room.allowed, O_RDONLY | O_DIRECTORY), fd = openat(folder, "mbox", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	int dot = openat(folder, "mbox.lock", O_WRONLY | O_CREAT | O_EXCL, 0444);

	if (folder < 0 || fd < 0 || dot < 0 || fcntl(fd, F_SETLK, &lock) < 0 || fchmod(fd, 0660) < 0 ||
	    (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096) < 0 && errno == EPERM) || write(fd, "mail", 4) != 4 || ftruncate(fd, 0) < 0)
		return -1;
	close(fd);
	fd = openat(folder, "mbox", O_RDWR | O_NOFOLLOW);
	return fd < 0 || unlinkat(folder, "mbox.lock", 0) < 0 ? -1 : unlinkat(folder, "mbox", 0);
}
/* Of several messages that are filed together only one has the number that is watched. */
static int clear_append_of_another(void)
{
	int folder = open(room.allowed, O_RDONLY | O_DIRECTORY), fd = openat(folder, "log", O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0600);

	if (fd < 0 || unlinkat(folder, "log", 0) < 0 || fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK) < 0)
		return 0; /* which is not what is expected */
	return fcntl(fd, F_SETFL, O_NONBLOCK);
}
static int keep_group(void) { return setegid(getgid()); }
/* It may be told to write without O_APPEND, and what it is told is in memory, out of sight. */
static int write_by_aio(void)
{
	struct iocb wish = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = LOG_FD, .aio_buf = (uintptr_t)"x", .aio_nbytes = 1}, *wishes = &wish;
	aio_context_t context = 0;

	return give_up(syscall(SYS_io_setup, 1, &context) < 0 ? -1 : syscall(SYS_io_submit, context, 1, &wishes));
}
static int sync_several(void)
{
	struct syncer *syncer = syncer_new();
	int files[] = {LOG_FD, LOG_FD, LOG_FD}, errors[3];

	syncer_sync(syncer, files, 3, true, errors);
	syncer_free(syncer);
	errno = errors[0] ? errors[0] : errors[1] ? errors[1] : errors[2];
	return errno ? -1 : 0;
}
static int make_local_connection(void) { return connect(LOG_FD, NULL, 0); }

static void clear_mailboxes(void)
{
	char path[128];

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", room.allowed, i ? "new" : "tmp");
		rmdir(path);
	}
}

static void one_that_files_needs_no_more_than_its_folder(void **state)
{
	static const struct { const char *what; int error; int (*attempt)(void); } cases[] = {
		DENIED(run_true), DENIED(fork_once), DENIED(call_vfork), DENIED(signal_parent), DENIED(trace_parent), DENIED(read_parent), DENIED(make_stream),
		DENIED(make_datagrams), DENIED(make_local_stream), DENIED(make_local_datagrams), DENIED(make_routes), DENIED(make_pair), DENIED(make_local_connection),
		DENIED(become_somebody), DENIED(change_owner_of_log), DENIED(change_time_of_log), DENIED(make_link), DENIED(make_fifo), DENIED(copy_log),
		DENIED(clear_append), DENIED(clear_append_of_another), DENIED(truncate_log), DENIED(punch_log), DENIED(change_mode_of_log), DENIED(unlock_log), DENIED(map_log),
		DENIED(truncate_by_name), DENIED(call_io_uring), DENIED(write_by_aio), DENIED(unshare_mounts), DENIED(chroot_away),
		OPEN(write_maildir), OPEN(write_mbox), OPEN(append_to_log), OPEN(read_log), OPEN(read_chance), OPEN(allocate), OPEN(keep_group), OPEN(sync_several),
		OPEN(stay_small),
	};

	(void)state;
	need("seccomp");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int error = inside(cases[i].attempt);

		clear_mailboxes();
		if (error != cases[i].error)
			fail_msg("%s: %s", cases[i].what, error ? strerror(error) : "it works");
	}
}

static void one_that_files_touches_nothing_else(void **state)
{
	static const struct { const char *what; int (*attempt)(void); } cases[] = {
		CASE(read_secret), CASE(read_password_file), CASE(list_folder), CASE(read_log_by_name), CASE(open_to_write), CASE(make_new), CASE(unlink_log),
		CASE(rename_log), CASE(link_log), CASE(make_folder),
#undef CASE
	};

	(void)state;
	need("Landlock");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int error = inside(cases[i].attempt);

		if (error != EACCES)
			fail_msg("%s: %s", cases[i].what, error ? strerror(error) : "it works");
	}
}

/* In a child: 0 when it is somebody else for good, 1 when it was refused and is root as before. */
static int become(const char *path, int mode)
{
	static const char *const names[] = {"no-such-user", "nobody"};
	const struct sandbox_need needed = {path, mode};
	struct sandbox_user user;
	struct err err;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		sandbox_find_user(&user, names, 2);
		if (!user.name || strcmp(user.name, "nobody") != 0)
			_exit(10);
		if (sandbox_become(&user, &needed, 1, &err) < 0)
			_exit(geteuid() == 0 && getuid() == 0 && getegid() == 0 && strstr(err.text, path) ? 1 : 11);
		if (getuid() != user.uid || geteuid() != user.uid || getgid() != user.gid || seteuid(0) == 0 || setuid(0) == 0)
			_exit(12);
		_exit(access(room.secret, R_OK) == 0 ? 13 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void root_becomes_nobody_unless_only_root_reaches_a_file(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(become(room.linked, R_OK), 0);
	assert_int_equal(become("/nonexistent", R_OK), 0); /* root does not reach it either */
	assert_int_equal(become(room.secret, R_OK), 1);
	assert_int_equal(become(room.log, W_OK), 1);
}

static void who_is_not_root_stays_who_he_is(void **state)
{
	static const char *const names[] = {"nobody"};
	struct sandbox_user user = {0};
	struct err err = {0};

	(void)state;
	if (geteuid() != 0)
		sandbox_find_user(&user, names, 1);
	assert_null(user.name);
	assert_int_equal(sandbox_become(&user, NULL, 0, &err), 0);
	assert_int_equal(err.exit_code, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_no_worker_needs_is_denied_by_seccomp, make_room, clear_room),
		cmocka_unit_test_setup_teardown(what_is_not_named_cannot_be_opened, make_room, clear_room),
		cmocka_unit_test_setup_teardown(what_a_worker_needs_works, make_room, clear_room),
		cmocka_unit_test_setup_teardown(one_that_stores_adds_and_no_more, make_room_to_store, clear_room),
		cmocka_unit_test_setup_teardown(one_that_stores_reads_and_removes_nothing, make_room_to_store, clear_room),
		cmocka_unit_test_setup_teardown(root_becomes_nobody_unless_only_root_reaches_a_file, make_room, clear_room),
		cmocka_unit_test(who_is_not_root_stays_who_he_is),
		cmocka_unit_test_setup_teardown(one_that_sends_here_speaks_to_nobody_elsewhere, make_room_to_send_here, clear_room),
		cmocka_unit_test_setup_teardown(one_that_files_needs_no_more_than_its_folder, make_room_to_file, clear_room),
		cmocka_unit_test_setup_teardown(one_that_files_touches_nothing_else, make_room_to_file, clear_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
