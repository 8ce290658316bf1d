/* facts - what the process knows of itself, fetched once: clock, caller, host, chance. */
#include "queue/facts.h"

#include <errno.h>
#include <ifaddrs.h>
#include <pwd.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/digest.h"
#include "base/escape.h"
#include "base/file.h"
#include "base/random.h"

enum { SMALL_FILE_MAX = 64 * 1024, HOST_NAME_OCTETS = 256, USER_CACHE_S = 5 };

/* The first comma ends the name in the GECOS field, & stands for the login name with a capital. */
static struct view full_name(const struct passwd *entry, struct arena *arena)
{
	struct view gecos = view_of(entry->pw_gecos), user = view_of(entry->pw_name);
	struct buf name;
	struct view result;

	gecos = view_first(gecos, view_index(gecos, ','));
	buf_init(&name, 1024);
	for (size_t i = 0; i < gecos.len; i++) {
		if (gecos.data[i] != '&') {
			buf_append_char(&name, gecos.data[i]);
			continue;
		}
		if (user.len > 0)
			buf_append_char(&name, user.data[0] >= 'a' && user.data[0] <= 'z' ? (char)(user.data[0] - 32) : user.data[0]);
		buf_append(&name, view_from(user, 1));
	}
	result = utf8_is_valid(buf_view(&name)) ? arena_copy(arena, buf_view(&name)) : (struct view){0};
	buf_clear(&name);
	return result;
}

void facts_take_user(struct compose_facts *facts, uid_t uid, struct arena *arena)
{
	const struct passwd *entry = getpwuid(uid);

	facts->full_name = (struct view){0};
	if (!entry) { /* a user of a container, perhaps, whom nobody has named */
		facts->user = arena_printf(arena, "uid%lu", (unsigned long)uid);
		return;
	}
	facts->user = arena_copy(arena, view_of(entry->pw_name));
	facts->full_name = full_name(entry, arena);
}

void facts_refresh(struct compose_facts *facts)
{
	struct tm local;

	facts->now = time(NULL);
	if (localtime_r(&facts->now, &local))
		facts->utc_offset_minutes = (int)(local.tm_gmtoff / 60);
	random_fill(facts->random, sizeof facts->random);
}

static bool has_dot(struct view name)
{
	return view_index(name, '.') < name.len;
}

/* The next word of a line; empty at its end. */
static struct view take_word(struct view *line)
{
	struct view word;
	size_t len = 0;

	*line = view_trim(*line);
	while (len < line->len && line->data[len] != ' ' && line->data[len] != '\t')
		len++;
	word = view_first(*line, len);
	*line = view_from(*line, len);
	return word;
}

struct view facts_name_in_hosts(struct view hosts, struct view host, struct arena *arena)
{
	struct view line, word, dotted;
	bool found;

	while (view_take_line(&hosts, &line)) {
		line = view_first(line, view_index(line, '#'));
		found = false;
		dotted = (struct view){0};
		take_word(&line); /* the address */
		while ((word = take_word(&line)).len > 0) {
			found |= view_equal_nocase(word, host);
			if (dotted.len == 0 && has_dot(word) && !net_address_parse(word, 0, &(struct net_address){0}))
				dotted = word;
		}
		if (found && dotted.len > 0)
			return arena_copy(arena, dotted);
	}
	return (struct view){0};
}

static struct view read_small(const char *path, struct arena *arena)
{
	struct view text = {0};
	struct err ignored;
	struct buf buf;
	bool missing;

	buf_init(&buf, SMALL_FILE_MAX);
	if (file_read(path, FILE_ANY, true, &missing, &buf, &ignored) == 0)
		text = arena_copy(arena, buf_view(&buf));
	buf_clear(&buf);
	return text;
}

static struct view read_mail_name(struct arena *arena)
{
	struct view text = read_small("/etc/mailname", arena), name = {0};

	view_take_line(&text, &name);
	name = view_trim(name);
	return dns_name_is_host(name) ? name : (struct view){0};
}

/* Fully qualified, as well as this host knows itself without asking a server: a mail must not wait for that. */
static struct view fetch_host_name(const struct conf *conf, struct arena *arena)
{
	char name[HOST_NAME_OCTETS] = "";
	struct view host, better;

	if (conf->host_name.len > 0)
		return conf->host_name;
	gethostname(name, sizeof name - 1);
	host = arena_copy(arena, view_of(name[0] ? name : "localhost"));
	if (has_dot(host))
		return host;
	better = facts_name_in_hosts(read_small("/etc/hosts", arena), host, arena);
	if (better.len == 0)
		better = read_mail_name(arena);
	return better.len > 0 && dns_name_is_host(better) ? better : host;
}

static int fetch_seed(struct compose_facts *facts, const char *seed, struct err *err)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	struct digest digest;
	unsigned long long when;

	if (epoch && epoch[0]) {
		if (!view_to_number(view_of(epoch), 253402300799ULL, &when))
			return err_set(err, EX_USAGE, STATUS(5, 6, 0), "SOURCE_DATE_EPOCH is a number of seconds, not \"%s\".", epoch);
		facts->now = (time_t)when;
		facts->utc_offset_minutes = 0;
	} else {
		epoch = "";
	}
	if (!seed && !epoch[0]) {
		random_fill(facts->random, sizeof facts->random);
		return 0;
	}
	facts->is_seeded = true;
	digest_init(&digest);
	digest_add(&digest, view_of(epoch));
	digest_add(&digest, view_make("", 1));
	digest_add(&digest, view_of(seed ? seed : ""));
	digest_finish(&digest, facts->random);
	return 0;
}

/* The character set of the locale, by its name: loading the locale itself would cost more than the mail. */
static struct view fetch_charset(void)
{
	static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
		struct view locale = view_of(getenv(variables[i]));
		struct view charset = view_from(locale, view_index(locale, '.') + 1);

		if (locale.len > 0)
			return view_first(charset, view_index(charset, '@'));
	}
	return (struct view){0};
}

int facts_fetch(struct compose_facts *facts, const struct conf *conf, const char *seed, struct arena *arena, struct err *err)
{
	struct tm local;

	*facts = (struct compose_facts){.now = time(NULL), .stdin_fd = STDIN_FILENO};
	if (localtime_r(&facts->now, &local))
		facts->utc_offset_minutes = (int)(local.tm_gmtoff / 60);
	facts_take_user(facts, getuid(), arena);
	facts->host_name = fetch_host_name(conf, arena);
	facts->locale_charset = fetch_charset();
	return fetch_seed(facts, seed, err);
}

void facts_own_addresses(struct arena *arena, const struct net_address **own, size_t *count)
{
	struct net_address *addresses = NULL;
	size_t capacity = 0;
	struct ifaddrs *list;

	*count = 0;
	*own = NULL;
	if (getifaddrs(&list) < 0)
		return;
	for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
		socklen_t len = !at->ifa_addr ? 0 : at->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
			: at->ifa_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : 0;

		if (len == 0)
			continue;
		addresses = arena_grow(arena, addresses, *count, &capacity, sizeof *addresses);
		memcpy(&addresses[*count].storage, at->ifa_addr, len);
		addresses[(*count)++].len = len;
	}
	freeifaddrs(list);
	*own = addresses;
}

void facts_take_local_names(struct local_names *names, const struct compose_facts *facts, struct arena *arena)
{
	names->host_name = facts->host_name;
	names->mail_name = names->is_off ? (struct view){0} : read_mail_name(arena);
}

static bool recall(const struct facts_user_cache *cache, struct view name, time_t now, struct arena *arena, struct local_user *user)
{
	if (!cache || now >= cache->until || cache->until - now > USER_CACHE_S || !view_equal(cache->user.name, name))
		return false;
	*user = cache->user;
	user->name = arena_copy(arena, cache->user.name);
	user->home = arena_copy(arena, cache->user.home);
	return true;
}

static void remember(struct facts_user_cache *cache, const struct local_user *user, time_t now)
{
	if (!cache || user->name.len > sizeof cache->name || user->home.len > sizeof cache->home)
		return;
	memcpy(cache->name, user->name.data, user->name.len);
	memcpy(cache->home, user->home.data, user->home.len);
	cache->user = *user;
	cache->user.name.data = cache->name;
	cache->user.home.data = cache->home;
	cache->until = now + USER_CACHE_S;
}

int facts_find_user(void *context, struct view name, struct arena *arena, struct local_user *user, struct err *err)
{
	const struct passwd *entry;
	time_t now = time(NULL);

	if (recall(context, name, now, arena, user))
		return 1;
	errno = 0;
	entry = getpwnam(arena_str(arena, name));
	if (entry && entry->pw_dir[0] == '/') {
		*user = (struct local_user){.name = arena_copy(arena, view_of(entry->pw_name)), .home = arena_copy(arena, view_of(entry->pw_dir)),
					    .uid = entry->pw_uid, .gid = entry->pw_gid};
		remember(context, user, now);
		return 1;
	}
	/* What getpwnam(3) lists for "not found", and what a directory service says that is not there. */
	if (entry || errno == 0 || errno == ENOENT || errno == ESRCH || errno == EBADF || errno == EPERM || errno == ENOTDIR)
		return 0;
	return err_set_errno(err, EX_TEMPFAIL, errno, "Cannot find out whether %.*s is a user", VIEW_ARG(name));
}

const char *facts_mime_types(struct arena *arena)
{
	const char *home = getenv("HOME");

	return home && home[0] == '/' ? arena_printf(arena, "%s/.mime.types", home).data : NULL;
}
