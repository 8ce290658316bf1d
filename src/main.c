/* main - argv[0] chooses the personality; the signal flag and the log sink are the only process-wide state. */
#include <stdio.h>

int main(void)
{
	puts("paloma " PACKAGE_VERSION);
	return 0;
}
