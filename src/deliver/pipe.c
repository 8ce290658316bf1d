/* pipe - a mail to a program's standard input. */
#include "deliver/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/process.h"
#include "net/stream.h"

enum { SAID_MAX = 4096, SHOWN_MAX = 400, LOOK_AGAIN_MS = 50, STATUS_NOT_RUN = 126, STATUS_NOT_FOUND = 127 };

static const struct {
	int exit_code;
	struct enhanced_status status;
} meanings[] = {
	/* as sendmail and Postfix have them; what is short of something may pass */
	{EX_USAGE, {5, 3, 5}}, {EX_DATAERR, {5, 6, 0}}, {EX_NOINPUT, {5, 3, 0}}, {EX_NOUSER, {5, 1, 1}}, {EX_NOHOST, {5, 1, 2}},
	{EX_UNAVAILABLE, {5, 3, 0}}, {EX_SOFTWARE, {5, 3, 0}}, {EX_OSERR, {4, 3, 0}}, {EX_OSFILE, {5, 3, 5}}, {EX_CANTCREAT, {5, 2, 0}},
	{EX_IOERR, {4, 3, 0}}, {EX_TEMPFAIL, {4, 3, 0}}, {EX_PROTOCOL, {5, 5, 0}}, {EX_NOPERM, {5, 7, 0}}, {EX_CONFIG, {5, 3, 5}},
};

static int start(struct pipe *pipe, int in[2], int out[2], struct err *err)
{
	struct process_wish wish = {.argv = pipe->wish.argv, .environment = pipe->wish.environment, .folder = pipe->wish.folder};

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return err_set_errno(err, EX_OSERR, errno, "Cannot make a pipe for %s", wish.argv[0]);
	wish.input = in[0];
	wish.output = out[1];
	if (fcntl(in[1], F_SETFL, O_NONBLOCK) < 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0)
		return err_set_errno(err, EX_OSERR, errno, "Cannot make a pipe for %s", wish.argv[0]);
	return process_start_wish(&wish, &pipe->pid, err);
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int pipe_begin(struct pipe *pipe, const struct pipe_wish *wish, struct err *err)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, result;

	*pipe = (struct pipe){.wish = *wish, .output = -1, .deadline_ms = clock_now_ms() + wish->timeout_ms,
			      .writer = {.fd = -1, .output_fd = -1, .what = "to the program"}};
	buf_init(&pipe->said, SAID_MAX);
	line_writer_init(&pipe->writer);
	result = start(pipe, in, out, err);
	close_end(&in[0]);
	close_end(&out[1]);
	pipe->writer.fd = in[1];
	pipe->writer.output_fd = pipe->output = out[0];
	pipe->writer.output = &pipe->said;
	pipe->writer.deadline_ms = pipe->deadline_ms;
	return result;
}

int pipe_write(struct pipe *pipe, struct view lines, struct err *err)
{
	return line_writer_put(&pipe->writer, lines, err);
}

/* A descriptor that can be read when the program has ended; -1 where there are none: then it is looked after again and again. */
static int open_end(pid_t pid)
{
#ifdef SYS_pidfd_open
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
#else
	(void)pid;
	return -1;
#endif
}

/* Its children may have its output yet, and are not waited for. */
static bool has_ended(struct pipe *pipe, int *status)
{
	pid_t pid;

	do
		pid = waitpid(pipe->pid, status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid == 0)
		return false;
	pipe->pid = 0;
	if (pid < 0)
		*status = SIGKILL; /* somebody else has taken its status */
	return true;
}

static int wait_for_end(struct pipe *pipe, int *status, struct err *err)
{
	int end = open_end(pipe->pid), result = 0;

	while (!has_ended(pipe, status) && result == 0) {
		int64_t left_ms = pipe->deadline_ms - clock_now_ms(), most_ms = end < 0 ? LOOK_AGAIN_MS : 60000;
		struct pollfd polls[2] = {{.fd = end, .events = POLLIN}, {.fd = pipe->writer.output_fd, .events = POLLIN}};

		if (left_ms <= 0)
			result = err_set(err, EX_TEMPFAIL, STATUS(4, 3, 0), "%s did not end within %d seconds.", pipe->wish.argv[0],
					 pipe->wish.timeout_ms / 1000);
		else if (poll(polls, 2, (int)(left_ms < most_ms ? left_ms : most_ms)) > 0 && polls[1].revents && !line_writer_hear(&pipe->writer))
			pipe->writer.output_fd = -1;
	}
	close_end(&end);
	if (pipe->writer.output_fd >= 0)
		line_writer_hear(&pipe->writer);
	return result;
}

static int judge(const struct pipe *pipe, int status, struct err *err)
{
	struct view said = view_first(view_trim(buf_view(&pipe->said)), SHOWN_MAX);
	const char *name = pipe->wish.argv[0], *colon = said.len > 0 ? ": " : "";
	int code = WEXITSTATUS(status);

	if (WIFSIGNALED(status))
		return err_set(err, EX_TEMPFAIL, STATUS(4, 3, 0), "%s was ended by signal %d%s%.*s.", name, WTERMSIG(status), colon, VIEW_ARG(said));
	if (code == EX_OK)
		return 0;
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (meanings[i].exit_code == code)
			return err_set(err, code, meanings[i].status, "%s failed with exit status %d%s%.*s.", name, code, colon, VIEW_ARG(said));
	return err_set(err, EX_UNAVAILABLE, code == STATUS_NOT_RUN || code == STATUS_NOT_FOUND ? STATUS(4, 3, 0) : STATUS(5, 3, 0),
		       "%s failed with exit status %d%s%.*s.", name, code, colon, VIEW_ARG(said));
}

int pipe_end(struct pipe *pipe, struct err *err)
{
	int status;

	if (line_writer_flush(&pipe->writer, err) < 0)
		return -1;
	close_end(&pipe->writer.fd);
	if (wait_for_end(pipe, &status, err) < 0)
		return -1;
	return judge(pipe, status, err);
}

void pipe_close(struct pipe *pipe)
{
	if (pipe->pid > 0) {
		kill(-pipe->pid, SIGKILL);
		while (waitpid(pipe->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	pipe->pid = 0;
	close_end(&pipe->writer.fd);
	close_end(&pipe->output);
	line_writer_clear(&pipe->writer);
	buf_clear(&pipe->said);
}
