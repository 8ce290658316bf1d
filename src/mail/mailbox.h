/* mailbox - where the mail of a user of this host is put, and the pattern that the configuration has for it. */
#ifndef MAIL_MAILBOX_H
#define MAIL_MAILBOX_H

#include <sys/types.h>
#include "base/arena.h"
#include "base/err.h"

/* A user of this host. */
struct local_user {
	struct view name, home;
	uid_t uid;
	gid_t gid;
};

/* Who is called name, which is compared as it is. 1 and *user, with strings in arena; 0: nobody; -1: that cannot be told now. */
typedef int local_user_find(void *context, struct view name, struct arena *arena, struct local_user *user, struct err *err);

enum mailbox_kind {
	MAILBOX_USUAL,			/* the Maildir in the home folder where there is one, else the mbox of the system */
	MAILBOX_MAILDIR, MAILBOX_MBOX, MAILBOX_PIPE,
};

/* "maildir:%h/Maildir", "mbox:/var/mail/%u", "pipe:/usr/bin/maildrop -d %u". %u user, %h home folder, %d domain, %e what
 * stands behind the name ("tag" of ann+tag), %% a percent sign. */
struct mailbox_pattern {
	enum mailbox_kind kind;
	const struct view *words;	/* one path, or the arguments of the program */
	size_t word_count;
};

/* Fails with EX_CONFIG 5.3.5. Words live in arena. Nothing else but text is kept of "lmtp:", which is a relay's. */
int mailbox_parse_pattern(struct view text, struct arena *arena, struct mailbox_pattern *pattern, struct err *err);

/* The mailbox of one recipient. */
struct mailbox {
	enum mailbox_kind kind;
	struct local_user user;		/* whose it is, and with whose rights alone it is written */
	struct view extension;		/* "tag"; empty: none */
	const char *path;		/* MAILDIR, MBOX; of USUAL the Maildir */
	const char *mbox_path;		/* MBOX, USUAL */
	const char *const *argv;	/* PIPE; ends with null */
	struct view group;		/* the only one it is written with; empty: those of the user */
	bool is_target;			/* a file or program that an alias leads to, not the user's mailbox */
};

/* The mailbox of root is an mbox outside of root's home, that of the system where the pattern has another: for a mail no
 * program runs as root, and nothing is written with root's rights.
 * extension, domain: come from a stranger, and become part of a path or an argument only with what could lead elsewhere replaced. */
void mailbox_expand(const struct mailbox_pattern *pattern, const struct local_user *user, struct view extension, struct view domain,
		    struct arena *arena, struct mailbox *mailbox);
/* The folder in which all mail of the user is put that does not go into the system's: what stands before the domain or the extension
 * in the pattern, or the Maildir itself. Empty for a program, and where there is no pattern. */
struct view mailbox_find_folder(const struct mailbox_pattern *pattern, const struct local_user *user, struct arena *arena);
/* What an alias leads to: "/file", "/folder/" for a Maildir, or "|/command words", of which those with spaces stand in quotation
 * marks; no shell reads it. */
void mailbox_of_target(struct view target, const struct local_user *user, struct arena *arena, struct mailbox *mailbox);
/* "mbox /var/mail/ann", for people. */
struct view mailbox_describe(const struct mailbox *mailbox, struct arena *arena);

#endif
