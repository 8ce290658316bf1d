/* mbox - a mail at the end of an mbox file: locked, appended, made durable, and cut back when that fails. */
#ifndef DELIVER_MBOX_H
#define DELIVER_MBOX_H

#include <sys/types.h>
#include <time.h>
#include "deliver/line_writer.h"

struct mbox_wish {
	const char *path;
	uid_t owner;			/* whose the file has to be */
	struct view sender;		/* of the From_ line; empty: nobody */
	time_t now;
	int wait_ms;			/* most to wait for whoever has it locked */
};

struct mbox {
	struct mbox_wish wish;
	int folder, file;		/* descriptors */
	char lock[256];			/* the dot lock's name in the folder; "": there is none */
	off_t before;			/* its size before the mail */
	bool is_new;			/* made by us */
	struct line_writer writer;
};

/* Opens and locks it (fcntl, and a dot lock where the folder can be written), makes it where it is missing, and writes the From_ line. A link, another's file, one with several names or no
 * file at all is refused. Fails with EX_TEMPFAIL 4.2.0 when it is locked or refused, and as line_writer_put. mbox_close is
 * owed in either case. */
int mbox_begin(struct mbox *mbox, const struct mbox_wish *wish, struct err *err);
/* Whether the file can be cut back only while there is room: of a btrfs whose quota is used up nothing can be. Then it is asked
 * for the room that the mail needs before anything of it is written. */
bool mbox_needs_room(const struct mbox *mbox);
int mbox_ask_for_room(struct mbox *mbox, uint64_t size_octets, struct err *err);
int mbox_write(struct mbox *mbox, struct view lines, struct err *err);
/* Durable when it returns 0. */
int mbox_end(struct mbox *mbox, struct err *err);
/* The mail that was begun is taken out again. */
void mbox_abandon(struct mbox *mbox);
void mbox_close(struct mbox *mbox);

#endif
