/* nearest - which known word somebody meant who wrote an unknown one. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "base/view.h"

/* Letters to insert, remove, change or swap to make one of the other, without regard to case; words over 64 octets are
 * told to be far apart. */
unsigned nearest_distance(struct view a, struct view b);

struct nearest {
	struct view word, best;
	unsigned distance;
};

/* To be begun with the unknown word and offered every known one; best is empty when none is near. */
static inline struct nearest nearest_begin(struct view word)
{
	unsigned limit = word.len < 5 ? 2 : 3;

	return (struct nearest){.word = word, .distance = limit};
}

static inline void nearest_offer(struct nearest *nearest, struct view known)
{
	unsigned distance = nearest_distance(nearest->word, known);

	if (distance < nearest->distance) {
		nearest->distance = distance;
		nearest->best = known;
	}
}

#endif
