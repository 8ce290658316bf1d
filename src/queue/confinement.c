/* confinement - how workers are kept from everything but their mail and their server. */
#include "queue/confinement.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/blob.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/mem.h"

struct confinement {
	struct sandbox *sandbox;	/* of those who send; null: none is started */
	struct sandbox *writing;	/* null: made by who enters it */
	struct sandbox_user user;
	bool is_root;
};

static const char *const users[] = {"paloma", "nobody"};

static struct confinement *make(void)
{
	struct confinement *confinement = mem_alloc(sizeof *confinement);

	sandbox_find_user(&confinement->user, users, sizeof users / sizeof *users);
	confinement->is_root = geteuid() == 0;
	return confinement;
}

struct confinement *confinement_new(void)
{
	struct confinement *confinement = make();

	confinement->sandbox = sandbox_new(SANDBOX_SENDS, WORKER_MESSAGE_FD);
	return confinement;
}

struct confinement *confinement_new_of_writers(void)
{
	struct confinement *confinement = make();

	confinement->writing = sandbox_new(SANDBOX_FILES, WORKER_MESSAGE_FD);
	return confinement;
}

void confinement_free(struct confinement *confinement)
{
	if (confinement) {
		sandbox_free(confinement->sandbox);
		sandbox_free(confinement->writing);
	}
	free(confinement);
}

void confinement_describe(const struct confinement *confinement, struct buf *out)
{
	buf_append_str(out, "Workers ");
	if (confinement->user.name)
		buf_printf(out, "run as the user %s, ", confinement->user.name);
	else if (confinement->is_root)
		buf_append_str(out, "run as root, for there is neither a user paloma nor nobody, ");
	else
		buf_append_str(out, "are ");
	sandbox_describe(confinement->sandbox, out);
	buf_append_char(out, '.');
}

void confinement_describe_writers(struct buf *out)
{
	struct sandbox *sandbox = sandbox_new(SANDBOX_FILES, WORKER_MESSAGE_FD);

	buf_append_str(out, "Writers of mailboxes run as their users, ");
	sandbox_describe(sandbox, out);
	buf_append_char(out, '.');
	sandbox_free(sandbox);
}

void confinement_keep_socket(int socket)
{
	int kept = fcntl(socket, F_DUPFD_CLOEXEC, WORKER_MESSAGE_FD + 1), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct err ignored;

	log_open("none", &ignored); /* whose descriptor goes now; what a worker has to say the runner writes down */
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	dup3(kept >= 0 ? kept : socket, WORKER_SOCKET_FD, O_CLOEXEC);
	descriptors_close_from(WORKER_SOCKET_FD + 1);
}

/* The last one: a command for the password may have had something to say to the user. The sanitizers speak here as well. */
void confinement_leave_standard_error(void)
{
#if !defined __SANITIZE_ADDRESS__
	dup2(STDOUT_FILENO, STDERR_FILENO);
#endif
}

/* What may be named for a relay: a certificate, a key, an authority, and two sockets or more. */
enum { NEEDS_MAX = 16, WRITERS_FOLDERS_MAX = 4 };

static size_t add_need(struct sandbox_need needs[NEEDS_MAX], size_t count, const char *path, int mode)
{
	if (path && count < NEEDS_MAX)
		needs[count++] = (struct sandbox_need){path, mode};
	return count;
}

static size_t find_needs(const struct relay *relay, const struct tls_policy *tls, struct arena *arena, struct sandbox_need needs[NEEDS_MAX])
{
	size_t count = add_need(needs, 0, tls->ca_file, R_OK);

	count = add_need(needs, count, tls->cert_file, R_OK);
	count = add_need(needs, count, tls->key_file, R_OK);
	for (size_t i = 0; relay && i < relay->url_count; i++)
		if (relay->urls[i].is_unix)
			count = add_need(needs, count, arena_str(arena, relay->urls[i].host), W_OK);
	return count;
}

/* Tickets are the user's: one who becomes somebody else has none. "FILE:PATH", as Kerberos has it. */
static const char *find_tickets(const struct relay *relay, struct arena *arena)
{
	const char *named = getenv("KRB5CCNAME");

	if (!relay || !view_equal_nocase(relay->credentials.mechanisms, (struct view)VIEW("GSSAPI")))
		return NULL;
	if (!named)
		return arena_str(arena, arena_printf(arena, "/tmp/krb5cc_%lu", (unsigned long)getuid()));
	return strncmp(named, "FILE:", 5) == 0 ? named + 5 : named;
}

void confinement_give_up_root(const struct confinement *confinement)
{
	struct err ignored;

	sandbox_become(&confinement->user, NULL, 0, &ignored); /* who is root yet writes no mailbox */
}

/* A server of mailboxes on this machine, by its socket. */
static bool is_of_this_machine(const struct relay *relay)
{
	for (size_t i = 0; relay && i < relay->url_count; i++)
		if (!relay->urls[i].is_unix)
			return false;
	return relay && relay->url_count > 0;
}

void confinement_enter(const struct confinement *confinement, const struct relay *relay, const struct conf *conf, struct buf *remark)
{
	struct arena *arena = arena_new();
	struct sandbox_need needs[NEEDS_MAX];
	struct sandbox_place places[NEEDS_MAX];
	size_t count, place_count = 0;
	struct sandbox *own = NULL;
	struct err err;

	count = find_needs(relay, relay ? &relay->tls : &conf->route.mx_tls, arena, needs);
	count = add_need(needs, count, find_tickets(relay, arena), R_OK);
	for (size_t i = 0; i < count; i++)
		if (needs[i].mode == R_OK)
			places[place_count++] = (struct sandbox_place){needs[i].path, SANDBOX_READ};
	if (sandbox_become(&confinement->user, needs, count, &err) < 0)
		buf_printf(remark, "A worker stays root, with all that root may: %s", err.text);
	confinement_leave_standard_error();
	if (is_of_this_machine(relay))
		own = sandbox_new(SANDBOX_SENDS_HERE, WORKER_MESSAGE_FD);
	if (sandbox_enter(own ? own : confinement->sandbox, places, place_count, &err) < 0)
		buf_printf(remark, "%sA worker is less confined than it should be: %s", remark->len > 0 ? " " : "", err.text);
	sandbox_free(own);
	arena_free(arena);
}

int confinement_enter_writing(const struct confinement *confinement, const char *const *folders, size_t count, struct err *err)
{
	struct sandbox *own = confinement && confinement->writing ? NULL : sandbox_new(SANDBOX_FILES, confinement ? WORKER_MESSAGE_FD : -1);
	struct sandbox_place places[WRITERS_FOLDERS_MAX + 1];
	size_t place_count = 0;
	int result;

	for (size_t i = 0; i < count && i < WRITERS_FOLDERS_MAX; i++)
		if (access(folders[i], F_OK) == 0)
			places[place_count++] = (struct sandbox_place){folders[i], SANDBOX_FILE};
	if (place_count == 0) /* what is wrong there is told by who delivers */
		places[place_count++] = (struct sandbox_place){"/", SANDBOX_FILE};
	result = sandbox_enter(own ? own : confinement->writing, places, place_count, err);
	sandbox_free(own);
	return result;
}

int confinement_enter_storing(const struct sandbox *sandbox, struct spool *spool, struct err *err)
{
	char folder[64], queue[64];
	/* Aliases, and what they include, are anywhere. */
	struct sandbox_place places[] = {{folder, SANDBOX_HIDE}, {queue, SANDBOX_ADD}, {blob_temporary_folder(), SANDBOX_SCRATCH}};

	snprintf(folder, sizeof folder, "/proc/self/fd/%d", spool->folder);
	snprintf(queue, sizeof queue, "/proc/self/fd/%d", spool->queue);
	spool->is_add_only = true;
	return sandbox_enter(sandbox, places, sizeof places / sizeof *places, err);
}

uint64_t confinement_stamp(void)
{
	static const char *const replaceable[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf"};
	uint64_t stamp = 0;
	struct stat st;

	for (size_t i = 0; i < sizeof replaceable / sizeof *replaceable; i++)
		if (stat(replaceable[i], &st) == 0)
			stamp = stamp * 1000003 + st.st_ino * 31 + st.st_dev * 7 + (uint64_t)st.st_ctim.tv_sec * 1000000007 + (uint64_t)st.st_ctim.tv_nsec;
		else
			stamp = stamp * 1000003 + 1;
	return stamp;
}
