/* renewal - another access token for a worker, which may fetch none itself any more. */
#include "queue/renewal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/mem.h"
#include "queue/confinement.h"
#include "queue/packet.h"

enum { TOKEN_MAX = 16 * 1024 };

/* What an answer begins with; the token follows. */
struct answer {
	bool is_new;
	struct err err;
};

static _Noreturn void be_renewer(const struct relay *relay, const struct secret *secret, int socket)
{
	struct secret own = *secret;
	struct credentials credentials = relay->credentials;
	struct answer answer = {0};
	char word;
	struct iovec asked = {.iov_base = &word, .iov_len = sizeof word};
	struct iovec pieces[2] = {{.iov_base = &answer, .iov_len = sizeof answer}, {0}};
	struct err ignored;
	int fd;

	confinement_keep_socket(socket);
	confinement_leave_standard_error();
	if (packet_receive(WORKER_SOCKET_FD, &asked, 1, &fd) <= 0)
		_exit(EX_OK);
	if (secret_renew(relay, &own, &credentials, &answer.is_new, &answer.err) == 0)
		pieces[1] = (struct iovec){.iov_base = own.token.data, .iov_len = own.token.len};
	packet_send(WORKER_SOCKET_FD, pieces, 2, -1, &ignored);
	secret_clear(&own);
	_exit(EX_OK);
}

int renewal_start(const struct relay *relay, const struct secret *secret, int lowest)
{
	int pair[2], kept;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return 0;
	pid = fork();
	if (pid == 0)
		be_renewer(relay, secret, pair[1]);
	kept = pid < 0 ? -1 : fcntl(pair[0], F_DUPFD_CLOEXEC, lowest);
	close(pair[0]);
	close(pair[1]);
	return kept < 0 ? 0 : kept;
}

/* token: room for TOKEN_MAX octets. */
static int take_answer(int socket, char *token, struct secret *secret, struct credentials *credentials, bool *is_new, struct err *err)
{
	struct answer answer = {0};
	struct iovec pieces[2] = {{.iov_base = &answer, .iov_len = sizeof answer}, {.iov_base = token, .iov_len = TOKEN_MAX}};
	int fd;
	ssize_t got = packet_receive(socket, pieces, 2, &fd);

	if (got < (ssize_t)sizeof answer)
		return err_set(err, EX_TEMPFAIL, STATUS(4, 7, 0), "Another one could not be fetched.");
	if (answer.err.exit_code) {
		*err = answer.err;
		return -1;
	}
	*is_new = answer.is_new;
	if (answer.is_new)
		secret_take_token(secret, view_make(token, (size_t)got - sizeof answer), credentials);
	return 0;
}

int renewal_ask(int socket, struct secret *secret, struct credentials *credentials, bool *is_new, struct err *err)
{
	char word = 'R', *token;
	struct iovec wish = {.iov_base = &word, .iov_len = sizeof word};
	int result;

	*is_new = false;
	if (packet_send(socket, &wish, 1, -1, err) < 0)
		return 0; /* it has answered once, and is gone */
	token = mem_alloc_block(TOKEN_MAX);
	result = take_answer(socket, token, secret, credentials, is_new, err);
	mem_wipe(token, TOKEN_MAX);
	free(token);
	return result;
}
