/* handover - where a message goes when it is ready: delivered now, into a spool, or to the service's socket. */
#include "run/handover.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "report/journal.h"
#include "queue/attempt.h"
#include "queue/helper.h"
#include "queue/queue.h"
#include "queue/resolution.h"
#include "queue/spool_place.h"
#include "queue/submission.h"
#include "queue/way.h"
#include "run/control.h"
#include "run/queue_words.h"

/* One part of the mail, whose recipients begin at first in the whole. */
static void deliver_part(struct handover *handover, const struct envelope *envelope, size_t first)
{
	struct draft draft = {.message = handover->draft->message, .envelope = *envelope};
	struct outcome *outcomes = ARENA_ARRAY(handover->arena, envelope->recipient_count + 1, struct outcome);
	struct route route;

	route_envelope(envelope, handover->author, &handover->conf->route, handover->arena, &route);
	for (size_t i = 0; i < route.hop_count; i++)
		way_deliver(handover->conf, NULL, &route.hops[i], &draft, outcomes, handover->arena);
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		handover->outcomes[first + i] = outcomes[i];
		handover->outcomes[first + i].recipient = first + i;
	}
}

/* The recipients in the order of the parts, as whom the whole is told of. */
static void take_part_order(struct envelope *whole, struct arena *arena)
{
	struct envelope rest = *whole, part;

	whole->recipients = NULL;
	whole->index = NULL;
	whole->recipient_count = whole->recipient_capacity = whole->index_size = 0;
	while (rest.recipient_count > 0) {
		submission_take_part(&rest, arena, &part);
		for (size_t i = 0; i < part.recipient_count; i++)
			envelope_add(whole, arena, &part.recipients[i]);
	}
}

static void deliver_now(struct handover *handover)
{
	struct envelope rest = handover->draft->envelope, *whole = &handover->draft->envelope, part;

	handover->outcomes = ARENA_ARRAY(handover->arena, whole->recipient_count + 1, struct outcome);
	handover->conf->deliver.tls_cache = tls_cache_new();
	if (submission_has_parts(whole)) {
		take_part_order(whole, handover->arena);
		for (size_t first = 0; rest.recipient_count > 0; first += part.recipient_count) {
			submission_take_part(&rest, handover->arena, &part);
			deliver_part(handover, &part, first);
		}
	} else {
		deliver_part(handover, whole, 0);
	}
	tls_cache_free(handover->conf->deliver.tls_cache);
	handover->conf->deliver.tls_cache = NULL;
}

static enum delivery_mode delivery_mode(const struct request *request, const struct conf *conf)
{
	if (conf->trouble.exit_code)
		return DELIVERY_QUEUE_ONLY;
	if (request->delivery != DELIVERY_DEFAULT)
		return request->delivery;
	/* Who wants to see the conversation has to wait for it. */
	return request->is_sendmail && !request->verbose ? DELIVERY_BACKGROUND : DELIVERY_FOREGROUND;
}

static void write_pickup(const struct handover *handover, const struct submission_trace *trace)
{
	bool is_known = trace->uid != (uid_t)-1;
	struct buf line;

	buf_init(&line, 16 * 1024);
	if (is_known)
		journal_pickup(&line, handover->id, (unsigned long)trace->uid, &handover->draft->envelope);
	else
		journal_client(&line, handover->id, trace->host.data);
	log_write(is_known ? "pickup" : "smtpd", "%s", buf_str(&line));
	buf_clear(&line);
}

static void tell_outcome(void *context, const struct spool_mail *mail, const struct outcome *outcome)
{
	const double *active_s = context;

	queue_journal(mail, outcome, *active_s);
}

static void write_active(const struct spool_mail *mail)
{
	struct buf line;

	buf_init(&line, 16 * 1024);
	journal_active(&line, mail->id, &mail->envelope, mail->size_octets);
	log_write("qmgr", "%s", buf_str(&line));
	buf_clear(&line);
}

/* What there is to be told of the attempt at a part, whose recipients begin at first in the whole. */
static void take_outcomes(struct handover *handover, const struct attempt *attempt, size_t first)
{
	for (size_t i = 0; i < attempt->mail.envelope.recipient_count; i++) {
		struct outcome *outcome = &handover->outcomes[first + i];

		*outcome = attempt->mail.outcomes[i];
		outcome->recipient = first + i;
		outcome->remote_mta = arena_copy(handover->arena, outcome->remote_mta);
		outcome->tls = arena_copy(handover->arena, outcome->tls);
		outcome->reply.text = arena_copy(handover->arena, outcome->reply.text);
	}
}

/* The first attempt, by the caller himself. Trouble with it is no trouble of the mail, which is safe. The value is how many
 * recipients there are. */
static size_t attempt_part(struct handover *handover, const struct spool *spool, struct spool_entry *entry, int helper, size_t first)
{
	bool is_left = true;
	double active_s = queue_now_s();
	struct attempt_options options = {
		.conf = handover->conf, .host_name = handover->facts->host_name, .utc_offset_minutes = handover->facts->utc_offset_minutes,
		.helper = helper > 0 ? helper : 0, .tell = tell_outcome, .tell_context = &active_s,
	};
	struct attempt attempt;
	struct err err;
	size_t count, *all;
	time_t due;
	int status;

	if (attempt_begin(&attempt, &options, entry, &err) < 0) {
		log_write("qmgr", "%s: %s", entry->id, err.text);
		attempt_end(&attempt);
		return 0;
	}
	/* What becomes of the members of a list its owner hears, whoever else does. */
	options.caller_is_told = !handover->request->mail_failures && view_equal(attempt.mail.envelope.reverse_path, handover->reverse_path);
	count = attempt.mail.envelope.recipient_count;
	all = ARENA_ARRAY(handover->arena, count, size_t);
	for (size_t i = 0; i < count; i++)
		all[i] = i;
	write_active(&attempt.mail);
	handover->conf->deliver.tls_cache = tls_cache_new();
	if (attempt_deliver(&attempt, all, count, &err) < 0)
		log_write("qmgr", "%s: %s", entry->id, err.text);
	switch (attempt_settle(&attempt, spool, time(NULL), 0, &due, &status, &err)) {
	case ATTEMPT_GONE:
		is_left = false;
		log_write("qmgr", "%s: removed", attempt.mail.id);
		break;
	case ATTEMPT_SET_ASIDE:
		is_left = false;
		break;
	case ATTEMPT_FAILED:
		log_write("qmgr", "%s: %s", attempt.mail.id, err.text);
		break;
	case ATTEMPT_LEFT:
		break;
	}
	handover->has_reported |= attempt.has_reported;
	if (is_left)
		memcpy(handover->id, attempt.mail.id, SPOOL_ID_SIZE); /* of those that are left, one is named */
	handover->is_left |= is_left;
	take_outcomes(handover, &attempt, first);
	tls_cache_free(handover->conf->deliver.tls_cache);
	handover->conf->deliver.tls_cache = NULL;
	attempt_end(&attempt);
	return count;
}

/* One whose file cannot be read again has no outcome, and neither have those behind it: they are in the queue. */
static void attempt_now(struct handover *handover, const struct spool *spool, const struct submission_parts *parts, int helper)
{
	size_t first = 0, done = 1;

	handover->outcomes = ARENA_ARRAY(handover->arena, handover->draft->envelope.recipient_count + 1, struct outcome);
	handover->is_left = false;
	for (size_t i = 0; i < parts->count && done > 0; i++)
		first += done = attempt_part(handover, spool, &parts->entries[i], helper, first);
	handover->is_left |= done == 0;
	for (; done == 0 && first < handover->draft->envelope.recipient_count; first++) {
		handover->outcomes[first] = (struct outcome){.recipient = first, .action = OUTCOME_DELAYED};
		err_set(&handover->outcomes[first].err, EX_TEMPFAIL, STATUS(4, 3, 0), "It has not been tried yet.");
	}
}

static int store(struct handover *handover, uid_t uid, const struct spool *spool, struct submission_parts *parts, struct err *err)
{
	struct envelope whole = handover->draft->envelope;
	struct submission_trace own = {
		.uid = uid, .host = VIEW("local"), .with = VIEW("local"),
		.from = arena_printf(handover->arena, "from userid %lu", (unsigned long)uid),
	};

	const struct submission_trace *trace = handover->trace ? handover->trace : &own;

	if (submission_store(handover->draft, trace, handover->conf, handover->facts, spool, parts, err) < 0)
		return -1;
	memcpy(handover->id, parts->entries[parts->count - 1].id, SPOOL_ID_SIZE);
	handover->is_left = true;
	write_pickup(handover, trace);
	if (parts->count > 1) {
		take_part_order(&whole, handover->arena);
		handover->draft->envelope = whole;
	}
	return 0;
}

/* The mail is safe, whoever delivers it. */
static void start_runner(const struct handover *handover, const struct spool *spool, int helper)
{
	struct err err;

	if (queue_start(spool, handover->request->config_file, helper, false, &err) < 0 && handover->request->output != OUTPUT_QUIET)
		fprintf(stderr, "paloma: warning: %s The mail is kept, and goes out when the queue is run.\n", err.text);
}

static int store_in_spool(struct handover *handover, const char *path, struct err *err)
{
	enum delivery_mode mode = delivery_mode(handover->request, handover->conf);
	struct submission_parts parts = {0};
	struct spool spool = {0};
	uid_t uid = getuid();
	int result = 0, helper = -1;

	/* With the spool we become its owner, who cannot write a mailbox. */
	if (mode != DELIVERY_QUEUE_ONLY && !spool_is_of_root(path))
		result = helper_start(handover->request->config_file, handover->conf, false, &helper, NULL, err);
	if (result == 0)
		result = spool_open(&spool, path, err);
	if (result == 0)
		result = store(handover, uid, &spool, &parts, err);
	if (result == 0 && spool_place_is_left_to_service(&spool, handover->conf))
		way_by_service(handover->conf, handover->arena);
	/* Who a report goes to may have a .forward, which we cannot read any more. */
	if (helper >= 0)
		handover->conf->alias.forward_helper = helper;
	if (result == 0 && mode == DELIVERY_FOREGROUND)
		attempt_now(handover, &spool, &parts, helper);
	submission_close_parts(&parts);
	if (result == 0 && (handover->is_left || handover->has_reported) && mode != DELIVERY_QUEUE_ONLY)
		start_runner(handover, &spool, helper);
	if (helper >= 0)
		close(helper);
	spool_close(&spool);
	if (result < 0)
		handover->id[0] = '\0';
	return result;
}

/* The ids in "queued as ID ID", the words of the service; each but the first is of a part of the mail that is one of its own. */
static struct view find_ids(struct view text)
{
	static const struct view before = VIEW("queued as ");

	return view_from(text, view_find(text, before) + before.len);
}

static bool take_id(struct view *ids, char id[SPOOL_ID_SIZE])
{
	struct view word = view_take_until(ids, ' ', NULL);
	uint64_t arrival_us;

	if (!spool_id_parse(word, &arrival_us))
		return false;
	memcpy(id, word.data, word.len);
	id[word.len] = '\0';
	return true;
}

/* What becomes of it in the service's queue. */
static int wait_for(const struct handover *handover, const char *id)
{
	const char *ids[] = {id};
	struct request wish = {.queue = {.action = QUEUE_WAIT, .ids = {ids, 1}, .first_attempt = true}, .output = OUTPUT_QUIET};
	int argc;
	char **argv = queue_words_make(&wish, handover->arena, &argc);

	return control_call(control_path(handover->conf->queue.submit_socket, handover->arena), argc, argv);
}

/* For more recipients than one mail takes it has become several. That one is refused for good outweighs what may pass. */
static void wait_for_fate(struct handover *handover)
{
	char id[SPOOL_ID_SIZE], last[SPOOL_ID_SIZE] = "";

	for (size_t i = 0; i < handover->draft->envelope.recipient_count; i++) {
		struct view ids = find_ids(handover->outcomes[i].reply.text);

		if (!take_id(&ids, id) || strcmp(id, last) == 0)
			continue;
		memcpy(last, id, sizeof last);
		do {
			int fate = wait_for(handover, id);

			if (handover->fate == EX_OK || (handover->fate == EX_TEMPFAIL && fate != EX_OK))
				handover->fate = fate;
		} while (take_id(&ids, id));
	}
	handover->knows_fate = true;
	handover->is_left = handover->fate == EX_TEMPFAIL;
}

/* When everybody is in one mail there is nothing to tell but where it is. Who was not taken is in nobody's queue. */
static void take_answer(struct handover *handover)
{
	size_t count = handover->draft->envelope.recipient_count;
	bool are_all = true, is_one = true;

	for (size_t i = 0; i < count; i++) {
		struct view ids = find_ids(handover->outcomes[i].reply.text);
		char id[SPOOL_ID_SIZE];
		bool is_there = handover->outcomes[i].action == OUTCOME_RELAYED && take_id(&ids, id);

		are_all &= is_there;
		if (is_there && !handover->id[0])
			memcpy(handover->id, id, sizeof id);
		is_one &= is_there && strcmp(handover->id, id) == 0;
	}
	if (!are_all)
		return;
	handover->is_left = is_one;
	if (handover->request->wait_for_fate)
		wait_for_fate(handover);
	if (is_one || handover->knows_fate)
		handover->outcomes = NULL;
}

/* The service is a hop like any other; what it has taken is in its spool, whose id is in its answer. */
static int hand_to_service(struct handover *handover, struct err *err)
{
	struct conf *conf = handover->conf;
	struct endpoint endpoint = {.host = view_of(conf->queue.submit_socket), .tls = {.start = TLS_START_NEVER}};
	size_t count = handover->draft->envelope.recipient_count;
	struct hop hop = {.transport = TRANSPORT_SMTP, .endpoints = &endpoint, .endpoint_count = 1, .recipient_count = count};
	struct net_address address;
	bool any_taken = false;

	if (!net_address_unix(endpoint.host, &address))
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "submit_socket %s is too long for a socket.", conf->queue.submit_socket);
	endpoint.addresses = &address;
	endpoint.address_count = 1;
	hop.recipients = ARENA_ARRAY(handover->arena, count, size_t);
	for (size_t i = 0; i < count; i++)
		hop.recipients[i] = i;
	handover->outcomes = ARENA_ARRAY(handover->arena, count + 1, struct outcome);
	deliver_hop(&hop, handover->draft, &conf->deliver, handover->outcomes, handover->arena);
	for (size_t i = 0; i < count; i++)
		any_taken |= handover->outcomes[i].action == OUTCOME_RELAYED || handover->outcomes[i].maybe_delivered ||
			     handover->outcomes[i].action == OUTCOME_FAILED;
	if (any_taken) {
		take_answer(handover);
		return 0;
	}
	*err = handover->outcomes[0].err;
	err->exit_code = EX_TEMPFAIL;
	handover->outcomes = NULL;
	return err_prefix(err, "The service at %s has not taken the mail: ", conf->queue.submit_socket);
}

/* The service did not take it, whose part this would have been. */
static void resolve(struct handover *handover)
{
	struct resolution resolution;

	handover->is_resolved = true;
	resolution_apply(handover->draft, handover->conf, handover->facts, handover->fallback_author,
			 handover->draft->envelope.is_raw || handover->draft->envelope.is_relayed, &resolution);
	resolution_log(&resolution);
	handover->reverse_path = resolution.reverse_path;
	handover->author = submission_author_path(handover->draft->message, handover->arena);
}

int handover_run(struct handover *handover, struct err *err)
{
	const char *path = spool_place_path(handover->request->use_system, handover->conf, handover->arena);
	enum handover_place places[2];
	size_t count = handover_places(handover->request, handover->conf, path, places);
	struct err why = handover->conf->trouble; /* when there is no place */
	int result = -1;

	for (size_t i = 0; i < count && result < 0; i++) {
		handover->place = places[i];
		if (places[i] != HANDOVER_SOCKET && !handover->is_resolved)
			resolve(handover);
		switch (places[i]) {
		case HANDOVER_NOW:
			deliver_now(handover);
			return 0;
		case HANDOVER_SPOOL:
			result = store_in_spool(handover, path, &why);
			break;
		case HANDOVER_SOCKET:
			result = hand_to_service(handover, &why);
			break;
		}
	}
	if (result < 0)
		*err = why; /* not of a place that is passed over: another has taken the mail */
	return result;
}
