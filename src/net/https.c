/* https - one question to a web server, asked by a child process. */
#include "net/https.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#ifdef HAVE_CURL
#define CURL_DISABLE_TYPECHECK /* its functions are members of a table here, not macros */
#include <curl/curl.h>
#include "base/library.h"
#endif
#include "net/stream.h"

enum { GRACE_MS = 5000, BODY_MAX = 64 * 1024 };

/* What the child says before the body. */
struct report {
	unsigned http_status;		/* 0: there was no answer, and the text is why */
	int exit_code;			/* then: of sysexits.h */
	unsigned short subject, detail;
};

void https_append_field(struct buf *form, const char *name, struct view value)
{
	buf_printf(form, "%s%s=", form->len > 0 ? "&" : "", name);
	for (size_t i = 0; i < value.len; i++) {
		if (ascii_is_alnum(value.data[i]) || (value.data[i] && strchr("-._~", value.data[i])))
			buf_append_char(form, value.data[i]);
		else
			buf_printf(form, "%%%02X", (unsigned char)value.data[i]);
	}
}

#ifdef HAVE_CURL
#define CURL_FUNCTIONS(F) F(curl_global_init) F(curl_easy_init) F(curl_easy_setopt) F(curl_easy_perform) F(curl_easy_getinfo) F(curl_easy_strerror)
LIBRARY(curl, SONAME_CURL, "recommended", "oauth", "OAuth tokens", CURL_FUNCTIONS)

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
	struct buf *body = context;

	buf_append(body, view_make(data, size * count));
	return body->overflow ? 0 : size * count;
}

static void set_options(const struct curl_functions *curl, CURL *handle, const struct https_request *request, struct buf *body, char *trouble)
{
	struct stat st;

	curl->curl_easy_setopt(handle, CURLOPT_URL, request->url);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl->curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "https");
#else
	curl->curl_easy_setopt(handle, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
	curl->curl_easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl->curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl->curl_easy_setopt(handle, CURLOPT_USERAGENT, "paloma/" PACKAGE_VERSION);
	curl->curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, (long)request->form.len);
	curl->curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request->form.data);
	curl->curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl->curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
	curl->curl_easy_setopt(handle, CURLOPT_WRITEDATA, body);
	curl->curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, trouble);
	if (request->ca)
		curl->curl_easy_setopt(handle, stat(request->ca, &st) == 0 && S_ISDIR(st.st_mode) ? CURLOPT_CAPATH : CURLOPT_CAINFO, request->ca);
}

/* The status for what went wrong: routing and network, or security (RFC 3463). */
static struct report judge(CURLcode code)
{
	bool is_tls = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_CACERT_BADFILE;

	return (struct report){.exit_code = EX_TEMPFAIL, .subject = is_tls ? 7 : 4,
			       .detail = is_tls ? 5 : code == CURLE_COULDNT_RESOLVE_HOST ? 3 : code == CURLE_COULDNT_CONNECT ? 1 : 2};
}

static struct report ask(const struct https_request *request, struct buf *body)
{
	char trouble[CURL_ERROR_SIZE] = "";
	const struct curl_functions *curl;
	struct report report = {.exit_code = EX_UNAVAILABLE, .subject = 3, .detail = 5};
	struct err err;
	CURL *handle;
	CURLcode code;
	long status = 0;

	curl = curl_load(&err);
	if (!curl) {
		buf_append_str(body, err.text);
		return report;
	}
	handle = curl->curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl->curl_easy_init() : NULL;
	if (!handle) {
		buf_append_str(body, "libcurl cannot be started.");
		return report;
	}
	set_options(curl, handle, request, body, trouble);
	code = curl->curl_easy_perform(handle);
	curl->curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && status > 0)
		return (struct report){.http_status = (unsigned)status};
	buf_reset(body);
	buf_printf(body, "%s gives no answer: %s.", request->url, trouble[0] ? trouble : curl->curl_easy_strerror(code));
	return judge(code);
}
#else
static struct report ask(const struct https_request *request, struct buf *body)
{
	buf_printf(body, "%s cannot be asked: this paloma was built without libcurl; oauth_token_command takes tokens from a program.", request->url);
	return (struct report){.exit_code = EX_UNAVAILABLE, .subject = 3, .detail = 5};
}
#endif

static void write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t written = write(fd, at, len);

		if (written < 0 && errno != EINTR)
			return;
		at += written > 0 ? written : 0;
		len -= written > 0 ? (size_t)written : 0;
	}
}

static _Noreturn void be_child(const struct https_request *request, int out, pid_t parent)
{
	struct report report;
	struct buf body;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EX_TEMPFAIL);
	buf_init(&body, BODY_MAX);
	report = ask(request, &body);
	write_all(out, &report, sizeof report);
	write_all(out, body.data, body.len);
	_exit(EX_OK);
}

/* To the end of what it says, or until its time is up. */
static int collect(int fd, int timeout_ms, struct buf *answer, struct err *err)
{
	int64_t deadline_ms = clock_now_ms() + timeout_ms;

	for (;;) {
		int64_t left_ms = deadline_ms - clock_now_ms();
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		int ready = left_ms > 0 ? poll(&poll_fd, 1, (int)left_ms) : 0;
		char *room;
		ssize_t got;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return err_set(err, EX_TEMPFAIL, STATUS(4, 4, 2), "The server gave no answer within %d seconds.", timeout_ms / 1000);
		room = buf_reserve(answer, 4096);
		got = room ? read(fd, room, 4096) : 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 ? 0 : err_set_errno(err, EX_OSERR, errno, "Cannot read an answer");
		buf_commit(answer, (size_t)got);
	}
}

static int read_report(const struct buf *answer, unsigned *status, struct buf *body, struct err *err)
{
	struct report report;
	struct view text;

	if (answer->len < sizeof report)
		return err_set(err, EX_TEMPFAIL, STATUS(4, 3, 0), "The process that asks a web server has died.");
	memcpy(&report, answer->data, sizeof report);
	text = view_from(buf_view(answer), sizeof report);
	if (!report.http_status)
		return err_set(err, report.exit_code, STATUS(report.exit_code == EX_TEMPFAIL ? 4 : 5, report.subject, report.detail), "%.*s",
			       VIEW_ARG(text));
	*status = report.http_status;
	buf_append(body, text);
	return 0;
}

int https_post(const struct https_request *request, unsigned *status, struct buf *body, struct err *err)
{
	static const struct view scheme = VIEW("https://");
	pid_t parent = getpid(), pid;
	struct buf answer;
	int pipe_fds[2], result, ignored;

	if (!view_starts_nocase(view_of(request->url), scheme))
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s is no URL of HTTPS.", request->url);
	if (pipe2(pipe_fds, O_CLOEXEC))
		return err_set_errno(err, EX_OSERR, errno, "Cannot make a pipe");
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		be_child(request, pipe_fds[1], parent);
	close(pipe_fds[1]);
	if (pid < 0) {
		close(pipe_fds[0]);
		return err_set_errno(err, EX_OSERR, errno, "Cannot start a process");
	}
	buf_init(&answer, BODY_MAX + 8192);
	buf_reserve(&answer, BODY_MAX + 4096); /* growing would leave a copy of a token behind */
	result = collect(pipe_fds[0], request->timeout_ms + GRACE_MS, &answer, err);
	kill(pid, SIGKILL); /* it has nothing more to say */
	close(pipe_fds[0]);
	while (waitpid(pid, &ignored, 0) < 0 && errno == EINTR)
		;
	if (result == 0)
		result = read_report(&answer, status, body, err);
	buf_wipe(&answer);
	return result;
}
