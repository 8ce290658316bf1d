/* control - the socket beside the service's, by which a caller without access to the spool has the service do something.
 *
 *	paloma 1 COUNT OCTETS LF	the caller: so many words, each ended by NUL, so many octets in all
 *	O LENGTH octets			the service: to standard output (LENGTH: four octets, the highest first)
 *	E LENGTH octets			to standard error
 *	S LENGTH octet			the exit status; the end
 *
 * No descriptors are passed: the service writes to none that a stranger has opened. */
#ifndef RUN_CONTROL_H
#define RUN_CONTROL_H

#include <sys/types.h>
#include "base/arena.h"

enum { CONTROL_WORDS_MAX = 20000, CONTROL_OCTETS_MAX = 512 * 1024 };

/* The path of the control socket: beside the one for mail. */
const char *control_path(const char *submit_socket, struct arena *arena);

/* The caller's side: has the words done. What comes back is printed to stdout and stderr; the value is the exit status,
 * EX_TEMPFAIL when nobody answers or the answer breaks off. */
int control_call(const char *socket, int argc, char **argv);

/* The service's side, in a process of the connection: reads the words and has run do them for the caller, in a child whose
 * standard output and error go to him. The child ends with the caller, or when stop can be read. */
void control_serve(int fd, uid_t uid, int (*run)(void *context, int argc, char **argv, uid_t uid), void *context, int stop);
/* Says why nothing is done, without waiting. */
void control_refuse(int fd, const char *text);

#endif
