/* watch - what a person sees while a mail is on its way: the conversation, a transcript, a bar. */
#ifndef RUN_WATCH_H
#define RUN_WATCH_H

#include <stdio.h>
#include "deliver/deliver.h"

struct watch {
	FILE *transcript;		/* null: none */
	const char *transcript_file;
	bool verbose;			/* the conversation to standard error */
	bool bar;			/* standard error is a terminal and nobody asked for silence */
	int64_t begun_ms, shown_ms;
	bool is_shown;
};

/* transcript_file: null for none; made anew, readable by its owner only. Fails with EX_CANTCREAT. */
int watch_open(struct watch *watch, const char *transcript_file, bool verbose, bool quiet, struct err *err);
/* Fails with EX_IOERR when the transcript could not be written. A zeroed one is accepted. */
int watch_close(struct watch *watch, struct err *err);
/* Puts the watch's eyes into the options. */
void watch_attach(struct watch *watch, struct deliver_options *options);

#endif
