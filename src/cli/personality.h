/* personality - by what name paloma is called, and so which words it understands. */
#ifndef CLI_PERSONALITY_H
#define CLI_PERSONALITY_H

/* Parses the command line and fulfils it. The value is the exit status. */
int personality_run(int argc, char **argv);

#endif
