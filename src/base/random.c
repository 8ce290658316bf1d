/* random - octets nobody can guess. */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>
#include "base/mem.h"

void random_fill(void *data, size_t len)
{
	char *out = data;

	while (len) {
		ssize_t got = getrandom(out, len, 0);

		if (got < 0 && errno != EINTR)
			mem_give_up("The kernel gives no random numbers");
		if (got > 0) {
			out += got;
			len -= (size_t)got;
		}
	}
}
