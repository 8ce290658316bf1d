/* queue_words - what is to be done with the queue as words for the service, and back.
 *
 * They are not those of the command line: nobody who asks the service may name it a configuration or set a key of it. */
#ifndef RUN_QUEUE_WORDS_H
#define RUN_QUEUE_WORDS_H

#include "base/err.h"
#include "run/request.h"

/* argc words, in arena. */
char **queue_words_make(const struct request *request, struct arena *arena, int *argc);
/* Fills what the words tell of in the request, whose arena is used. Fails with EX_PROTOCOL. */
int queue_words_parse(int argc, char **argv, struct request *request, struct err *err);

#endif
