/* newaliases - sendmail -bi: are the aliases fit for use?
 *
 * They are read directly, so that there is no database to be made. Whoever changed them wants to hear of a mistake now, and
 * packages that call us when they are installed want a status of 0 when there are none. */
#include "run/newaliases.h"

#include <sysexits.h>
#include "queue/facts.h"
#include "queue/resolution.h"
#include "run/output.h"
#include "run/settings.h"
#include "submit/alias_check.h"

static int tell(const struct request *request, const char *path, const struct alias_check *check)
{
	struct err err;
	struct buf text;
	int status = check->mistakes > 0 ? EX_DATAERR : EX_OK;

	buf_init(&text, SIZE_MAX / 2);
	for (size_t i = 0; i < check->notes.count; i++) {
		buf_append_str(&text, check->notes.items[i].is_refusal ? "paloma: warning: " : "paloma: ");
		resolution_append_note(&text, &check->notes.items[i]);
		buf_append_char(&text, '\n');
	}
	output_write(stderr, buf_view(&text), &err);
	buf_reset(&text);
	if (request->verbose && path) /* as sendmail says it */
		buf_printf(&text, "%s: %zu aliases, longest %zu bytes, %zu bytes total\n", path, check->count, check->longest_octets, check->octets);
	if (output_write(stdout, buf_view(&text), &err) < 0)
		status = output_complain(&err);
	buf_clear(&text);
	return status;
}

struct users {
	const struct conf *conf;
	const struct compose_facts *facts;
};

/* Somebody has it: a user, or whoever gets what is for nobody else. A user who cannot be looked up now may be one. */
static bool is_known(void *context, struct view path)
{
	const struct users *users = context;
	const struct conf *conf = users->conf;
	const struct envelope envelope = {.no_aliases = true};
	struct err err;

	/* What goes to a relay may depend on the sender. */
	return conf->catch_all || (conf->local_routing.unknown == UNKNOWN_USER_RELAY && conf->relay_count > 0) ||
	       resolution_check_user(path, &envelope, conf, users->facts, &err) == 0 || err.exit_code != EX_NOUSER;
}

int newaliases_run(const struct request *request)
{
	struct arena *arena = arena_new();
	struct compose_facts facts;
	struct alias_options options;
	struct alias_check check;
	struct conf conf;
	struct users users = {&conf, &facts};
	const struct alias_check_users known = {is_known, &users};
	struct err err;
	int status;

	if (settings_load(&conf, request, &err) < 0 || facts_fetch(&facts, &conf, NULL, arena, &err) < 0) {
		status = output_complain(&err);
	} else {
		facts_take_local_names(&conf.local, &facts, arena);
		options = conf.alias;
		options.local = &conf.local;
		status = alias_check_all(&options, &known, arena, &check, &err) < 0 ? output_complain(&err) : tell(request, options.path, &check);
	}
	conf_clear(&conf);
	arena_free(arena);
	return status;
}
