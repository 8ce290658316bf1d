/* local_names - which domains are this host's own: what is sent there goes into its mailboxes, and no further. */
#ifndef MAIL_LOCAL_NAMES_H
#define MAIL_LOCAL_NAMES_H

#include "base/view.h"

struct local_names {
	bool is_off;			/* nothing is local here, everything has a way to another host */
	struct view host_name;		/* ours, fully qualified where it is known */
	struct view mail_name;		/* of /etc/mailname; empty: none */
	const struct view *domains;	/* those of the configuration, A-labels */
	size_t domain_count;
};

/* True of no domain at all, localhost and localhost.localdomain, the host's name with and without its domain, its mail
 * name, and what is listed. domain: A-labels; case counts for nothing. Nothing is local when it is off, or names is null. */
bool local_names_has(const struct local_names *names, struct view domain);

#endif
