/* fates - what became of the latest messages that are gone from the spool. */
#include "spool/fates.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/buf.h"

enum { FATES_MAX = 1024 * 1024, LINE_OCTETS = 64 };

static void add(const struct spool *spool, const char *id, int exit_status, time_t now, const char *word)
{
	int fd = openat(spool->folder, "fates", O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	char line[LINE_OCTETS];
	struct stat st;
	int len = snprintf(line, sizeof line, "%s %d %lld%s%s\n", id, exit_status, (long long)now, word[0] ? " " : "", word);

	if (fd < 0)
		return;
	if (write(fd, line, (size_t)len) == len && fstat(fd, &st) == 0 && st.st_size > FATES_MAX)
		renameat(spool->folder, "fates", spool->folder, "fates.1");
	close(fd);
}

void fates_add(const struct spool *spool, const char *id, int exit_status, time_t now)
{
	add(spool, id, exit_status, now, "");
}

void fates_add_removed(const struct spool *spool, const char *id, time_t now)
{
	add(spool, id, EX_UNAVAILABLE, now, FATES_REMOVED);
}

void fates_add_next(const struct spool *spool, const char *id, const char *next, time_t now)
{
	add(spool, id, EX_TEMPFAIL, now, next);
}

/* Calls take for each line of id. */
static bool find_in(const struct spool *spool, const char *name, const char *id, void (*take)(void *context, int exit_status, struct view word),
		    void *context)
{
	int fd = openat(spool->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct view rest, line;
	struct buf text;
	bool found = false;
	ssize_t got = 1;

	if (fd < 0)
		return false;
	buf_init(&text, 2 * (size_t)FATES_MAX);
	while (got > 0 && !text.overflow) {
		char *room = buf_reserve(&text, 64 * 1024);

		got = room ? read(fd, room, 64 * 1024) : 0;
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			buf_commit(&text, (size_t)got);
	}
	close(fd);
	rest = buf_view(&text);
	while (view_take_line(&rest, &line)) {
		unsigned long long status;

		if (!view_equal(view_take_until(&line, ' ', NULL), view_of(id)) || !view_to_number(view_take_until(&line, ' ', NULL), 255, &status))
			continue;
		view_take_until(&line, ' ', NULL); /* the time */
		take(context, (int)status, line);
		found = true;
	}
	buf_clear(&text);
	return found;
}

static void take_status(void *context, int exit_status, struct view word)
{
	(void)word;
	*(int *)context = exit_status;
}

bool fates_find(const struct spool *spool, const char *id, int *exit_status)
{
	return find_in(spool, "fates", id, take_status, exit_status) || find_in(spool, "fates.1", id, take_status, exit_status);
}

struct words {
	void (*take)(void *context, struct view word);
	void *context;
};

static void take_word(void *context, int exit_status, struct view word)
{
	const struct words *words = context;

	(void)exit_status;
	if (word.len > 0)
		words->take(words->context, word);
}

void fates_find_words(const struct spool *spool, const char *id, void (*take)(void *context, struct view word), void *context)
{
	struct words words = {take, context};

	find_in(spool, "fates.1", id, take_word, &words);
	find_in(spool, "fates", id, take_word, &words);
}

bool fates_was_stored(const struct spool *spool, const char *id)
{
	struct spool_item item;
	int ignored;

	if (spool_look(spool, id, &item))
		return item.state != SPOOL_WRITING;
	return fates_find(spool, id, &ignored);
}
