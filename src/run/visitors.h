/* visitors - who is connected: a process for each, and how many there may be. */
#ifndef RUN_VISITORS_H
#define RUN_VISITORS_H

#include "run/listener.h"

struct visitor {
	pid_t pid;			/* 0: a free place */
	struct caller caller;
};

struct visitors {
	struct visitor *places;
	size_t count, most;
};

void visitors_init(struct visitors *visitors, size_t most);
void visitors_clear(struct visitors *visitors);

/* Why the caller is not let in; null: he is. most_of_one: how many connections one caller may have, unless he is root. */
const char *visitors_object(const struct visitors *visitors, const struct caller *caller, size_t most_of_one);
/* One who is let in: there is a place. */
void visitors_add(struct visitors *visitors, pid_t pid, const struct caller *caller);
/* His process has ended. False when it is none of them. */
bool visitors_remove(struct visitors *visitors, pid_t pid, struct caller *caller);
void visitors_signal(const struct visitors *visitors, int signal);

#endif
