/* explain - questions that send no mail: paloma route, paloma config. */
#ifndef RUN_EXPLAIN_H
#define RUN_EXPLAIN_H

#include "run/request.h"

/* The values are exit statuses. explain_route: that of the first address without a way. */
int explain_route(const struct request *request);
int explain_config(const struct request *request);

#endif
