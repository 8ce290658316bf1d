/* process - a program that is run for what it prints. */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/descriptors.h"

extern char **environ;

/* Beside descriptors: what one of the standard three is. */
enum { OURS = -1, NOWHERE = -2 };

/* How a program begins, as ourselves. */
struct beginning {
	const char *const *argv;
	char *const *environment;
	const char *folder;		/* null: ours */
	int standard[3];		/* its input, output and error */
	const int *usual_signals;	/* not ignored any more, though we do; ends with 0; null: all */
	bool is_alone;			/* in a session of its own without any other descriptor, not only in a process group of its own */
};

static int lay_descriptors(posix_spawn_file_actions_t *actions, const struct beginning *beginning)
{
	int result = beginning->folder ? posix_spawn_file_actions_addchdir_np(actions, beginning->folder) : 0;

	for (int fd = 0; !result && fd < 3; fd++) {
		int source = beginning->standard[fd];

		if (source == NOWHERE)
			result = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
		else if (source != OURS)
			result = posix_spawn_file_actions_adddup2(actions, source, fd);
	}
	/* What our caller has left open is ours, and the program may be another user's. */
	if (beginning->is_alone)
		descriptors_hide_from(STDERR_FILENO + 1);
	return result;
}

/* errno when it fails. argv[0] is looked up in PATH unless it is a path. */
static int spawn(const struct beginning *beginning, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, usual;
	int result;

	sigemptyset(&none);
	if (beginning->usual_signals)
		sigemptyset(&usual);
	else
		sigfillset(&usual);
	for (const int *one = beginning->usual_signals; one && *one; one++)
		sigaddset(&usual, *one);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	posix_spawnattr_setpgroup(&attributes, 0);
	/* A group, so that a shell's children end with it; a session, for into the terminal of root it could put what root is
	 * to have typed. */
	posix_spawnattr_setflags(&attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						      (beginning->is_alone ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP)));
	result = lay_descriptors(&actions, beginning);
	if (!result)
		result = posix_spawnp(pid, beginning->argv[0], &actions, &attributes, (char *const *)(uintptr_t)beginning->argv, beginning->environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return result;
}

/* The signals that we ignore or handle, while those that our caller ignores, as nohup does, stay ignored. */
static const int our_signals[] = {SIGPIPE, SIGXFSZ, SIGALRM, 0};

/* To the end of its output. */
static int collect(const char *name, int fd, int timeout_ms, struct buf *out, struct err *err)
{
	int64_t deadline = clock_now_ms() + timeout_ms;

	for (;;) {
		int64_t left = deadline - clock_now_ms();
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		char block[4096];
		int ready = left > 0 ? poll(&poll_fd, 1, (int)left) : 0;
		ssize_t got;

		if (ready < 0 && errno == EINTR)
			continue; /* reading now would wait without a deadline */
		if (ready < 0)
			return err_set_errno(err, EX_OSERR, errno, "Cannot wait for the command \"%s\"", name);
		if (ready == 0)
			return err_set(err, EX_UNAVAILABLE, STATUS(4, 3, 0), "The command \"%s\" did not end within %d seconds.", name,
				       timeout_ms / 1000);
		got = read(fd, block, sizeof block);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(err, EX_OSERR, errno, "Cannot read what the command \"%s\" prints", name);
		if (!got)
			return 0;
		buf_append(out, view_make(block, (size_t)got));
		explicit_bzero(block, (size_t)got);
		if (out->overflow)
			return err_set(err, EX_UNAVAILABLE, STATUS(4, 3, 0), "The command \"%s\" printed more than %zu octets.", name,
				       out->limit);
	}
}

static int judge(const char *name, int status, struct err *err)
{
	if (WIFSIGNALED(status))
		return err_set(err, EX_UNAVAILABLE, STATUS(4, 3, 0), "The command \"%s\" was ended by signal %d.", name, WTERMSIG(status));
	if (WEXITSTATUS(status))
		return err_set(err, EX_UNAVAILABLE, STATUS(4, 3, 0), "The command \"%s\" failed with exit status %d.", name,
			       WEXITSTATUS(status));
	return 0;
}

int process_capture(const char *const argv[], int timeout_ms, struct buf *out, struct err *err)
{
	int pipe_fds[2], status = 0, result;
	const char *name = argv[0];
	struct beginning beginning;
	pid_t pid;

	for (size_t i = 0; argv[i]; i++)
		name = argv[i]; /* "sh -c COMMAND": the last word is what the user wrote */
	if (pipe2(pipe_fds, O_CLOEXEC))
		return err_set_errno(err, EX_OSERR, errno, "Cannot make a pipe for the command \"%s\"", name);
	beginning = (struct beginning){.argv = argv, .environment = environ, .standard = {NOWHERE, pipe_fds[1], OURS}, .usual_signals = our_signals};
	result = spawn(&beginning, &pid);
	close(pipe_fds[1]);
	if (result) {
		close(pipe_fds[0]);
		return err_set_errno(err, EX_UNAVAILABLE, result, "Cannot run the command \"%s\"", name);
	}
	result = collect(name, pipe_fds[0], timeout_ms, out, err);
	if (result)
		kill(-pid, SIGKILL);
	close(pipe_fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return result ? result : judge(name, status, err);
}

/* Of the variables that tell how a program is to behave; never one that may hold a password. */
static void choose_environment(char *kept[], size_t room, bool has_home)
{
	static const char *const names[] = {"PATH=", "LANG=", "LC_ALL=", "TZ=", "HOME="};
	size_t name_count = sizeof names / sizeof *names - !has_home, count = 0;

	for (char **variable = environ; *variable; variable++)
		for (size_t i = 0; i < name_count && count + 1 < room; i++)
			if (strncmp(*variable, names[i], strlen(names[i])) == 0)
				kept[count++] = *variable;
}

/* errno when something fails; otherwise it does not come back. */
static int become_program(const char *const argv[], int input, char *const environment[], const struct sandbox_user *user)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct err ignored;
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || setpgid(0, 0) < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
		return errno;
	if (sandbox_become(user, NULL, 0, &ignored) < 0)
		return EPERM;
	execvpe(argv[0], (char *const *)(uintptr_t)argv, environment);
	return errno;
}

/* posix_spawn changes no user. */
static int fork_as(const char *const argv[], int input, char *const environment[], const struct sandbox_user *user, pid_t *pid)
{
	int news[2], result = 0;
	ssize_t got;

	if (pipe2(news, O_CLOEXEC) < 0)
		return errno;
	*pid = fork();
	if (*pid == 0) {
		result = become_program(argv, input, environment, user);
		_exit(write(news[1], &result, sizeof result) == (ssize_t)sizeof result ? EX_UNAVAILABLE : EX_OSERR);
	}
	if (*pid < 0)
		result = errno;
	close(news[1]);
	do
		got = read(news[0], &result, sizeof result); /* nothing comes when the program is there */
	while (got < 0 && errno == EINTR);
	close(news[0]);
	if (result && *pid > 0)
		while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
			;
	return result;
}

int process_start(const char *const argv[], int input, const struct sandbox_user *user, pid_t *pid, struct err *err)
{
	char *environment[8] = {NULL};
	struct beginning beginning = {.argv = argv, .environment = environment, .standard = {input, NOWHERE, NOWHERE}};
	pid_t started = 0;
	int result;

	choose_environment(environment, sizeof environment / sizeof *environment, !user->name);
	result = user->name ? fork_as(argv, input, environment, user, &started) : spawn(&beginning, &started);
	if (result)
		return err_set_errno(err, EX_UNAVAILABLE, result, "Cannot run %s", argv[0]);
	*pid = started;
	return 0;
}

int process_start_wish(const struct process_wish *wish, pid_t *pid, struct err *err)
{
	struct beginning beginning = {
		.argv = wish->argv, .environment = (char *const *)(uintptr_t)wish->environment,
		.folder = wish->folder && access(wish->folder, X_OK) == 0 ? wish->folder : "/",
		.standard = {wish->input, wish->output, wish->output}, .is_alone = true,
	};
	int result = spawn(&beginning, pid);

	if (!result)
		return 0;
	err_set_errno(err, EX_UNAVAILABLE, result, "Cannot run %s", wish->argv[0]);
	err->status.class = 4; /* what is not there may be installed yet */
	return -1;
}

int process_open_signals(const int *signals, struct err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (; *signals; signals++)
		sigaddset(&set, *signals);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 ? fd : err_set_errno(err, EX_OSERR, errno, "Cannot wait for signals");
}
