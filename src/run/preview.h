/* preview - -n and --print: what would be sent, and where to. */
#ifndef RUN_PREVIEW_H
#define RUN_PREVIEW_H

#include "base/buf.h"
#include "compose/composition.h"
#include "route/route.h"

/* To standard output: the parts with type, reason, encoding and size, then the way of each recipient. Fails with EX_IOERR. */
int preview_print(const struct draft *draft, const struct compose_report *report, const struct route *route, bool as_json,
		  struct arena *arena, struct err *err);
/* The message itself, to standard output, lines ended as this system ends them. Fails with EX_IOERR. */
int preview_print_message(const struct message *message, struct err *err);

/* The ways alone, for paloma route. */
void preview_append_ways(struct buf *out, const struct envelope *envelope, const struct route *route, struct arena *arena);
void preview_append_ways_json(struct buf *out, const struct envelope *envelope, const struct route *route);
/* The exit status: that of the first hop that leads nowhere, EX_OK when all lead somewhere. */
int preview_status(const struct route *route);

#endif
