/* nearest - which known word somebody meant who wrote an unknown one. */
#include "base/nearest.h"

enum { WORD_MAX = 64, FAR = 1000 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned nearest_distance(struct view a, struct view b)
{
	unsigned rows[3][WORD_MAX + 1];

	if (a.len > WORD_MAX || b.len > WORD_MAX)
		return FAR;
	for (unsigned k = 0; k <= b.len; k++)
		rows[0][k] = k;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned *now = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];

		now[0] = i;
		for (unsigned k = 1; k <= b.len; k++) {
			char x = ascii_lower(a.data[i - 1]), y = ascii_lower(b.data[k - 1]);

			now[k] = least(least(before[k] + 1, now[k - 1] + 1), before[k - 1] + (x != y));
			if (i > 1 && k > 1 && x == ascii_lower(b.data[k - 2]) && ascii_lower(a.data[i - 2]) == y)
				now[k] = least(now[k], earlier[k - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}
