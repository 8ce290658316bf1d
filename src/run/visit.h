/* visit - one connection to paloma serve, from its first octet to its last, in a process of its own. */
#ifndef RUN_VISIT_H
#define RUN_VISIT_H

#include "net/stream.h"
#include "smtp/server.h"

struct visit_options {
	const struct smtp_server_options *server;
	struct tls_server *tls;		/* null: none */
	bool implicit_tls;
	struct view passwords;		/* lines of user:password */
	const char *catch_dir;
	int news;			/* a line about each mail that is safe is written here, in one piece */
};

/* Takes the descriptor. Nothing that goes wrong here is anybody else's matter. */
void visit_run(const struct visit_options *options, int fd, const struct net_address *peer);

#endif
