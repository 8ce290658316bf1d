/* send - one mail: compose > submit > route > deliver > report, in this process and now (DESIGN §3, case 1).
 *
 * Nothing is connected to before the whole message stands and can be sent as it was asked for. */
#include "run/send.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/escape.h"
#include "base/mem.h"
#include "conf/secret.h"
#include "mail/qualify.h"
#include "report/outcome_summary.h"
#include "run/facts.h"
#include "run/output.h"
#include "run/preview.h"
#include "run/watch.h"
#include "submit/complete.h"
#include "submit/normalize.h"
#include "submit/rewrite.h"

struct sending {
	const struct request *request;
	struct conf conf;
	struct arena *arena;
	struct compose_facts facts;
	struct compose_report report;
	struct draft draft;
	struct watch watch;
};

static int set_up(struct sending *sending, struct err *err)
{
	const struct request *request = sending->request;
	struct conf_sources sources = {.config_file = request->config_file, .overrides = request->overrides,
				       .override_count = request->override_count};

	sending->arena = arena_new();
	if (conf_load(&sending->conf, &sources, err) < 0)
		return -1;
	if (!sending->conf.compose.mime_types_file)
		sending->conf.compose.mime_types_file = facts_mime_types(sending->arena);
	return facts_fetch(&sending->facts, &sending->conf, request->composition.seed, sending->arena, err);
}

static struct view own_domain(const struct sending *sending)
{
	return sending->conf.compose.domain.len > 0 ? sending->conf.compose.domain : sending->facts.host_name;
}

static int compose(struct sending *sending, struct err *err)
{
	struct composition wish = sending->request->composition;

	/* The configured author stands in for the caller, not for what the message or the user says. */
	if (sending->conf.from && !wish.from && !wish.from_headers && !wish.message_on_stdin && !wish.raw)
		wish.from = sending->conf.from;
	if (wish.body_from_stdin && (wish.raw || wish.from_headers))
		wish.body_from_stdin = false;
	if (!wish.body && !wish.body_file && !wish.body_from_stdin && !wish.html && !wish.html_file && !wish.calendar_file &&
	    wish.attachment_count == 0 && !wish.from_headers && !wish.raw && !wish.message_on_stdin)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0),
			       "There is nothing to send: give the text on standard input or with --body, --body-file, --html or --attach.");
	return compose_draft(&wish, &sending->conf.compose, &sending->facts, &sending->draft, &sending->report, err);
}

/* The author of a message that came without one. */
static int find_author(struct sending *sending, struct address *author, struct err *err)
{
	const struct composition *wish = &sending->request->composition;

	*author = (struct address){.display_name = sending->facts.full_name, .local_part = sending->facts.user};
	if (sending->conf.from && address_parse(view_of(sending->conf.from), sending->arena, author, err) < 0)
		return err_prefix(err, "from: ");
	if (wish->full_name)
		author->display_name = view_of(wish->full_name);
	return qualify_address(author, own_domain(sending), sending->arena, err);
}

static int submit(struct sending *sending, struct err *err)
{
	const struct composition *wish = &sending->request->composition;
	struct complete_options options = {.now = sending->facts.now, .utc_offset_minutes = sending->facts.utc_offset_minutes};

	if (wish->raw)
		return normalize_check_raw(sending->draft.message, err);
	if (!wish->from_headers && !wish->message_on_stdin)
		return 0; /* composed here, and so complete */
	memcpy(options.random, sending->facts.random + 16, sizeof options.random);
	if (find_author(sending, &options.author, err) < 0 || complete_message(&sending->draft, &options, err) < 0)
		return -1;
	rewrite_header(sending->draft.message, own_domain(sending));
	return normalize_message(sending->draft.message, err);
}

/* The path of the header's From, by which a relay may be chosen. */
static struct view find_author_path(const struct sending *sending)
{
	const struct field_list *fields = &sending->draft.message->fields;
	size_t at = field_list_find(fields, (struct view)VIEW("From"), 0);
	struct address_list list = {0};
	struct err ignored;

	if (at == fields->count || address_list_parse(field_body(&fields->items[at], sending->arena), sending->arena, &list, &ignored) < 0 ||
	    list.count == 0)
		return (struct view){0};
	return address_path(&list.items[0], sending->arena);
}

static void prepare_way(struct sending *sending)
{
	struct conf *conf = &sending->conf;

	conf->route.host_name = sending->facts.host_name;
	memcpy(&conf->route.seed, sending->facts.random, sizeof conf->route.seed);
	if (!conf->route.default_relay || conf->route.direct || conf->rule_count > 0)
		facts_own_addresses(sending->arena, &conf->route.own, &conf->route.own_count);
	if (conf->deliver.helo.len == 0)
		conf->deliver.helo = sending->facts.host_name;
	watch_attach(&sending->watch, &conf->deliver);
}

/* The relay behind a hop, for its password. */
static const struct relay *find_relay(const struct conf *conf, const struct hop *hop)
{
	if (&conf->default_relay.credentials == hop->credentials)
		return &conf->default_relay;
	for (size_t i = 0; i < conf->relay_count; i++)
		if (&conf->relays[i].credentials == hop->credentials)
			return &conf->relays[i];
	for (size_t i = 0; i < conf->rule_count; i++)
		if (conf->rules[i].relay && &conf->rules[i].relay->credentials == hop->credentials)
			return conf->rules[i].relay;
	return NULL;
}

/* The certificates and keys that were named for a hop; all its endpoints have the same. */
static void check_tls_files(struct sending *sending, struct hop *hop)
{
	for (size_t i = 0; i < hop->endpoint_count && !hop->trouble.exit_code; i++) {
		const struct tls_policy *policy = &hop->endpoints[i].tls;

		if (policy->demand == TLS_DEMAND_NONE || !(policy->cert_file || (policy->ca_file && policy->demand == TLS_DEMAND_VERIFY)))
			continue;
		tls_cache_prepare(sending->conf.deliver.tls_cache, policy, &hop->trouble);
		return;
	}
}

static void deliver_one(struct sending *sending, struct hop *hop, struct outcome *outcomes)
{
	const struct relay *relay = hop->credentials ? find_relay(&sending->conf, hop) : NULL;
	struct secret secret = {0};
	struct credentials credentials;

	check_tls_files(sending, hop);
	if (relay && !hop->trouble.exit_code) {
		hop->credentials = &credentials;
		if (secret_resolve(relay, relay == &sending->conf.default_relay, &secret, &credentials, &hop->trouble) < 0)
			hop->credentials = NULL;
	}
	deliver_hop(hop, &sending->draft, &sending->conf.deliver, outcomes, sending->arena);
	hop->credentials = NULL;
	secret_clear(&secret);
}

/* What the user reads, and the exit status. */
static int report(struct sending *sending, const struct outcome *outcomes)
{
	const struct request *request = sending->request;
	const struct envelope *envelope = &sending->draft.envelope;
	struct buf text;
	struct err err;

	buf_init(&text, SIZE_MAX / 2);
	if (request->output == OUTPUT_JSON)
		outcome_append_json(&text, &sending->draft, outcomes, sending->arena);
	else if (request->output == OUTPUT_PLAIN && (!request->is_sendmail || request->verbose))
		outcome_append_sent(&text, envelope, outcomes, sending->arena);
	/* That the mail was sent stays true when nobody can be told. */
	if (output_write(stdout, buf_view(&text), &err) < 0)
		output_complain(&err);
	buf_reset(&text);
	if (request->output != OUTPUT_JSON)
		outcome_append_failed(&text, envelope, outcomes, sending->arena);
	output_write(stderr, buf_view(&text), &err);
	buf_clear(&text);
	return outcome_exit_status(outcomes, envelope->recipient_count);
}

static int transmit(struct sending *sending)
{
	struct outcome *outcomes = ARENA_ARRAY(sending->arena, sending->draft.envelope.recipient_count + 1, struct outcome);
	struct route route;
	struct err err;

	prepare_way(sending);
	route_envelope(&sending->draft.envelope, find_author_path(sending), &sending->conf.route, sending->arena, &route);
	if (sending->request->dry_run) {
		if (preview_print(&sending->draft, &sending->report, &route, sending->request->output == OUTPUT_JSON, sending->arena, &err) < 0)
			return output_complain(&err);
		return preview_status(&route);
	}
	sending->conf.deliver.tls_cache = tls_cache_new();
	for (size_t i = 0; i < route.hop_count; i++)
		deliver_one(sending, &route.hops[i], outcomes);
	tls_cache_free(sending->conf.deliver.tls_cache);
	return report(sending, outcomes);
}

static void warn(const struct sending *sending)
{
	for (size_t i = 0; i < sending->report.warning_count && sending->request->output != OUTPUT_QUIET; i++) {
		struct buf text;

		buf_init(&text, 16 * 1024);
		escape_text(&text, sending->report.warnings[i]);
		fprintf(stderr, "paloma: warning: %.*s\n", VIEW_ARG(buf_view(&text)));
		buf_clear(&text);
	}
}

static int make(struct sending *sending, struct err *err)
{
	if (set_up(sending, err) < 0 || compose(sending, err) < 0)
		return -1;
	warn(sending);
	if (sending->report.is_empty)
		return 0;
	if (submit(sending, err) < 0)
		return -1;
	return watch_open(&sending->watch, sending->request->transcript_file, sending->request->verbose,
			  sending->request->output == OUTPUT_QUIET || sending->request->is_sendmail, err);
}

int send_run(const struct request *request)
{
	struct sending sending = {.request = request};
	struct err err = {0};
	int status;

	if (make(&sending, &err) < 0)
		status = err.exit_code;
	else if (sending.report.is_empty)
		status = EX_OK;
	else if (request->print)
		status = preview_print_message(sending.draft.message, &err) < 0 ? err.exit_code : EX_OK;
	else
		status = transmit(&sending);
	if (err.exit_code)
		output_complain(&err);
	/* A transcript that is not whole does not undo what was sent, and who sees a failure sends it again. */
	if (watch_close(&sending.watch, &err) < 0)
		output_complain(&err);
	message_free(sending.draft.message);
	conf_clear(&sending.conf);
	arena_free(sending.arena);
	return status;
}
