/* send - one mail: compose > submit > route > deliver > report, in this process and now (DESIGN §3, case 1).
 *
 * Nothing is connected to before the whole message stands and can be sent as it was asked for. */
#include "queue/spool_place.h"
#include "run/send.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/escape.h"
#include "base/log.h"
#include "base/mem.h"
#include "report/outcome_summary.h"
#include "queue/facts.h"
#include "queue/resolution.h"
#include "queue/submission.h"
#include "queue/way.h"
#include "run/handover.h"
#include "run/output.h"
#include "run/preview.h"
#include "run/settings.h"
#include "run/watch.h"
#include "submit/complete.h"
#include "submit/normalize.h"

struct sending {
	const struct request *request;
	struct conf conf;
	struct arena *arena;
	struct compose_facts facts;
	struct compose_report report;
	struct draft draft;
	struct watch watch;
	struct address author;		/* who hands it over */
	struct resolution resolution;
	bool is_resolved;
};

static int set_up(struct sending *sending, struct err *err)
{
	const struct request *request = sending->request;

	sending->arena = arena_new();
	if (settings_load(&sending->conf, request, err) < 0)
		return -1;
	if (!sending->conf.compose.mime_types_file)
		sending->conf.compose.mime_types_file = facts_mime_types(sending->arena);
	if (facts_fetch(&sending->facts, &sending->conf, request->composition.seed, sending->arena, err) < 0)
		return -1;
	sending->conf.compose.local_domain = submission_local_domain(&sending->conf, &sending->facts);
	return 0;
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

static int complete(struct sending *sending, struct err *err)
{
	const struct composition *wish = &sending->request->composition;

	sending->draft.envelope.is_raw = wish->raw;
	sending->draft.envelope.is_relayed = sending->request->is_relayed;
	sending->draft.envelope.no_aliases = sending->request->no_aliases;
	if (complete_check_hops(sending->draft.message, err) < 0)
		return -1;
	if (submission_find_author(&sending->conf, &sending->facts, wish->full_name, sending->arena, &sending->author, err) < 0)
		return -1;
	if (wish->raw)
		return normalize_check_raw(sending->draft.message, err);
	if (!wish->from_headers && !wish->message_on_stdin)
		return 0; /* composed here, and so complete */
	if (sending->request->is_relayed)
		return normalize_message(&sending->draft, err); /* whoever wrote it has completed it */
	return submission_complete(&sending->draft, &sending->facts, &sending->author, sending->report.token, err);
}

/* What was wrong with aliases. A program that sends can do nothing about it; the log has it for the others. */
static void warn_of_aliases(const struct sending *sending)
{
	bool is_wanted = sending->request->output == OUTPUT_PLAIN && (!sending->request->is_sendmail || isatty(STDERR_FILENO));

	for (size_t i = 0; is_wanted && i < sending->resolution.troubles.count; i++) {
		struct buf text;

		buf_init(&text, 16 * 1024);
		resolution_append_note(&text, &sending->resolution.troubles.items[i]);
		fprintf(stderr, "paloma: warning: %s\n", buf_str(&text));
		buf_clear(&text);
	}
}

/* Names of this host are the business of whoever keeps the mail: of the service, when it is asked first. */
static int submit(struct sending *sending, struct err *err)
{
	const struct request *request = sending->request;
	enum handover_place places[2];

	if (complete(sending, err) < 0)
		return -1;
	way_prepare(&sending->conf, &sending->facts, sending->arena);
	sending->draft.envelope.user = sending->facts.user;
	handover_places(request, &sending->conf, spool_place_path(request->use_system, &sending->conf, sending->arena), places);
	if (places[0] == HANDOVER_SOCKET && !request->print && !request->dry_run)
		return 0;
	resolution_apply(&sending->draft, &sending->conf, &sending->facts, &sending->author, request->composition.raw || request->is_relayed,
			 &sending->resolution);
	sending->is_resolved = true;
	warn_of_aliases(sending);
	return 0;
}

/* Where a mail stays that is not delivered yet. */
static void append_left(struct buf *text, const struct handover *handover)
{
	if (handover->knows_fate && handover->fate == EX_OK)
		buf_printf(text, "The mail %s has been delivered.\n", handover->id);
	if (!handover->is_left || handover->knows_fate) /* why it is left has been said */
		return;
	if (handover->outcomes)
		buf_printf(text, "It stays in the queue as %s and will be tried again.\n", handover->id);
	else
		buf_printf(text, "Queued as %s.\n", handover->id);
}

static int exit_status(const struct sending *sending, const struct handover *handover)
{
	int status = handover->outcomes ? outcome_exit_status(handover->outcomes, sending->draft.envelope.recipient_count) : EX_OK;

	if (handover->knows_fate)
		return handover->fate;
	/* What is kept because of a mistake has not been tried. Programs that wait by -odi out of habit are not told. */
	if (handover->is_left && !handover->outcomes && sending->request->wait_for_fate && !sending->request->is_sendmail)
		return EX_TEMPFAIL;
	/* What is in the queue is durably ours; only who wants the fate to be the status hears that it is open. */
	if (handover->is_left && status == EX_TEMPFAIL && !sending->request->wait_for_fate)
		return EX_OK;
	return status;
}

/* What the user reads, and the exit status. */
static int report(struct sending *sending, const struct handover *handover)
{
	const struct request *request = sending->request;
	const struct envelope *envelope = &sending->draft.envelope;
	bool is_talkative = request->output == OUTPUT_PLAIN && (!request->is_sendmail || request->verbose);
	struct buf text;
	struct err err;

	buf_init(&text, SIZE_MAX / 2);
	if (request->output == OUTPUT_JSON)
		outcome_append_json(&text, &sending->draft, handover->id, handover->outcomes, sending->arena);
	if (is_talkative && handover->outcomes)
		outcome_append_sent(&text, envelope, handover->outcomes, sending->arena);
	if (is_talkative && !handover->outcomes)
		append_left(&text, handover);
	/* That the mail was sent stays true when nobody can be told. */
	if (output_write(stdout, buf_view(&text), &err) < 0)
		output_complain(&err);
	buf_reset(&text);
	if (handover->knows_fate && handover->fate != EX_OK && handover->fate != EX_TEMPFAIL)
		buf_printf(&text, "The mail %s could not be delivered to everybody; a report tells its sender.\n", handover->id);
	if (request->output != OUTPUT_JSON && handover->outcomes)
		outcome_append_failed(&text, envelope, handover->outcomes, sending->arena);
	if (is_talkative && handover->outcomes)
		append_left(&text, handover);
	output_write(stderr, buf_view(&text), &err);
	buf_clear(&text);
	return exit_status(sending, handover);
}

static int preview(struct sending *sending)
{
	struct route route;
	struct err err;

	route_envelope(&sending->draft.envelope, submission_author_path(sending->draft.message, sending->arena), &sending->conf.route, sending->arena, &route);
	if (preview_print(&sending->draft, &sending->report, &route, sending->request->output == OUTPUT_JSON, sending->arena, &err) < 0)
		return output_complain(&err);
	return preview_status(&route);
}

static int transmit(struct sending *sending, struct err *err)
{
	struct handover handover = {
		.request = sending->request, .conf = &sending->conf, .facts = &sending->facts, .draft = &sending->draft, .arena = sending->arena,
		.is_resolved = sending->is_resolved, .reverse_path = sending->resolution.reverse_path, .fallback_author = &sending->author,
	};

	watch_attach(&sending->watch, &sending->conf.deliver);
	if (sending->request->dry_run)
		return preview(sending);
	settings_open_log(&sending->conf, sending->request);
	if (sending->is_resolved)
		resolution_log(&sending->resolution);
	handover.author = submission_author_path(sending->draft.message, sending->arena);
	return handover_run(&handover, err) < 0 ? err->exit_code : report(sending, &handover);
}

static void warn(const struct sending *sending)
{
	for (size_t i = 0; i < sending->request->warnings.count && sending->request->output != OUTPUT_QUIET; i++)
		fprintf(stderr, "paloma: warning: %s\n", sending->request->warnings.items[i]);
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
		status = transmit(&sending, &err);
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
