/* agenda - which messages wait for what time: a heap by time over a table by id, in some 60 octets a message. */
#ifndef QUEUE_AGENDA_H
#define QUEUE_AGENDA_H

#include <time.h>
#include "spool/spool.h"

struct agenda;

struct agenda *agenda_new(void);
/* Null is accepted. */
void agenda_free(struct agenda *agenda);

/* Puts a message on it, or changes its time. */
void agenda_put(struct agenda *agenda, const char *id, time_t due);
/* Takes it off; one that is not there is no mistake. */
void agenda_remove(struct agenda *agenda, const char *id);
/* The time of a message; false when it is not there. */
bool agenda_find(const struct agenda *agenda, const char *id, time_t *due);

size_t agenda_count(const struct agenda *agenda);
/* The earliest; false when there is none. id may be null. */
bool agenda_first(const struct agenda *agenda, char id[SPOOL_ID_SIZE], time_t *due);

#endif
