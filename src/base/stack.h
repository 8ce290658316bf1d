/* stack - how much room there is for the frames of this process: a caller may have left little. */
#ifndef BASE_STACK_H
#define BASE_STACK_H

#include <stddef.h>

/* The kernel looks at the limit when a frame touches what is below the last page, so a soft limit that is raised helps at
 * once; as far as the hard one allows, and not where there is enough. Whom we start inherits it. */
void stack_raise_limit(void);

/* Octets that the calling function, in the first thread, and what it calls may use; SIZE_MAX: nobody limits them. */
size_t stack_left(void);

#endif
