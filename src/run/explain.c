/* explain - questions that send no mail: paloma route, paloma config. */
#include "run/explain.h"

#include <stdlib.h>
#include <sysexits.h>
#include "base/escape.h"
#include "base/json.h"
#include "base/nearest.h"
#include "mail/header.h"
#include "mail/qualify.h"
#include "queue/facts.h"
#include "queue/resolution.h"
#include "queue/submission.h"
#include "queue/way.h"
#include "run/output.h"
#include "run/preview.h"

enum { OUTPUT_MAX = 64 * 1024 * 1024 };

static int load(const struct request *request, struct conf *conf, struct err *err)
{
	struct conf_sources sources = {.config_file = request->config_file, .overrides = request->overrides,
				       .override_count = request->override_count};

	return conf_load(conf, &sources, err);
}

/* The addresses asked about as the recipients of a mail, in its envelope and its header. */
static int make_recipients(const struct request *request, struct view local_domain, struct draft *draft, struct err *err)
{
	struct arena *arena = draft->message->arena;
	struct address_list list = {0};
	struct field_writer writer;
	struct view text;

	for (size_t i = 0; i < request->operands.count; i++)
		if (address_list_parse(view_of(request->operands.items[i]), arena, &list, err) < 0)
			return -1;
	field_begin(&writer, view_of("To"));
	field_add_addresses(&writer, &list);
	if (field_end(&writer, arena, &text, err) < 0 || qualify_addresses(&list, local_domain, arena, err) < 0)
		return -1;
	field_list_add(&draft->message->fields, arena, text);
	for (size_t i = 0; i < list.count; i++) {
		struct recipient recipient = {.forward_path = address_path(&list.items[i], arena)};

		if (list.items[i].local_part.len > 0)
			envelope_add(&draft->envelope, arena, &recipient);
	}
	return draft->envelope.recipient_count > 0 ? 0
		: err_set(err, EX_USAGE, STATUS(5, 1, 3), "There is no address; paloma route ADDRESS... tells the way to each.");
}

/* The author, when one is asked about. A name without a domain is written as it is, and is of this host. */
static int make_author(const struct request *request, const struct conf *conf, struct view local_domain, struct draft *draft, struct err *err)
{
	const char *from = request->composition.from ? request->composition.from : request->as_user;
	struct arena *arena = draft->message->arena;
	struct address author;

	draft->envelope.user = request->as_user ? view_of(request->as_user) : draft->envelope.user;
	if (!request->composition.from && conf->from)
		from = request->as_user ? conf->from : NULL;
	if (!from)
		return 0;
	if (header_check_text("The author", view_of(from), err) < 0 || address_parse(view_of(from), arena, &author, err) < 0)
		return err_prefix(err, "%s: ", request->composition.from ? "--from" : "--as");
	field_list_add_plain(&draft->message->fields, arena, view_of("From"), view_of(from));
	if (qualify_address(&author, local_domain, arena, err) < 0)
		return err_prefix(err, "--from: ");
	draft->envelope.reverse_path = address_path(&author, arena);
	return 0;
}

/* What names of this host become on the way, and why. */
struct explanation {
	struct draft before;
	struct field_list fields;	/* of the header, before */
	const struct draft *draft;	/* afterwards */
	struct view by_table;		/* what a section [rewrite] makes of the sender, or the sender */
	struct resolution resolution;
};

/* A field as one line: where it was folded tells nothing. */
static struct view unfold(const struct field *field, struct arena *arena)
{
	return arena_printf(arena, "%.*s: %.*s", VIEW_ARG(field->name), VIEW_ARG(field_body(field, arena)));
}

static void append_change(struct buf *out, const char *what, struct view before, struct view after)
{
	if (view_equal(before, after))
		return;
	buf_printf(out, "%s", what);
	escape_text(out, before);
	buf_append_str(out, " becomes ");
	escape_text(out, after);
	buf_append_char(out, '\n');
}

static void append_notes(struct buf *out, const char *what, const struct alias_notes *notes)
{
	for (size_t i = 0; i < notes->count; i++) {
		buf_append_str(out, what);
		resolution_append_note(out, &notes->items[i]);
		buf_append_char(out, '\n');
	}
}

/* The same field, when all is done. */
static struct view field_afterwards(const struct explanation *explanation, const struct field *field)
{
	const struct field_list *fields = &explanation->draft->message->fields;

	return unfold(&fields->items[field_list_find(fields, field->name, 0)], explanation->draft->message->arena);
}

static struct view field_before(const struct explanation *explanation, size_t at)
{
	return unfold(&explanation->fields.items[at], explanation->draft->message->arena);
}

static const char *policy_of(const struct relay *relay)
{
	static const char *const policies[] = {[FROM_UNSET] = "mend", [FROM_KEEP] = "keep", [FROM_MEND] = "mend", [FROM_ALWAYS] = "always"};

	return policies[relay->from_policy];
}

static void append_steps(struct buf *out, const struct explanation *explanation)
{
	struct view before = explanation->before.envelope.reverse_path, after = explanation->draft->envelope.reverse_path;
	const struct relay *relay = explanation->resolution.relay;

	append_notes(out, "alias ", &explanation->resolution.steps);
	append_notes(out, "warning: ", &explanation->resolution.troubles);
	append_change(out, "sender ", before, after);
	for (size_t i = 0; i < explanation->fields.count; i++)
		append_change(out, "field ", field_before(explanation, i), field_afterwards(explanation, &explanation->fields.items[i]));
	if (view_equal(before, after))
		return;
	if (view_equal(after, explanation->by_table))
		buf_append_str(out, "  by a section [rewrite]\n");
	else if (relay && view_equal(after, address_path(&explanation->resolution.account, explanation->draft->message->arena)))
		buf_printf(out, "  by from_policy = %s of the relay %.*s\n", policy_of(relay), VIEW_ARG(relay->name));
}

static void begin_step_json(struct buf *out, const char *kind)
{
	buf_append_str(out, out->data[out->len - 1] == '[' ? "{" : ",{");
	json_append_member(out, "kind", view_of(kind));
}

static void append_change_json(struct buf *out, const char *kind, struct view before, struct view after)
{
	if (view_equal(before, after))
		return;
	begin_step_json(out, kind);
	json_append_member(out, "before", before);
	json_append_member(out, "after", after);
	buf_append_char(out, '}');
}

static void append_notes_json(struct buf *out, const char *kind, const struct alias_notes *notes)
{
	for (size_t i = 0; i < notes->count; i++) {
		begin_step_json(out, kind);
		json_append_member(out, "file", view_of(notes->items[i].file));
		json_append_number(out, "line", notes->items[i].line);
		json_append_member(out, "text", notes->items[i].text);
		buf_append_char(out, '}');
	}
}

static void append_json(struct buf *out, const struct explanation *explanation, const struct route *route)
{
	const struct relay *relay = explanation->resolution.relay;

	buf_append_char(out, '{');
	json_append_name(out, "steps");
	buf_append_char(out, '[');
	append_notes_json(out, "alias", &explanation->resolution.steps);
	append_notes_json(out, "warning", &explanation->resolution.troubles);
	append_change_json(out, "sender", explanation->before.envelope.reverse_path, explanation->draft->envelope.reverse_path);
	for (size_t i = 0; i < explanation->fields.count; i++)
		append_change_json(out, "field", field_before(explanation, i), field_afterwards(explanation, &explanation->fields.items[i]));
	buf_append_char(out, ']');
	json_append_member(out, "reverse_path", explanation->draft->envelope.reverse_path);
	json_append_member(out, "relay", relay ? relay->name : (struct view){0});
	json_append_member(out, "from_policy", relay ? view_of(policy_of(relay)) : (struct view){0});
	json_append_name(out, "ways");
	preview_append_ways_json(out, &explanation->draft->envelope, route);
	buf_append_str(out, "}\n");
}

static struct view apply_table(struct view reverse_path, const struct conf *conf, const struct compose_facts *facts, struct arena *arena)
{
	struct local_names names = conf->local;
	struct rewrite_options options = {.local = &names, .rules = conf->rewrites, .rule_count = conf->rewrite_count};

	if (names.host_name.len == 0)
		facts_take_local_names(&names, facts, arena);
	return rewrite_by_table(reverse_path, REWRITE_SENDER, &options, arena);
}

static int tell_ways(const struct request *request, struct draft *draft, const struct conf *conf, const struct compose_facts *facts)
{
	struct arena *arena = draft->message->arena;
	struct explanation explanation = {.before = *draft, .draft = draft};
	struct address nobody = {0};
	struct route route;
	struct buf text;
	struct err err;
	int status = EX_OK;

	for (size_t i = 0; i < draft->message->fields.count; i++)
		field_list_add(&explanation.fields, arena, draft->message->fields.items[i].text);
	explanation.by_table = apply_table(draft->envelope.reverse_path, conf, facts, arena);
	resolution_apply(draft, conf, facts, &nobody, false, &explanation.resolution);
	route_envelope(&draft->envelope, submission_author_path(draft->message, arena), &conf->route, arena, &route);
	buf_init(&text, OUTPUT_MAX);
	if (request->output == OUTPUT_JSON) {
		append_json(&text, &explanation, &route);
	} else {
		append_steps(&text, &explanation);
		preview_append_ways(&text, &draft->envelope, &route, arena);
	}
	if (output_write(stdout, buf_view(&text), &err) < 0)
		status = output_complain(&err);
	buf_clear(&text);
	return status ? status : preview_status(&route);
}

/* A relay may be for one who is known elsewhere only; a slip of the hand looks the same. */
static void warn_of_nobody(const char *name, struct arena *arena)
{
	struct local_user user;
	struct err err;

	if (name && facts_find_user(NULL, view_of(name), arena, &user, &err) == 0) {
		err_set(&err, EX_NOUSER, STATUS(5, 1, 1), "warning: There is no user %s on this host.", name);
		output_complain(&err);
	}
}

int explain_route(const struct request *request)
{
	struct arena *arena = arena_new();
	struct draft draft = {.message = message_new()};
	struct compose_facts facts;
	struct view local_domain;
	struct conf conf;
	struct err err;
	int status;

	if (load(request, &conf, &err) < 0 || facts_fetch(&facts, &conf, NULL, arena, &err) < 0)
		status = output_complain(&err);
	else {
		local_domain = submission_local_domain(&conf, &facts);
		draft.envelope.user = facts.user;
		conf.alias.tells_steps = true;
		draft.envelope.no_aliases = request->no_aliases;
		if (make_recipients(request, local_domain, &draft, &err) < 0 || make_author(request, &conf, local_domain, &draft, &err) < 0) {
			status = output_complain(&err);
		} else {
			warn_of_nobody(request->as_user, arena);
			way_prepare(&conf, &facts, arena);
			status = tell_ways(request, &draft, &conf, &facts);
		}
	}
	message_free(draft.message);
	conf_clear(&conf);
	arena_free(arena);
	return status;
}

static const struct conf_value *find_value(const struct conf *conf, struct view key)
{
	for (size_t i = 0; i < conf->value_count; i++)
		if (view_equal(conf->values[i].section, (struct view)VIEW("paloma")) && view_equal_nocase(conf->values[i].key, key))
			return &conf->values[i];
	return NULL;
}

static void append_setting(struct buf *out, bool as_json, struct view section, struct view key, struct view value, struct view origin)
{
	if (as_json) {
		buf_append_str(out, out->data[out->len - 1] == '[' ? "{" : ",{");
		json_append_member(out, "section", section);
		json_append_member(out, "key", key);
		json_append_member(out, "value", value);
		json_append_member(out, "origin", origin);
		buf_append_char(out, '}');
		return;
	}
	escape_text(out, key);
	buf_append_str(out, " = ");
	escape_text(out, value);
	buf_append_str(out, "\t; ");
	escape_text(out, origin);
	buf_append_char(out, '\n');
}

static bool is_wanted(const struct request *request, struct view key)
{
	for (size_t i = 0; i < request->operands.count; i++)
		if (view_equal_nocase(key, view_of(request->operands.items[i])))
			return true;
	return request->operands.count == 0;
}

/* A key that does not exist is a mistake in a script, not an empty answer. */
static int check_operands(const struct request *request, struct err *err)
{
	for (size_t i = 0; i < request->operands.count; i++) {
		struct view wanted = view_of(request->operands.items[i]);
		struct nearest nearest = nearest_begin(wanted);
		bool known = false;

		for (size_t k = 0; k < conf_key_count(); k++) {
			known |= view_equal_nocase(conf_key_at(k).key, wanted);
			nearest_offer(&nearest, conf_key_at(k).key);
		}
		if (!known)
			return nearest.best.len > 0
				? err_set(err, EX_USAGE, STATUS(5, 5, 4), "There is no key %.*s; is %.*s meant?", VIEW_ARG(wanted), VIEW_ARG(nearest.best))
				: err_set(err, EX_USAGE, STATUS(5, 5, 4), "There is no key %.*s; paloma config lists those there are.", VIEW_ARG(wanted));
	}
	return 0;
}

static void append_main(struct buf *out, const struct request *request, const struct conf *conf, bool as_json)
{
	for (size_t i = 0; i < conf_key_count(); i++) {
		struct conf_key row = conf_key_at(i);
		const struct conf_value *value = find_value(conf, row.key);

		if (!(row.sections & CONF_IN_MAIN) || !is_wanted(request, row.key))
			continue;
		append_setting(out, as_json, view_of("paloma"), row.key, value ? value->value : view_of(row.default_text),
			       value ? value->origin : view_of("default"));
	}
}

static void append_sections(struct buf *out, const struct request *request, const struct conf *conf, bool as_json)
{
	struct view section = {0};

	for (size_t i = 0; i < conf->value_count; i++) {
		const struct conf_value *value = &conf->values[i];

		if (view_equal(value->section, (struct view)VIEW("paloma")) || !is_wanted(request, value->key))
			continue;
		if (!as_json && !view_equal(section, value->section)) {
			buf_append_str(out, "\n[");
			escape_text(out, value->section);
			buf_append_str(out, "]\n");
		}
		section = value->section;
		append_setting(out, as_json, value->section, value->key, value->value, value->origin);
	}
}

int explain_config(const struct request *request)
{
	bool as_json = request->output == OUTPUT_JSON;
	struct conf conf;
	struct buf text;
	struct err err;
	int status = EX_OK;

	buf_init(&text, OUTPUT_MAX);
	if (load(request, &conf, &err) < 0 || check_operands(request, &err) < 0) {
		status = output_complain(&err);
	} else {
		buf_append_str(&text, as_json ? "[" : "[paloma]\n");
		append_main(&text, request, &conf, as_json);
		append_sections(&text, request, &conf, as_json);
		buf_append_str(&text, as_json ? "]\n" : "");
		if (request->output == OUTPUT_QUIET) /* whether it is one, is all that is asked */
			buf_reset(&text);
		if (output_write(stdout, buf_view(&text), &err) < 0)
			status = output_complain(&err);
	}
	buf_clear(&text);
	conf_clear(&conf);
	return status;
}
