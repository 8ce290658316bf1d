/* paloma_options - the rows of the verbs send, route, config and serve, and what each sets in the request. */
#include "cli/paloma_options.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>

#define SEND(member) offsetof(struct request, composition.member)
#define REQUEST(member) offsetof(struct request, member)
#define SERVE(member) offsetof(struct request, serve.member)

static struct attachment *add_attachment(struct request *request, const char *path)
{
	struct composition *wish = &request->composition;

	wish->attachments = arena_grow(request->arena, wish->attachments, wish->attachment_count, &wish->attachment_capacity,
				       sizeof *wish->attachments);
	wish->attachments[wish->attachment_count].path = path;
	return &wish->attachments[wish->attachment_count++];
}

static int take_attach(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)row, (void)err;
	add_attachment(request, value);
	return 0;
}

/* The name by which the HTML refers to the file: what stands behind the last slash. */
static int take_attach_inline(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	struct attachment *attachment = add_attachment(request, value);
	const char *slash = strrchr(value, '/');

	(void)row, (void)err;
	attachment->is_inline = true;
	attachment->content_id = slash ? slash + 1 : value;
	return 0;
}

/* The attachment that a modifier belongs to: the last one. */
static int last_attachment(struct request *request, const struct option_row *row, struct attachment **attachment, struct err *err)
{
	struct composition *wish = &request->composition;

	if (wish->attachment_count == 0)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--%s belongs to an attachment; put it behind the --attach it is for.", row->name);
	*attachment = &wish->attachments[wish->attachment_count - 1];
	return 0;
}

static int take_modifier(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	struct attachment *attachment = NULL;

	if (last_attachment(request, row, &attachment, err) < 0)
		return -1;
	*(const char **)((char *)attachment + row->offset) = value;
	return 0;
}

static int take_inline(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	struct attachment *attachment = NULL;

	if (last_attachment(request, row, &attachment, err) < 0)
		return -1;
	attachment->is_inline = true;
	attachment->content_id = value;
	return 0;
}

static int take_output(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)value, (void)err;
	request->output = row->letter == 'q' ? OUTPUT_QUIET : OUTPUT_JSON;
	return 0;
}

static int take_family(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)value, (void)err;
	options_override(request, "family", row->letter == '4' ? "4" : "6", row->letter == '4' ? "-4" : "-6");
	return 0;
}

static int take_set(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	struct view rest = view_of(value), key;
	bool had_equals;

	(void)row;
	key = view_trim(view_take_until(&rest, '=', &had_equals));
	if (!had_equals)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--set takes KEY=VALUE, not \"%s\".", value);
	options_override(request, arena_str(request->arena, key), rest.data, "--set");
	return 0;
}

static int take_auto_submitted(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)row, (void)err;
	request->composition.auto_submitted = value ? value : "auto-generated";
	return 0;
}

static int refuse_password(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)request, (void)row, (void)value;
	return err_set(err, EX_USAGE, STATUS(5, 5, 4),
		       "A password on the command line can be read by everybody on this host; use --password-file, --password-command or PALOMA_PASSWORD.");
}

static int take_delivery(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	static const struct {
		const char *name;
		enum delivery_mode mode;
	} modes[] = {{"wait", DELIVERY_FOREGROUND}, {"background", DELIVERY_BACKGROUND}, {"queue", DELIVERY_QUEUE_ONLY}};

	(void)value, (void)err;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strcmp(row->name, modes[i].name) == 0)
			request->delivery = modes[i].mode;
	request->wait_for_fate = request->delivery == DELIVERY_FOREGROUND;
	return 0;
}

static int refuse_at(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)request, (void)row, (void)value;
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--at is not known to this paloma; at(1) runs a command at a later time.");
}

/* A file where an address should be is the habit of another program's -a, which takes several. */
static int take_recipient(struct request *request, const char *word, struct err *err)
{
	struct stat status;

	if (!strchr(word, '@') && stat(word, &status) == 0 && S_ISREG(status.st_mode))
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "%s is a file and no address; use -a for each file to attach.", word);
	options_list_add(request, &request->composition.to, word);
	return 0;
}

#define CONFIG_ROWS \
	{"config", 'C', "FILE", false, "read this configuration instead of the usual ones", options_take_string, REQUEST(config_file), NULL}, \
	{"set", 'O', "KEY=VALUE", false, "a setting of paloma.conf(5), for this time", take_set, 0, NULL}, \
	{"help", 'h', NULL, false, "this list", options_take_flag, REQUEST(wants_help), NULL}
#define WAY_ROWS \
	{"relay", 0, "URL", false, "where to hand the mail over, e.g. smtps://user@mail.example.org", options_take_key, 0, "relay"}, \
	{"smarthost", 0, "URL", false, NULL, options_take_key, 0, "relay"}, \
	{"direct", 0, NULL, false, "to the recipients' MX, whatever relay is configured", options_take_key, 0, "direct"}, \
	{"tls", 0, "MODE", false, "none, opportunistic, require or verify", options_take_key, 0, "tls"}, \
	{"tls-ca", 0, "FILE", false, "trusted certificates, a file or a folder", options_take_key, 0, "tls_ca"}, \
	{"tls-cert", 0, "FILE", false, "client certificate", options_take_key, 0, "tls_cert"}, \
	{"tls-key", 0, "FILE", false, "private key of the client certificate", options_take_key, 0, "tls_key"}, \
	{"tls-pin", 0, "PIN", false, "fingerprint that is trusted instead of name and dates", options_take_key, 0, "tls_pin"}, \
	{"auth", 0, "MECHANISMS", false, "SASL mechanisms that may be used", options_take_key, 0, "auth"}, \
	{"user", 0, "NAME", false, "name to log in with", options_take_key, 0, "user"}, \
	{"password-file", 0, "FILE", false, "file whose first line is the password", options_take_key, 0, "password_file"}, \
	{"password-command", 0, "COMMAND", false, "command that prints the password", options_take_key, 0, "password_command"}, \
	{"oauth-token-command", 0, "COMMAND", false, "command that prints an OAuth token", options_take_key, 0, "oauth_token_command"}, \
	{"password", 0, "PASSWORD", false, NULL, refuse_password, 0, NULL}, \
	{"source-address", 0, "ADDRESS", false, "own address to connect from", options_take_key, 0, "source_address"}, \
	{"source-ip", 0, "ADDRESS", false, NULL, options_take_key, 0, "source_address"}, \
	{"helo", 0, "NAME", false, "what to say in EHLO", options_take_key, 0, "helo"}, \
	{NULL, '4', NULL, false, "IPv4 only", take_family, 0, NULL}, \
	{NULL, '6', NULL, false, "IPv6 only", take_family, 0, NULL}, \
	{"timeout", 0, "SECONDS", false, "the most to wait for any one reply", options_take_key, 0, "timeout"}

static const struct option_row send_rows[] = {
	{"to", 0, "ADDRESS", false, "a recipient, as the operands are", options_take_list, SEND(to), NULL},
	{"cc", 'c', "ADDRESS", false, "a recipient of a copy", options_take_list, SEND(cc), NULL},
	{"bcc", 'b', "ADDRESS", false, "a recipient that the others do not see", options_take_list, SEND(bcc), NULL},
	{"from", 'r', "ADDRESS", false, "the author", options_take_string, SEND(from), NULL},
	{"full-name", 'F', "NAME", false, "the author's name, where the address comes without", options_take_text, SEND(full_name), NULL},
	{"sender", 0, "ADDRESS", false, "who sends it for the author", options_take_string, SEND(sender), NULL},
	{"reply-to", 0, "ADDRESS", false, "where answers should go", options_take_list, SEND(reply_to), NULL},
	{"envelope-from", 'f', "ADDRESS", false, "where reports of failure go; '' for nowhere", options_take_string, SEND(envelope_from), NULL},
	{"notify", 0, "WHEN", false, "which reports are wanted: never, or success,failure,delay", options_take_notify, 0, NULL},
	{"return", 0, "WHAT", false, "what a report of failure returns: full or headers", options_take_return, 0, NULL},
	{"envelope-id", 0, "ID", false, "an identifier that reports repeat", options_take_envelope_id, 0, NULL},
	{"envelope-to", 0, "ADDRESS", false, "deliver only here, whatever the header says", options_take_list, SEND(envelope_to), NULL},
	{"from-headers", 't', NULL, false, "standard input is a message; its To, Cc and Bcc are the recipients", options_take_flag, SEND(from_headers), NULL},
	{NULL, 'i', NULL, false, NULL, options_take_flag, SEND(ignore_dots), NULL},

	{"subject", 's', "TEXT", false, "the subject", options_take_string, SEND(subject), NULL},
	{"header", 'H', "'NAME: TEXT'", false, "a header field", options_take_list, SEND(headers), NULL},
	{"body", 0, "TEXT", false, "the text", options_take_string, SEND(body), NULL},
	{"body-file", 0, "FILE", false, "the text from a file; - for standard input", options_take_string, SEND(body_file), NULL},
	{"html", 0, "HTML", false, "an HTML version", options_take_string, SEND(html), NULL},
	{"html-file", 0, "FILE", false, "an HTML version from a file", options_take_string, SEND(html_file), NULL},
	{"text-from-html", 0, NULL, false, "make the text of the HTML", options_take_flag, SEND(text_from_html), NULL},
	{"flowed", 0, NULL, false, "paragraphs that the reader may wrap (format=flowed)", options_take_flag, SEND(flowed), NULL},
	{"calendar", 0, "FILE", false, "an invitation (iCalendar with a METHOD)", options_take_string, SEND(calendar_file), NULL},
	{"charset", 0, "NAME", false, "character set of the text files; UTF-8 if not given", options_take_string, SEND(charset), NULL},
	{"raw", 0, NULL, false, "standard input is a message; send it octet by octet", options_take_flag, SEND(raw), NULL},
	{"skip-empty", 'E', NULL, false, "send nothing when there is nothing to send", options_take_flag, SEND(skip_empty), NULL},

	{"attach", 'a', "FILE", false, "attach a file; - for standard input", take_attach, 0, NULL},
	{NULL, 'A', "FILE", false, NULL, take_attach, 0, NULL},
	{"name", 0, "NAME", false, "  the name of the attachment before", take_modifier, offsetof(struct attachment, name), NULL},
	{"type", 0, "TYPE", false, "  its media type", take_modifier, offsetof(struct attachment, type), NULL},
	{"inline", 0, "CID", true, "  show it in the HTML, as cid:CID", take_inline, 0, NULL},
	{"encoding", 0, "NAME", false, "  7bit, 8bit, qp or base64", take_modifier, offsetof(struct attachment, encoding), NULL},
	{"part-charset", 0, "NAME", false, "  its character set", take_modifier, offsetof(struct attachment, part_charset), NULL},
	{"description", 0, "TEXT", false, "  what it is, in words", take_modifier, offsetof(struct attachment, description), NULL},
	{"disposition", 0, "WORD", false, "  inline or attachment", take_modifier, offsetof(struct attachment, disposition), NULL},
	{"attach-inline", 0, "FILE", false, "a picture that the HTML shows as cid: and the file's name", take_attach_inline, 0, NULL},

	{"date", 0, "DATE", false, "the date; RFC 5322, ISO 8601 or @seconds", options_take_string, SEND(date), NULL},
	{"message-id", 0, "ID", false, "the message identifier", options_take_string, SEND(message_id), NULL},
	{"seed", 0, "TEXT", false, "same seed and input, same octets", options_take_string, SEND(seed), NULL},
	{"priority", 0, "WORD", false, "high, normal or low", options_take_string, SEND(priority), NULL},
	{"auto-submitted", 0, "WORD", true, "tell that a program wrote it (RFC 3834)", take_auto_submitted, 0, NULL},
	{"in-reply-to", 0, "ID", false, "the message this answers", options_take_string, SEND(in_reply_to), NULL},
	{"references", 0, "IDS", false, "the messages of the thread", options_take_string, SEND(references), NULL},

	WAY_ROWS,
	{"wait", 0, NULL, false, "try at once; the exit status is the fate, 75 while it is open", take_delivery, 0, NULL},
	{"background", 0, NULL, false, "put it into the queue and return; it is tried at once", take_delivery, 0, NULL},
	{"queue", 0, NULL, false, "put it into the queue; it is tried by the next run of the queue", take_delivery, 0, NULL},
	{"no-queue", 0, NULL, false, "deliver at once or fail, and keep nothing", options_take_flag, REQUEST(no_queue), NULL},
	{"system", 0, NULL, false, "hand it over to the system's queue, in spite of an own configuration", options_take_flag, REQUEST(use_system), NULL},
	{"at", 0, "TIME", false, NULL, refuse_at, 0, NULL},

	{"dry-run", 'n', NULL, false, "do everything but send; show what would be done", options_take_flag, REQUEST(dry_run), NULL},
	{"print", 0, NULL, false, "write the message to standard output instead of sending it", options_take_flag, REQUEST(print), NULL},
	{"verbose", 'v', NULL, false, "show the conversation with the server", options_take_flag, REQUEST(verbose), NULL},
	{"transcript", 0, "FILE", false, "write the conversation to a file, without secrets", options_take_string, REQUEST(transcript_file), NULL},
	{"json", 0, NULL, false, "tell the outcome as JSON", take_output, 0, NULL},
	{"quiet", 'q', NULL, false, "say nothing unless it fails", take_output, 0, NULL},
	CONFIG_ROWS,
};

static const struct option_row route_rows[] = {
	{"from", 'r', "ADDRESS", false, "the author, by whom a relay may be chosen", options_take_string, SEND(from), NULL},
	{"as", 0, "USER", false, "whose mail it is: by the user a relay may be chosen, too", options_take_string, REQUEST(as_user), NULL},
	WAY_ROWS,
	{"json", 0, NULL, false, "answer in JSON", take_output, 0, NULL},
	CONFIG_ROWS,
};

static const struct option_row config_rows[] = {
	{"json", 0, NULL, false, "answer in JSON", take_output, 0, NULL},
	CONFIG_ROWS,
};

static int take_number(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	unsigned long long number;

	if (!view_to_number(view_of(value), 1ULL << 50, &number))
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--%s takes a number, not \"%s\".", row->name, value);
	*(uint64_t *)((char *)request + row->offset) = number;
	return 0;
}

static const struct option_row serve_rows[] = {
	{"listen", 0, "ADDRESS:PORT", false, "where to listen, too; port 0 takes a free one", options_take_list, SERVE(listen), NULL},
	{"catch", 0, "FOLDER", false, "be no service, but file every mail in this Maildir", options_take_string, SERVE(catch_dir), NULL},
	{"host-name", 0, "NAME", false, "what to call this host", options_take_string, SERVE(host_name), NULL},
	{"tls-cert", 0, "FILE", false, "certificate chain; offers STARTTLS", options_take_string, SERVE(tls_cert), NULL},
	{"tls-key", 0, "FILE", false, "its private key, where the certificate file has none", options_take_string, SERVE(tls_key), NULL},
	{"implicit-tls", 0, NULL, false, "TLS from the first octet", options_take_flag, SERVE(implicit_tls), NULL},
	{"password-file", 0, "FILE", false, "lines of user:password; offers AUTH", options_take_string, SERVE(password_file), NULL},
	{"require-auth", 0, NULL, false, "take mail only from those who logged in", options_take_flag, SERVE(auth_required), NULL},
	{"max-size", 0, "OCTETS", false, "largest message", take_number, SERVE(max_octets), NULL},
	{"max-recipients", 0, "N", false, "most recipients of a message", take_number, SERVE(max_recipients), NULL},
	{"max-sessions", 0, "N", false, "most connections at a time", take_number, SERVE(max_sessions), NULL},
	{"exit-after", 0, "N", false, "end after so many mails", take_number, SERVE(exit_after), NULL},
	{"timeout", 0, "SECONDS", false, "the most to wait for a command", take_number, SERVE(timeout_s), NULL},
	{"verbose", 'v', NULL, false, "tell what the service has: its spool, and how its workers and connections are confined", options_take_flag, REQUEST(verbose), NULL},
	{"config", 'C', "FILE", false, "read this configuration instead of the usual ones", options_take_string, REQUEST(config_file), NULL},
	{"help", 'h', NULL, false, "this list", options_take_flag, REQUEST(wants_help), NULL},
};

static const char *const queue_actions[] = {
	[QUEUE_LIST] = "list", [QUEUE_SHOW] = "show", [QUEUE_WAIT] = "wait", [QUEUE_FLUSH] = "flush", [QUEUE_HOLD] = "hold",
	[QUEUE_RELEASE] = "release", [QUEUE_REMOVE] = "remove", [QUEUE_REQUEUE] = "requeue", NULL,
};

/* The first word is what to do, the others are ids. */
static int take_queue_word(struct request *request, const char *word, struct err *err)
{
	if (request->operands.count > 0) {
		options_list_add(request, &request->queue.ids, word);
		return 0;
	}
	options_list_add(request, &request->operands, word);
	for (size_t i = 0; queue_actions[i]; i++) {
		if (strcmp(word, queue_actions[i]) == 0) {
			request->queue.action = (enum queue_action)i;
			return 0;
		}
	}
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "paloma queue does list, show, wait, flush, hold, release, remove and requeue, not %s.", word);
}

#define QUEUE(member) offsetof(struct request, queue.member)

static const struct option_row queue_rows[] = {
	{"recipient", 0, "TEXT", false, "messages with a recipient that has this in its address", options_take_string, QUEUE(recipient), NULL},
	{"sender", 0, "TEXT", false, "messages with a sender that has this in its address", options_take_string, QUEUE(sender), NULL},
	{"destination", 0, "NAME", false, "messages for a domain or a relay", options_take_string, QUEUE(destination), NULL},
	{"all", 0, NULL, false, "all messages", options_take_flag, QUEUE(all), NULL},
	{"timeout", 0, "SECONDS", false, "wait: the most to wait", take_number, QUEUE(timeout_s), NULL},
	{"system", 0, NULL, false, "the system's queue, in spite of an own configuration", options_take_flag, REQUEST(use_system), NULL},
	{"json", 0, NULL, false, "answer in JSON, a line each", take_output, 0, NULL},
	{"quiet", 'q', NULL, false, "say nothing unless it fails", take_output, 0, NULL},
	CONFIG_ROWS,
};

#define SETUP(member) offsetof(struct request, setup.member)

static const struct option_row setup_rows[] = {
	{"relay", 0, "URL", false, "the server; without it, the DNS of the domain is asked", options_take_key, 0, "relay"},
	{"login", 0, "NAME", false, "name to log in with, where it is not the address", options_take_key, 0, "user"},
	{"password-file", 0, "FILE", false, "file whose first line is the password; it stays where it is", options_take_key, 0, "password_file"},
	{"password-command", 0, "COMMAND", false, "command that prints the password", options_take_key, 0, "password_command"},
	{"password", 0, "PASSWORD", false, NULL, refuse_password, 0, NULL},
	{"oauth", 0, NULL, false, "log in with OAuth tokens, which are fetched at once", options_take_flag, SETUP(oauth), NULL},
	{"system", 0, NULL, false, "write the configuration of the system", options_take_flag, SETUP(for_system), NULL},
	{"user", 0, NULL, false, "write that of the user", options_take_flag, SETUP(for_user), NULL},
	{"output", 'o', "FILE", false, "write it there", options_take_string, SETUP(output), NULL},
	{"force", 0, NULL, false, "replace files that are there", options_take_flag, SETUP(force), NULL},
	{"yes", 'y', NULL, false, "ask for nothing but the password", options_take_flag, SETUP(yes), NULL},
	{"test", 0, NULL, false, "send a mail to the address itself in the end", options_take_flag, SETUP(send_test), NULL},
	{"auth", 0, "MECHANISMS", false, "SASL mechanisms that may be used", options_take_key, 0, "auth"},
	{"tls", 0, "MODE", false, "none, opportunistic, require or verify", options_take_key, 0, "tls"},
	{"tls-ca", 0, "FILE", false, "trusted certificates, a file or a folder", options_take_key, 0, "tls_ca"},
	{"tls-pin", 0, "PIN", false, "fingerprint that is trusted instead of name and dates", options_take_key, 0, "tls_pin"},
	{"set", 'O', "KEY=VALUE", false, "a setting of paloma.conf(5), now and in what is written", take_set, 0, NULL},
	{"verbose", 'v', NULL, false, "show the conversation with the server", options_take_flag, REQUEST(verbose), NULL},
	{"help", 'h', NULL, false, "this list", options_take_flag, REQUEST(wants_help), NULL},
};

static const struct option_row import_rows[] = {
	{"output", 'o', "FILE", false, "write it there, and passwords into files beside it", options_take_string, SETUP(output), NULL},
	{"force", 0, NULL, false, "replace files that are there", options_take_flag, SETUP(force), NULL},
	{"show-passwords", 0, NULL, false, "show passwords, as comments", options_take_flag, SETUP(show_passwords), NULL},
	{"help", 'h', NULL, false, "this list", options_take_flag, REQUEST(wants_help), NULL},
};

static const struct option_row oauth_rows[] = {
	CONFIG_ROWS,
};

#define TABLE(rows_) .rows = rows_, .count = sizeof(rows_) / sizeof *(rows_)

const struct option_table send_options = {TABLE(send_rows), .take_operand = take_recipient};
const struct option_table route_options_table = {TABLE(route_rows)};
const struct option_table config_options = {TABLE(config_rows)};
const struct option_table serve_options = {TABLE(serve_rows), .take_operand = options_refuse_operand};
const struct option_table setup_options = {TABLE(setup_rows)};
const struct option_table oauth_options = {TABLE(oauth_rows)};
const struct option_table import_options = {TABLE(import_rows)};
const struct option_table queue_options_table = {TABLE(queue_rows), .take_operand = take_queue_word, .operand_words = queue_actions};
