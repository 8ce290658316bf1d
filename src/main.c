/* main - argv[0] chooses the personality; what a signal says is the only process-wide state. */
#include <signal.h>
#include "cli/personality.h"

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error to be told, not a death */
	return personality_run(argc, argv);
}
