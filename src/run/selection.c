/* selection - which messages of the queue are meant, and whose. */
#include "run/selection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/mem.h"

struct items {
	struct spool_item *items;
	size_t count, capacity;
};

static void take_item(void *context, const struct spool_item *item)
{
	struct items *list = context;

	if (item->state == SPOOL_WRITING)
		return;
	list->items = mem_grow(list->items, list->count, &list->capacity, sizeof *list->items);
	list->items[list->count++] = *item;
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct spool_item *)a)->id, ((const struct spool_item *)b)->id);
}

static int compare_inodes(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Inodes of locked files, from /proc/locks: asking for the lock itself would keep a runner from taking it. */
struct locks {
	uint64_t *inodes;
	size_t count, capacity;
};

static void read_locks(struct locks *locks)
{
	FILE *file = fopen("/proc/locks", "re");
	char line[256];

	while (file && fgets(line, sizeof line, file)) {
		const char *colon = strrchr(line, ':');
		uint64_t inode = colon && strstr(line, " FLOCK ") ? strtoull(colon + 1, NULL, 10) : 0;

		if (inode == 0)
			continue;
		locks->inodes = mem_grow(locks->inodes, locks->count, &locks->capacity, sizeof *locks->inodes);
		locks->inodes[locks->count++] = inode;
	}
	if (file)
		fclose(file);
	if (locks->count > 0)
		qsort(locks->inodes, locks->count, sizeof *locks->inodes, compare_inodes);
}

static bool contains(struct view text, const char *wanted)
{
	size_t len = strlen(wanted);

	for (size_t i = 0; i + len <= text.len; i++)
		if (view_equal_nocase(view_make(text.data + i, len), view_of(wanted)))
			return true;
	return len == 0;
}

static bool has_recipient(const struct spool_mail *mail, const char *wanted)
{
	for (size_t i = 0; i < mail->envelope.recipient_count; i++)
		if (contains(mail->envelope.recipients[i].forward_path, wanted))
			return true;
	return false;
}

/* A domain, or the name of a relay. */
static bool has_destination(const struct spool_mail *mail, const char *wanted, const struct conf *conf, struct arena *arena)
{
	for (size_t i = 0; i < mail->envelope.recipient_count; i++) {
		struct view path = mail->envelope.recipients[i].forward_path;
		struct view name = route_destination(&mail->envelope, mail->origin.author, i, &conf->route, arena);

		if (view_equal_nocase(view_from(path, view_last_index(path, '@') + 1), view_of(wanted)) ||
		    view_equal_nocase(view_from(name, view_index(name, ' ') + 1), view_of(wanted)))
			return true;
	}
	return false;
}

/* The null path is called as the list of the queue calls it. */
static bool has_sender(const struct spool_mail *mail, const char *wanted)
{
	struct view path = mail->envelope.reverse_path;

	return contains(path.len > 0 ? path : view_of("MAILER-DAEMON"), wanted);
}

static bool has_texts(const struct queue_request *wish, const struct spool_mail *mail)
{
	return (!wish->sender || has_sender(mail, wish->sender)) && (!wish->recipient || has_recipient(mail, wish->recipient)) &&
	       (!wish->id_part || contains(view_of(mail->id), wish->id_part));
}

static bool is_meant(const struct queue_request *wish, const struct spool_mail *mail, const struct conf *conf, struct arena *arena)
{
	if (wish->only_uid && mail->origin.uid != wish->uid)
		return false;
	if (has_texts(wish, mail) == wish->is_inverted)
		return false;
	return !wish->destination || has_destination(mail, wish->destination, conf, arena);
}

static int read_mail(const struct spool *spool, const char *id, struct arena *arena, struct spool_mail *mail, struct err *err)
{
	int fd = spool_open_to_read(spool, id), result;

	if (fd < 0)
		return err_set_errno(err, EX_NOINPUT, errno, "Cannot open the message %s", id);
	result = spool_file_read(fd, id, arena, mail, err);
	close(fd);
	return result;
}

static int find_named(const struct spool *spool, const struct queue_request *wish, struct items *list, struct err *err)
{
	struct spool_item item;

	for (size_t i = 0; i < wish->ids.count; i++) {
		if (!spool_look(spool, wish->ids.items[i], &item) || item.state == SPOOL_WRITING)
			return err_set(err, EX_NOINPUT, STATUS(5, 5, 4), "There is no message %s in the queue.", wish->ids.items[i]);
		take_item(list, &item);
	}
	return 0;
}

/* It would be in every address: of a script whose variable is empty, all mails would be removed. */
static bool is_empty_text(const char *text)
{
	return text && !text[0];
}

int selection_run(const struct spool *spool, const struct queue_request *wish, const struct conf *conf,
		  int (*take)(void *context, const struct selected *selected, struct err *err), void *context, size_t *found, struct err *err)
{
	struct items list = {0};
	struct locks locks = {0};
	int result;

	*found = 0;
	if (is_empty_text(wish->recipient) || is_empty_text(wish->sender) || is_empty_text(wish->destination))
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "An empty --recipient, --sender or --destination names no messages; --all names all.");
	result = wish->ids.count > 0 ? find_named(spool, wish, &list, err) : spool_scan(spool, take_item, &list, err);
	read_locks(&locks);
	if (result == 0 && list.count > 0)
		qsort(list.items, list.count, sizeof *list.items, compare_items);
	for (size_t i = 0; result == 0 && i < list.count; i++) {
		struct selected selected = {.item = list.items[i]};
		struct arena *arena = arena_new();
		struct err why;

		selected.is_active = locks.count > 0 && bsearch(&selected.item.inode, locks.inodes, locks.count, sizeof *locks.inodes, compare_inodes);
		if (read_mail(spool, selected.item.id, arena, &selected.mail, &why) < 0) {
			if (wish->ids.count > 0 || spool_look(spool, selected.item.id, &selected.item))
				*err = why; /* else it has been delivered just now */
			result = wish->ids.count > 0 ? -1 : 0;
		} else if (is_meant(wish, &selected.mail, conf, arena)) {
			++*found;
			result = take(context, &selected, err);
		} else if (wish->ids.count > 0) {
			result = err_set(err, EX_NOINPUT, STATUS(5, 5, 4), "There is no message %s of yours in the queue.", selected.item.id);
		}
		arena_free(arena);
	}
	free(list.items);
	free(locks.inodes);
	return result;
}
