/* visitors - who is connected: a process for each, and how many there may be. */
#include "run/visitors.h"

#include <signal.h>
#include <stdlib.h>
#include "base/mem.h"

void visitors_init(struct visitors *visitors, size_t most)
{
	*visitors = (struct visitors){.places = mem_alloc_array(most, sizeof *visitors->places), .most = most};
}

void visitors_clear(struct visitors *visitors)
{
	free(visitors->places);
	*visitors = (struct visitors){0};
}

const char *visitors_object(const struct visitors *visitors, const struct caller *caller, size_t most_of_one)
{
	size_t own = 0;

	/* One who has taken a connection of ours over would be the owner of the spool to us, and may do with all mail what he likes. */
	for (size_t i = 0; caller->is_known && i < visitors->most; i++)
		if (visitors->places[i].pid > 0 && visitors->places[i].pid == caller->pid)
			return "Not to ourselves";
	if (visitors->count >= visitors->most)
		return "Too many connections; come again later";
	for (size_t i = 0; i < visitors->most; i++)
		own += visitors->places[i].pid > 0 && caller_is_same(&visitors->places[i].caller, caller);
	return own >= most_of_one && !(caller->is_known && caller->uid == 0) ? "Too many connections of yours; come again later" : NULL;
}

void visitors_add(struct visitors *visitors, pid_t pid, const struct caller *caller)
{
	size_t place = 0;

	while (visitors->places[place].pid)
		place++;
	visitors->places[place] = (struct visitor){pid, *caller};
	visitors->count++;
}

bool visitors_remove(struct visitors *visitors, pid_t pid, struct caller *caller)
{
	for (size_t i = 0; i < visitors->most; i++) {
		if (visitors->places[i].pid != pid)
			continue;
		*caller = visitors->places[i].caller;
		visitors->places[i] = (struct visitor){0};
		visitors->count--;
		return true;
	}
	return false;
}

void visitors_signal(const struct visitors *visitors, int signal)
{
	for (size_t i = 0; i < visitors->most; i++)
		if (visitors->places[i].pid > 0)
			kill(visitors->places[i].pid, signal);
}
