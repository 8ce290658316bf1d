/* identity - who writes, and identifiers that nothing else may have.
 *
 * With a seed every token follows from the seed and the content, so that the same input gives the same octets and
 * another input other ones (RFC 5322 §3.6.4 asks for uniqueness, not for chance). */
#include <sysexits.h>
#include "compose/compose_private.h"
#include "mail/qualify.h"

enum { BLOCK_OCTETS = 64 * 1024 };

void identity_add(struct composer *composer, struct view v)
{
	if (!composer->facts->is_seeded)
		return;
	digest_add(&composer->content, v);
	digest_add(&composer->content, view_make("", 1));
}

int identity_add_slice(struct composer *composer, struct slice slice, struct err *err)
{
	char *block;
	size_t got = 1;

	if (!composer->facts->is_seeded)
		return 0;
	block = arena_alloc(composer->arena, BLOCK_OCTETS, 1);
	for (uint64_t done = 0; done < slice.len && got > 0; done += got) {
		size_t want = slice.len - done < BLOCK_OCTETS ? (size_t)(slice.len - done) : BLOCK_OCTETS;

		if (blob_read_at(slice.blob, slice.offset + done, block, want, &got, err) < 0)
			return -1;
		digest_add(&composer->content, view_make(block, got));
	}
	return 0;
}

void identity_add_wish(struct composer *composer)
{
	const struct composition *wish = composer->wish;
	const char *const words[] = {
		wish->subject, wish->sender, wish->envelope_from, wish->full_name, wish->priority, wish->auto_submitted,
		wish->in_reply_to, wish->references, wish->date, wish->message_id, wish->flowed ? "flowed" : NULL,
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		identity_add(composer, view_of(words[i]));
	for (size_t i = 0; i < wish->attachment_count; i++) {
		const struct attachment *attachment = &wish->attachments[i];
		const char *const modifiers[] = {
			attachment->name, attachment->type, attachment->part_charset, attachment->description,
			attachment->disposition, attachment->content_id, attachment->encoding, attachment->is_inline ? "inline" : NULL,
		};

		for (size_t k = 0; k < sizeof modifiers / sizeof *modifiers; k++)
			identity_add(composer, view_of(modifiers[k]));
	}
}

void identity_settle(struct composer *composer)
{
	unsigned char content[DIGEST_OCTETS];
	struct view key = view_make((const char *)composer->facts->random, sizeof composer->facts->random);

	digest_finish(&composer->content, content);
	digest_hmac(key, view_make((const char *)content, sizeof content), composer->key);
}

void identity_token(struct composer *composer, unsigned char token[10])
{
	unsigned char out[DIGEST_OCTETS];
	unsigned number = composer->tokens++;

	digest_hmac(view_make((const char *)composer->key, sizeof composer->key),
		    view_make((const char *)&number, sizeof number), out);
	memcpy(token, out, 10);
}

struct view identity_domain(const struct composer *composer)
{
	/* An identifier is no place for an international domain (RFC 6532 §3.3), which only SMTPUTF8 has kept as it is. */
	return composer->from.count > 0 && view_is_ascii(composer->from.items[0].domain) ? composer->from.items[0].domain : composer->domain;
}

static int parse_one(struct composer *composer, const char *option, const char *text, struct address *address, struct err *err)
{
	if (address_parse(view_of(text), composer->arena, address, err) < 0 ||
	    qualify_address(address, composer->domain, composer->arena, err) < 0)
		return err_prefix(err, "%s: ", option);
	return 0;
}

/* The caller's own address, for mails that do not say who writes. */
static int add_caller(struct composer *composer, struct err *err)
{
	const struct compose_facts *facts = composer->facts;
	struct address address = {.display_name = facts->full_name, .local_part = facts->user};

	if (qualify_address(&address, composer->domain, composer->arena, err) < 0)
		return err_prefix(err, "The sender's address cannot be made up (give --from, or domain in the configuration): ");
	address_list_add(&composer->from, composer->arena, &address);
	return 0;
}

static int resolve_reverse_path(struct composer *composer, struct err *err)
{
	const char *given = composer->wish->envelope_from;
	struct address address = composer->sender.count > 0 ? composer->sender.items[0] : composer->from.items[0];

	if (given && (given[0] == '\0' || strcmp(given, "<>") == 0)) {
		composer->draft->envelope.reverse_path = view_make("", 0);
		return 0;
	}
	if (given && parse_one(composer, composer->wish->message_on_stdin ? "-f" : "--envelope-from", given, &address, err) < 0)
		return -1;
	/* A name of this host, which submit has a word to say about. */
	if (address.was_bare && (composer->wish->from_headers || composer->wish->message_on_stdin) && composer->options->local_domain.len > 0)
		address.domain = composer->options->local_domain;
	composer->draft->envelope.reverse_path = address_path(&address, composer->arena);
	composer->draft->envelope.smtputf8 |= address_needs_smtputf8(&address);
	return 0;
}

int identity_resolve(struct composer *composer, struct err *err)
{
	const struct composition *wish = composer->wish;
	struct address address;

	if (wish->from) {
		if (recipients_parse(composer, "--from", wish->from, &composer->from, err) < 0)
			return -1;
		if (composer->from.count == 0)
			return err_set(err, EX_USAGE, STATUS(5, 1, 7), "--from has no address in it.");
	} else if (composer->from.count == 0 && add_caller(composer, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < composer->from.count; i++)
		if (composer->from.items[i].local_part.len == 0)
			return err_set(err, EX_USAGE, STATUS(5, 1, 7), "--from has a group in it where an address is needed.");
	if (wish->full_name && header_check_text("-F, the author's name,", view_of(wish->full_name), err) < 0)
		return -1;
	if (wish->full_name && composer->from.items[0].display_name.len == 0)
		composer->from.items[0].display_name = view_of(wish->full_name);
	if (wish->sender) {
		if (parse_one(composer, "--sender", wish->sender, &address, err) < 0)
			return -1;
		address_list_add(&composer->sender, composer->arena, &address);
	}
	if (composer->from.count > 1 && composer->sender.count == 0)
		return err_set(err, EX_USAGE, STATUS(5, 1, 7),
			       "--from names %zu authors; then --sender has to say which of them sends (RFC 5322, 3.6.2).",
			       composer->from.count);
	return resolve_reverse_path(composer, err);
}
