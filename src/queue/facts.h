/* facts - what the process knows of itself, fetched once: clock, caller, host, chance. */
#ifndef QUEUE_FACTS_H
#define QUEUE_FACTS_H

#include <sys/types.h>
#include "compose/composition.h"
#include "conf/conf.h"
#include "mail/mailbox.h"

/* seed: null for none; SOURCE_DATE_EPOCH in the environment counts as one. Strings live in arena. */
int facts_fetch(struct compose_facts *facts, const struct conf *conf, const char *seed, struct arena *arena, struct err *err);
/* user and full_name become those of uid. */
void facts_take_user(struct compose_facts *facts, uid_t uid, struct arena *arena);
/* Clock and chance, which are new with each mail. */
void facts_refresh(struct compose_facts *facts);
/* Addresses of this host's interfaces. */
void facts_own_addresses(struct arena *arena, const struct net_address **own, size_t *count);
/* The name with a dot on the line of a hosts file that has host, a copy; empty when there is none. */
struct view facts_name_in_hosts(struct view hosts, struct view host, struct arena *arena);
/* The names of this host that the configuration does not have. */
void facts_take_local_names(struct local_names *names, const struct compose_facts *facts, struct arena *arena);
/* Who was found last, for a few seconds: a look-up reads files, and the next mail is often for the same. */
struct facts_user_cache {
	time_t until;			/* 0: nobody */
	struct local_user user;		/* its strings are those below */
	char name[64], home[256];
};

/* A local_user_find: as the C library knows users. context: a facts_user_cache, or null. */
int facts_find_user(void *context, struct view name, struct arena *arena, struct local_user *user, struct err *err);
/* ~/.mime.types, or null. */
const char *facts_mime_types(struct arena *arena);

#endif
