/* sandbox_private - the filter of system calls, as the kernel takes it. */
#ifndef BASE_SANDBOX_PRIVATE_H
#define BASE_SANDBOX_PRIVATE_H

#include <stddef.h>
#include "base/sandbox.h"

/* Makes the filter. program: struct sock_filter, count of them, to be freed. Fails when there is no library for it. */
int sandbox_filter_make(enum sandbox_kind kind, int append_fd, void **program, size_t *count, struct err *err);

#endif
