/* daemon - sendmail -bd: the service, started as sendmail's was.
 *
 * Old scripts for the start of a host call it and go on when it returns. The service tells whoever keeps it up that it is
 * ready (sd_notify(3)); until then that is we. */
#include "run/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "run/output.h"
#include "run/serve.h"

enum { STATE_OCTETS = 256 };

/* A socket that stands in no folder; its name goes into the environment of the service. */
static int open_ear(struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char *name = address.sun_path;

	snprintf(name, sizeof address.sun_path, "@paloma/%ld/ready", (long)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name + 1))) == 0)
		return fd;
	err_set_errno(err, EX_OSERR, errno, "Cannot wait for the service");
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Nobody's terminal, nobody's folder. What it complains of is heard until we are gone. */
static _Noreturn void be_service(const struct request *request, int ear, const int complaints[2])
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	int status;

	close(ear);
	close(complaints[0]);
	setsid();
	umask(022);
	if (chdir("/") < 0 || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0 || dup2(complaints[1], STDERR_FILENO) < 0)
		_exit(EX_OSERR);
	status = serve_run(request);
	fflush(NULL);
	_exit(status);
}

static bool is_ready(int ear)
{
	static const char ready[] = "READY=1";
	char state[STATE_OCTETS];
	ssize_t got = recv(ear, state, sizeof state, MSG_DONTWAIT);

	return got >= (ssize_t)sizeof ready - 1 && memcmp(state, ready, sizeof ready - 1) == 0;
}

/* Shows what it complains of. False when there will be no more. */
static bool pass_on(int complaints)
{
	char text[4096];
	ssize_t got = read(complaints, text, sizeof text);

	if (got > 0)
		fwrite(text, (size_t)got, 1, stderr);
	return got > 0 || (got < 0 && errno == EINTR);
}

/* Until it is ready, or has ended. */
static int wait_for_service(pid_t pid, int ear, int complaints)
{
	struct pollfd polls[2] = {{.fd = ear, .events = POLLIN}, {.fd = complaints, .events = POLLIN}};
	int status = 0;

	for (;;) {
		if (poll(polls, 2, -1) < 0)
			continue;
		if (polls[0].revents && is_ready(ear))
			return EX_OK;
		if (polls[1].revents && !pass_on(complaints))
			break;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
}

static int detach(const struct request *request)
{
	int complaints[2] = {-1, -1}, ear, status;
	struct err err;
	pid_t pid = -1;

	ear = open_ear(&err);
	if (ear < 0)
		return output_complain(&err);
	fflush(NULL);
	if (pipe2(complaints, O_CLOEXEC) == 0)
		pid = fork();
	if (pid == 0)
		be_service(request, ear, complaints);
	if (pid < 0) {
		err_set_errno(&err, EX_OSERR, errno, "Cannot start the service");
		return output_complain(&err);
	}
	close(complaints[1]);
	status = wait_for_service(pid, ear, complaints[0]);
	close(complaints[0]);
	close(ear);
	return status;
}

int daemon_run(const struct request *request)
{
	bool is_watched = getenv("NOTIFY_SOCKET") || getenv("LISTEN_PID");

	return request->stays_in_foreground || is_watched ? serve_run(request) : detach(request);
}
