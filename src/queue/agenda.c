/* agenda - which messages wait for what time: a heap by time and arrival over a table by id. */
#include "queue/agenda.h"

#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/mem.h"

enum { TABLE_FIRST = 64, NOWHERE = 0 };

struct note {
	char id[SPOOL_ID_SIZE];
	time_t due;
	uint32_t place;			/* in the heap, from 1 */
};

struct agenda {
	struct note *notes;		/* dense; [count] are in use */
	size_t count, capacity;
	uint32_t *heap;			/* numbers of notes, from 1 to count */
	uint32_t *table;		/* numbers of notes plus 1 by hash of the id; NOWHERE: free */
	size_t heap_capacity, table_size; /* table_size: a power of two, at least twice count */
};

struct agenda *agenda_new(void)
{
	struct agenda *agenda = mem_alloc(sizeof *agenda);

	agenda->table_size = TABLE_FIRST;
	agenda->table = mem_alloc_array(TABLE_FIRST, sizeof *agenda->table);
	return agenda;
}

void agenda_free(struct agenda *agenda)
{
	if (!agenda)
		return;
	free(agenda->notes);
	free(agenda->heap);
	free(agenda->table);
	free(agenda);
}

static size_t hash_id(const char *id)
{
	return hash_view(0, view_of(id));
}

/* The slot of the id, or the free one where it would be. */
static size_t find_slot(const struct agenda *agenda, const char *id)
{
	size_t at = hash_id(id) & (agenda->table_size - 1);

	while (agenda->table[at] != NOWHERE && strcmp(agenda->notes[agenda->table[at] - 1].id, id) != 0)
		at = (at + 1) & (agenda->table_size - 1);
	return at;
}

static void grow_table(struct agenda *agenda)
{
	if ((agenda->count + 1) * 2 <= agenda->table_size)
		return;
	free(agenda->table);
	agenda->table_size *= 2;
	agenda->table = mem_alloc_array(agenda->table_size, sizeof *agenda->table);
	for (size_t i = 0; i < agenda->count; i++)
		agenda->table[find_slot(agenda, agenda->notes[i].id)] = (uint32_t)(i + 1);
}

/* Closes the gap that a removed slot would leave in the probe of the others. */
static void free_slot(struct agenda *agenda, size_t gap)
{
	size_t mask = agenda->table_size - 1;

	for (size_t at = (gap + 1) & mask; agenda->table[at] != NOWHERE; at = (at + 1) & mask) {
		size_t home = hash_id(agenda->notes[agenda->table[at] - 1].id) & mask;

		if (((at - home) & mask) >= ((at - gap) & mask)) {
			agenda->table[gap] = agenda->table[at];
			gap = at;
		}
	}
	agenda->table[gap] = NOWHERE;
}

/* By time; of one time by arrival, which ids sort by. */
static bool is_before(const struct note *left, const struct note *right)
{
	return left->due != right->due ? left->due < right->due : memcmp(left->id, right->id, SPOOL_ID_SIZE) < 0;
}

static const struct note *note_at(const struct agenda *agenda, size_t place)
{
	return &agenda->notes[agenda->heap[place]];
}

static void set_place(struct agenda *agenda, size_t place, uint32_t note)
{
	agenda->heap[place] = note;
	agenda->notes[note].place = (uint32_t)place;
}

static void sift(struct agenda *agenda, size_t place)
{
	uint32_t number = agenda->heap[place];
	const struct note *note = &agenda->notes[number];

	for (; place > 1 && is_before(note, note_at(agenda, place / 2)); place /= 2)
		set_place(agenda, place, agenda->heap[place / 2]);
	for (size_t child = 2 * place; child <= agenda->count; child = 2 * place) {
		child += child < agenda->count && is_before(note_at(agenda, child + 1), note_at(agenda, child));
		if (!is_before(note_at(agenda, child), note))
			break;
		set_place(agenda, place, agenda->heap[child]);
		place = child;
	}
	set_place(agenda, place, number);
}

static void add(struct agenda *agenda, const char *id, time_t due)
{
	struct note *note;

	grow_table(agenda);
	agenda->notes = mem_grow(agenda->notes, agenda->count, &agenda->capacity, sizeof *agenda->notes);
	agenda->heap = mem_grow(agenda->heap, agenda->count + 1, &agenda->heap_capacity, sizeof *agenda->heap);
	note = &agenda->notes[agenda->count];
	memcpy(note->id, id, SPOOL_ID_SIZE);
	note->due = due;
	agenda->table[find_slot(agenda, id)] = (uint32_t)(agenda->count + 1);
	agenda->count++;
	set_place(agenda, agenda->count, (uint32_t)(agenda->count - 1));
	sift(agenda, agenda->count);
}

void agenda_put(struct agenda *agenda, const char *id, time_t due)
{
	size_t slot = find_slot(agenda, id);
	struct note *note;

	if (agenda->table[slot] == NOWHERE) {
		add(agenda, id, due);
		return;
	}
	note = &agenda->notes[agenda->table[slot] - 1];
	note->due = due;
	sift(agenda, note->place);
}

void agenda_remove(struct agenda *agenda, const char *id)
{
	size_t slot = find_slot(agenda, id), place, last = agenda->count;
	uint32_t note, last_note = (uint32_t)(agenda->count - 1);

	if (agenda->table[slot] == NOWHERE)
		return;
	note = agenda->table[slot] - 1;
	place = agenda->notes[note].place;
	free_slot(agenda, slot);
	agenda->count--;
	if (place != last) {
		set_place(agenda, place, agenda->heap[last]);
		sift(agenda, place);
	}
	if (note != last_note) { /* the last note moves into the free place */
		agenda->table[find_slot(agenda, agenda->notes[last_note].id)] = note + 1;
		agenda->notes[note] = agenda->notes[last_note];
		agenda->heap[agenda->notes[note].place] = note;
	}
}

bool agenda_find(const struct agenda *agenda, const char *id, time_t *due)
{
	size_t slot = find_slot(agenda, id);

	if (agenda->table[slot] == NOWHERE)
		return false;
	*due = agenda->notes[agenda->table[slot] - 1].due;
	return true;
}

size_t agenda_count(const struct agenda *agenda)
{
	return agenda->count;
}

bool agenda_first(const struct agenda *agenda, char id[SPOOL_ID_SIZE], time_t *due)
{
	if (agenda->count == 0)
		return false;
	*due = note_at(agenda, 1)->due;
	if (id)
		memcpy(id, agenda->notes[agenda->heap[1]].id, SPOOL_ID_SIZE);
	return true;
}
