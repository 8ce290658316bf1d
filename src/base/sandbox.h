/* sandbox - what a process gives up for good before it reads what strangers send.
 *
 * Three walls, each as far as the kernel and the build have it: the user, what may be opened (Landlock), what may be asked
 * of the kernel (seccomp). A system without them still delivers; what was had is told. */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include <sys/types.h>
#include "base/buf.h"
#include "base/err.h"

struct sandbox;

/* What the process is there for: to speak to servers, to those of this machine alone, to store what it is given, or to file it in
 * folders. */
enum sandbox_kind { SANDBOX_SENDS = 1, SANDBOX_STORES = 2, SANDBOX_SENDS_HERE = 3, SANDBOX_FILES = 4 };

/* Makes the filter, which takes milliseconds and is the same for every process that enters. append_fd: the number of a
 * descriptor that stays as it was opened, O_APPEND above all, which one that files cannot take from any; -1 for none. Never null. */
struct sandbox *sandbox_new(enum sandbox_kind kind, int append_fd);
/* Null is accepted. */
void sandbox_free(struct sandbox *sandbox);
/* Appends "confined by seccomp and Landlock (ABI 7)", or what lacks and why. */
void sandbox_describe(const struct sandbox *sandbox, struct buf *out);

/* What may be opened besides: a file, or a folder with all below it. */
struct sandbox_place {
	const char *path;		/* missing ones are passed over */
	enum sandbox_use {
		SANDBOX_READ,
		SANDBOX_HIDE,		/* SANDBOX_STORES: a folder; all that is not in it may be read */
		SANDBOX_ADD,		/* SANDBOX_STORES: new files are written, none is read, opened again or removed */
		SANDBOX_FILE,		/* SANDBOX_FILES: a folder, in which files and folders are made, written, moved and removed */
		SANDBOX_SCRATCH,	/* SANDBOX_STORES: new files are written, read and removed */
	} use;
};

/* Enters. Afterwards the process opens for reading what the C library, name service and TLS need, and places; one that
 * stores makes new files where places says so, and no other files are changed but by writing to a descriptor that it has. It starts no
 * process and signals none. One that sends may connect as before; one that stores speaks to nobody outside this machine, and neither does one
 * that sends here only; one that files speaks to nobody but over what it has.
 * Fails with EX_OSERR when something that sandbox_describe promises is not had after all; the rest is. */
int sandbox_enter(const struct sandbox *sandbox, const struct sandbox_place *places, size_t count, struct err *err);

enum { SANDBOX_GROUPS_MAX = 64 };

/* Somebody with fewer rights than root. */
struct sandbox_user {
	const char *name;		/* null: there is none, or we are not root */
	uid_t uid;
	gid_t gid;
	gid_t groups[SANDBOX_GROUPS_MAX];
	int group_count;
};

/* The first of names that there is, when the caller is root. The names are borrowed. */
void sandbox_find_user(struct sandbox_user *user, const char *const *names, size_t count);

/* A file that the user has to reach. */
struct sandbox_need {
	const char *path;
	int mode;			/* R_OK, W_OK */
};

/* Becomes the user for good, unless he cannot reach a file that root reaches. Does nothing without a name.
 * Fails with EX_OSERR and why the process stays what it is. */
int sandbox_become(const struct sandbox_user *user, const struct sandbox_need *needs, size_t count, struct err *err);

#endif
