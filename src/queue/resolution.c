/* resolution - names of this host to what they stand for: one answer for envelope and header. */
#include "queue/resolution.h"

#include "base/escape.h"
#include "base/log.h"
#include "mail/header.h"
#include "mail/qualify.h"
#include "route/local_way.h"
#include "queue/copies.h"
#include "queue/facts.h"
#include "queue/forward.h"
#include "queue/submission.h"

/* The first address of a relay's patterns that is one, and not of this host. */
static bool find_in_patterns(const struct relay *relay, const struct local_names *names, struct arena *arena, struct address *account)
{
	struct err ignored;

	for (size_t i = 0; i < relay->from_count; i++)
		if (view_index(relay->from[i], '*') == relay->from[i].len && view_index(relay->from[i], '@') > 0 &&
		    address_parse_path(relay->from[i], arena, account, &ignored) == 0 && !local_names_has(names, account->domain))
			return true;
	return false;
}

/* A login name is often an address, and then one whose mail is taken. */
static bool find_in_credentials(const struct relay *relay, struct arena *arena, struct address *account)
{
	struct err ignored;

	return view_index(relay->credentials.user, '@') < relay->credentials.user.len &&
	       address_parse_path(relay->credentials.user, arena, account, &ignored) == 0;
}

static void find_account(const struct conf *conf, const struct relay *relay, const struct local_names *names, struct view domain,
			 struct arena *arena, struct address *account)
{
	struct err ignored;

	*account = (struct address){0};
	if (relay && find_in_patterns(relay, names, arena, account))
		return;
	if (relay && relay != conf->route.default_relay && find_in_credentials(relay, arena, account))
		return;
	*account = (struct address){0};
	if (conf->from && address_parse(view_of(conf->from), arena, account, &ignored) == 0 &&
	    qualify_address(account, domain, arena, &ignored) == 0)
		return;
	*account = (struct address){0};
	if (!relay || !find_in_credentials(relay, arena, account))
		*account = (struct address){0};
}

/* What is put there before aliases are looked up. */
static void rewrite_recipients(struct envelope *envelope, const struct rewrite_options *options, struct arena *arena)
{
	struct envelope given = *envelope;

	envelope->recipients = NULL;
	envelope->index = NULL;
	envelope->recipient_count = envelope->recipient_capacity = envelope->index_size = 0;
	for (size_t i = 0; i < given.recipient_count; i++) {
		struct recipient recipient = given.recipients[i];

		recipient.forward_path = rewrite_by_table(recipient.forward_path, REWRITE_RECIPIENT, options, arena);
		envelope_add(envelope, arena, &recipient);
	}
}

static const struct view alias_fields[] = {VIEW("To"), VIEW("Cc"), VIEW("Reply-To"), VIEW("Resent-To"), VIEW("Resent-Cc")};

/* Names in the header, which may not be those of the envelope. */
static void want_header_names(struct aliases *aliases, const struct message *message, const struct rewrite_options *options)
{
	for (size_t i = 0; i < sizeof alias_fields / sizeof *alias_fields; i++) {
		size_t at = 0;

		while ((at = field_list_find(&message->fields, alias_fields[i], at)) < message->fields.count) {
			struct address_list list = {0};
			struct err ignored;

			if (address_list_parse(field_body(&message->fields.items[at++], message->arena), message->arena, &list, &ignored) < 0)
				continue;
			for (size_t k = 0; k < list.count; k++)
				if (list.items[k].local_part.len > 0)
					aliases_want(aliases, rewrite_by_table(address_path(&list.items[k], message->arena), REWRITE_RECIPIENT,
									       options, message->arena));
		}
	}
}

/* The address as a path; empty: there is none, or it cannot be. */
static struct view find_catch_all(const struct conf *conf, const struct compose_facts *facts, struct arena *arena)
{
	struct address address;
	struct err ignored;

	if (conf->lmtp.url_count > 0 || !conf->catch_all || address_parse(view_of(conf->catch_all), arena, &address, &ignored) < 0 ||
	    qualify_address(&address, submission_local_domain(conf, facts), arena, &ignored) < 0)
		return (struct view){0};
	return address_path(&address, arena);
}

static bool is_unknown_here(const struct conf *conf, const struct local_names *names, struct view path, struct arena *arena)
{
	struct local_routing routing = conf->local_routing;
	struct local_way way;

	if (!local_names_has(names, view_from(path, view_last_index(path, '@') + 1)))
		return false;
	routing.names = names;
	routing.find_user = facts_find_user;
	local_way_find(path, &routing, arena, &way);
	return way.is_unknown;
}

/* Whoever gets the mail of unknown users may be a name of this host as well. */
static void give_to_catch_all(const struct recipient *unknown, struct view catch_all, struct aliases *aliases, struct envelope *envelope,
			      struct arena *arena)
{
	struct recipient recipient = *unknown;
	struct envelope one = {0};

	if (recipient.original.len == 0)
		recipient.original = arena_printf(arena, "rfc822;%.*s", VIEW_ARG(recipient.forward_path));
	recipient.forward_path = catch_all;
	envelope_add(&one, arena, &recipient);
	aliases_want(aliases, catch_all);
	aliases_resolve(aliases);
	aliases_expand(aliases, &one);
	for (size_t i = 0; i < one.recipient_count; i++)
		envelope_add(envelope, arena, &one.recipients[i]);
}

/* Users whom this host does not know: somebody gets their mail, or the relay does, which knows them by the domain. */
static void settle_unknown(struct draft *draft, const struct conf *conf, const struct compose_facts *facts, const struct rewrite_options *options,
			   struct aliases *aliases, bool has_relay, bool *leaves)
{
	struct arena *arena = draft->message->arena;
	struct view catch_all = conf->local.is_off ? (struct view){0} : find_catch_all(conf, facts, arena);
	bool to_relay = has_relay && conf->lmtp.url_count == 0 && conf->local_routing.unknown == UNKNOWN_USER_RELAY;
	struct envelope given = draft->envelope, *envelope = &draft->envelope;

	if (catch_all.len == 0 && !to_relay)
		return;
	envelope->recipients = NULL;
	envelope->index = NULL;
	envelope->recipient_count = envelope->recipient_capacity = envelope->index_size = 0;
	for (size_t i = 0; i < given.recipient_count; i++) {
		struct recipient recipient = given.recipients[i];

		if (recipient.target.len > 0 || !is_unknown_here(conf, options->local, recipient.forward_path, arena)) {
			envelope_add(envelope, arena, &recipient);
		} else if (catch_all.len > 0) {
			give_to_catch_all(&recipient, catch_all, aliases, envelope, arena);
		} else {
			*leaves = true;
			recipient.forward_path = rewrite_as_outside(recipient.forward_path, options, arena);
			envelope_add(envelope, arena, &recipient);
		}
	}
}

static bool goes_elsewhere(const struct envelope *envelope, const struct local_names *names)
{
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		struct view path = envelope->recipients[i].forward_path;

		if (envelope->recipients[i].target.len == 0 && !local_names_has(names, view_from(path, view_last_index(path, '@') + 1)))
			return true;
	}
	return false;
}

/* The one sender of all the recipients in place of the reverse-path. */
static void join_senders(struct envelope *envelope)
{
	struct view sender = envelope->recipient_count > 0 ? envelope->recipients[0].sender : (struct view){0};

	for (size_t i = 0; i < envelope->recipient_count; i++)
		if (!view_equal(envelope->recipients[i].sender, sender))
			return;
	if (sender.len == 0)
		return;
	envelope->reverse_path = sender;
	for (size_t i = 0; i < envelope->recipient_count; i++)
		envelope->recipients[i].sender = (struct view){0};
}

/* Who hears of what becomes of a list, by an address that can be reached from where it goes. A report has nobody to be told. */
static void settle_senders(struct envelope *envelope, struct aliases *aliases, const struct rewrite_options *options, struct arena *arena)
{
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		struct recipient *recipient = &envelope->recipients[i];
		struct view outside;

		if (envelope->reverse_path.len == 0)
			recipient->sender = (struct view){0};
		if (recipient->sender.len > 0)
			recipient->sender = aliases_lead_outside(aliases, recipient->sender, &outside) ? outside
				: rewrite_reverse_path(recipient->sender, options, arena);
	}
}

static void expand(struct draft *draft, struct aliases *aliases, const struct rewrite_options *options, bool keep_header)
{
	struct envelope *envelope = &draft->envelope;

	if (options->rule_count > 0)
		rewrite_recipients(envelope, options, draft->message->arena);
	for (size_t i = 0; i < envelope->recipient_count; i++)
		aliases_want(aliases, envelope->recipients[i].forward_path);
	if (!keep_header)
		want_header_names(aliases, draft->message, options);
	aliases_resolve(aliases);
	aliases_expand(aliases, envelope);
	for (size_t i = 0; i < envelope->recipient_count; i++)
		envelope->smtputf8 |= !view_is_ascii(envelope->recipients[i].forward_path);
}

void resolution_apply(struct draft *draft, const struct conf *conf, const struct compose_facts *facts, const struct address *author, bool keep_header,
		      struct resolution *resolution)
{
	struct arena *arena = draft->message->arena;
	struct local_names names = conf->local;
	struct alias_options alias_options = conf->alias;
	struct rewrite_options options = {
		.local = &names, .domain = submission_domain(conf, facts), .rules = conf->rewrites, .rule_count = conf->rewrite_count, .author = *author,
	};
	struct aliases *aliases;

	if (names.host_name.len == 0)
		facts_take_local_names(&names, facts, arena);
	alias_options.local = &names;
	alias_options.domain = options.domain;
	alias_options.read_forward = conf->forward && !names.is_off ? forward_read : NULL;
	if (draft->envelope.no_aliases) {
		alias_options.path = NULL;
		alias_options.read_forward = NULL;
	} else if (names.is_off) /* nobody is known, and who has no entry is unknown */
		alias_options.everybody_else = find_catch_all(conf, facts, arena);
	aliases = aliases_new(&alias_options, arena);
	if (alias_options.everybody_else.len > 0)
		aliases_want(aliases, alias_options.everybody_else);
	expand(draft, aliases, &options, keep_header);
	*resolution = (struct resolution){
		.relay = route_relay_of_sender(&draft->envelope, submission_author_path(draft->message, arena), &conf->route, arena),
	};
	settle_unknown(draft, conf, facts, &options, aliases, resolution->relay != NULL, &resolution->leaves);
	copies_join(&draft->envelope, conf, &names, arena);
	resolution->leaves |= goes_elsewhere(&draft->envelope, &names);
	find_account(conf, resolution->relay, &names, options.domain, arena, &resolution->account);
	options.account = resolution->account;
	options.from_policy = resolution->relay ? resolution->relay->from_policy : conf->default_relay.from_policy;
	options.leaves = resolution->leaves;
	options.aliases = aliases;
	settle_senders(&draft->envelope, aliases, &options, arena);
	draft->envelope.reverse_path = rewrite_reverse_path(draft->envelope.reverse_path, &options, arena);
	resolution->reverse_path = draft->envelope.reverse_path;
	join_senders(&draft->envelope);
	if (!keep_header)
		rewrite_header(draft->message, &options);
	resolution->troubles = *aliases_troubles(aliases);
	resolution->steps = *aliases_steps(aliases);
	aliases_free(aliases);
}

void resolution_append_note(struct buf *out, const struct alias_note *note)
{
	if (note->file) {
		escape_text(out, view_of(note->file));
		if (note->line > 0)
			buf_printf(out, ":%u", note->line);
		buf_append_str(out, ": ");
	}
	escape_text(out, note->text);
}

void resolution_log(const struct resolution *resolution)
{
	for (size_t i = 0; i < resolution->troubles.count; i++) {
		struct buf text;

		buf_init(&text, 16 * 1024);
		resolution_append_note(&text, &resolution->troubles.items[i]);
		log_write("cleanup", "warning: %s", buf_str(&text));
		buf_clear(&text);
	}
}

/* All that his name leads to; without .forward, which only somebody who is there can have. */
static void look_up(struct draft *draft, const struct conf *conf, const struct compose_facts *facts)
{
	struct conf plain = *conf;
	struct address nobody = {0};
	struct resolution resolution;

	plain.forward = false;
	resolution_apply(draft, &plain, facts, &nobody, true, &resolution);
}

int resolution_check_user(struct view path, const struct envelope *envelope, const struct conf *conf, const struct compose_facts *facts,
			  struct err *err)
{
	struct recipient recipient = {.forward_path = path};
	struct draft draft = {.envelope = {.reverse_path = envelope->reverse_path, .user = facts->user, .no_aliases = envelope->no_aliases}};
	struct local_routing routing = conf->local_routing;
	struct route_options options = conf->route;
	size_t unknown = 0;

	if (!local_names_has(&conf->local, view_from(path, view_last_index(path, '@') + 1)))
		return 0;
	draft.message = message_new();
	envelope_add(&draft.envelope, draft.message->arena, &recipient);
	look_up(&draft, conf, facts);
	routing.find_user = facts_find_user;
	if (options.local)
		options.local = &routing;
	for (size_t i = 0; i < draft.envelope.recipient_count; i++)
		unknown += draft.envelope.recipients[i].target.len == 0 &&
			   route_check_user(&draft.envelope, draft.envelope.reverse_path, i, &options, draft.message->arena, err) < 0;
	/* Who is one of several in a list is told of by a report, as ever. */
	unknown = draft.envelope.recipient_count > 0 && unknown == draft.envelope.recipient_count;
	message_free(draft.message);
	return unknown ? -1 : 0;
}
