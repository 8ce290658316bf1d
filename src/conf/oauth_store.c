/* oauth_store - tokens that last. */
#include "conf/oauth_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/file.h"
#include "base/file_store.h"
#include "conf/places.h"

enum { STORE_MAX = 64 * 1024, FILE_MODE = 0600, FOLDER_MODE = 0700 };

/* The lines of the file. */
static const struct {
	const char *name;
	size_t offset;
	bool is_number;
} lines[] = {
	{"user", offsetof(struct oauth_tokens, user), false},
	{"client_id", offsetof(struct oauth_tokens, client_id), false},
	{"obtained", offsetof(struct oauth_tokens, obtained), true},
	{"expires", offsetof(struct oauth_tokens, expires), true},
	{"access_token", offsetof(struct oauth_tokens, access), false},
	{"refresh_token", offsetof(struct oauth_tokens, refresh), false},
};

/* A name that leads nowhere else, whatever the relay is called. */
static struct view file_name(struct view name, struct arena *arena)
{
	struct buf out;
	struct view result;

	buf_init(&out, STORE_MAX);
	for (size_t i = 0; i < name.len; i++) {
		if (ascii_is_alnum(name.data[i]) || name.data[i] == '-' || name.data[i] == '_')
			buf_append_char(&out, name.data[i]);
		else
			buf_printf(&out, "%%%02X", (unsigned char)name.data[i]);
	}
	result = arena_copy(arena, buf_view(&out));
	buf_clear(&out);
	return result;
}

/* The lock is a file of its own, for the other one is replaced. */
static int take_lock(struct oauth_store *store, bool for_writing, struct arena *arena, struct err *err)
{
	const char *path = arena_printf(arena, "%s.lock", store->path).data;

	store->lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (for_writing ? O_CREAT : 0), FILE_MODE);
	if (store->lock < 0)
		return err_set_errno(err, for_writing ? EX_CANTCREAT : EX_NOINPUT, errno, "Cannot open %s", path);
	while (flock(store->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set_errno(err, EX_OSERR, errno, "Cannot lock %s", path);
	return 0;
}

/* For the service, which is not root and has to change it. Nothing that has another name elsewhere is given away. */
static void share_lock(const struct oauth_store *store, struct arena *arena)
{
	const char *slash = strrchr(store->path, '/');
	const char *folder = arena_str(arena, view_make(store->path, (size_t)(slash - store->path)));
	struct stat st;

	if (fstat(store->lock, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
		file_give_to_owner(store->lock, folder, FILE_GROUP_OF_FOLDER);
}

int oauth_store_open(struct oauth_store *store, const struct relay *relay, bool for_writing, struct arena *arena, struct err *err)
{
	const char *folder = relay->oauth.folder, *state;

	*store = (struct oauth_store){.lock = -1};
	if (!folder) {
		state = places_state(arena);
		if (!state)
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "HOME is not set, so that there is no place for tokens; say oauth_folder.");
		folder = arena_printf(arena, "%s/oauth", state).data;
	}
	store->path = arena_printf(arena, "%s/%.*s", folder, VIEW_ARG(file_name(relay->name, arena))).data;
	if (for_writing && file_make_folder_of(store->path, FOLDER_MODE, err) < 0)
		return -1;
	if (!for_writing && access(store->path, F_OK) < 0 && errno == ENOENT)
		return 0; /* nobody has logged in */
	if (take_lock(store, for_writing, arena, err) < 0)
		return -1;
	if (for_writing)
		share_lock(store, arena);
	return 0;
}

void oauth_store_close(struct oauth_store *store)
{
	if (store->lock >= 0)
		close(store->lock);
	store->lock = -1;
}

static bool take_line(struct view line, struct oauth_tokens *tokens)
{
	struct view value = line, name;
	bool had_colon;

	name = view_take_until(&value, ':', &had_colon);
	value = view_trim(value);
	for (size_t i = 0; had_colon && i < sizeof lines / sizeof *lines; i++) {
		void *field = (char *)tokens + lines[i].offset;
		unsigned long long number;

		if (!view_equal(name, view_of(lines[i].name)))
			continue;
		if (!lines[i].is_number) {
			*(struct view *)field = value;
			return true;
		}
		if (!view_to_number(value, 1ULL << 62, &number))
			return false;
		*(long long *)field = (long long)number;
		return true;
	}
	return false;
}

int oauth_store_read(const struct oauth_store *store, struct buf *text, struct oauth_tokens *tokens, struct err *err)
{
	/* What root finds may be the service's, in its own folder. */
	enum file_trust trust = geteuid() == 0 ? FILE_ANY : FILE_SECRET;
	struct view rest, line;
	bool missing;

	*tokens = (struct oauth_tokens){0};
	buf_reserve(text, STORE_MAX); /* growing would leave a copy behind */
	if (file_read(store->path, trust, true, &missing, text, err) < 0)
		return -1;
	rest = buf_view(text);
	while (!missing && view_take_line(&rest, &line))
		if (line.len > 0 && !take_line(line, tokens))
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s is no file of tokens; remove it and log in again.", store->path);
	return 0;
}

int oauth_store_check_room(const struct oauth_store *store, struct err *err)
{
	char padding[4096];
	struct buf path;
	int status;

	memset(padding, '\n', sizeof padding);
	buf_init(&path, STORE_MAX);
	buf_printf(&path, "%s.room", store->path);
	status = file_store(buf_str(&path), view_make(padding, sizeof padding), FILE_MODE, FILE_GROUP_OF_FOLDER, true, err);
	unlink(buf_str(&path));
	buf_clear(&path);
	return status;
}

int oauth_store_write(const struct oauth_store *store, const struct oauth_tokens *tokens, struct err *err)
{
	struct buf text;
	int status;

	buf_init(&text, STORE_MAX);
	buf_reserve(&text, STORE_MAX);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		const void *field = (const char *)tokens + lines[i].offset;

		if (lines[i].is_number)
			buf_printf(&text, "%s: %lld\n", lines[i].name, *(const long long *)field);
		else
			buf_printf(&text, "%s: %.*s\n", lines[i].name, VIEW_ARG(*(const struct view *)field));
	}
	status = text.overflow ? err_set(err, EX_DATAERR, STATUS(5, 7, 8), "The tokens are too long to be kept.")
		: file_store(store->path, buf_view(&text), FILE_MODE, FILE_GROUP_OF_FOLDER, true, err);
	buf_wipe(&text);
	return status;
}
