/* preview - -n and --print: what would be sent, and where to. */
#include "run/preview.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include "base/buf.h"
#include "base/escape.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/output.h"

enum { BLOCK_OCTETS = 64 * 1024 };

static const char *const demands[] = {
	[TLS_DEMAND_NONE] = "without TLS",
	[TLS_DEMAND_OPPORTUNISTIC] = "TLS when offered, not verified",
	[TLS_DEMAND_REQUIRE] = "TLS required, not verified",
	[TLS_DEMAND_VERIFY] = "TLS required and verified",
};

static const char *describe_tls(const struct tls_policy *policy)
{
	if (policy->start == TLS_START_NEVER)
		return demands[TLS_DEMAND_NONE];
	return policy->pin_count > 0 && policy->demand == TLS_DEMAND_VERIFY ? "TLS required, verified by pin" : demands[policy->demand];
}

static void append_endpoint(struct buf *out, const struct endpoint *endpoint)
{
	char text[NET_ADDRESS_TEXT];

	buf_append_str(out, "    ");
	escape_text(out, endpoint->host);
	if (endpoint->port)
		buf_printf(out, " port %u", endpoint->port);
	for (size_t i = 0; i < endpoint->address_count && endpoint->port; i++)
		buf_printf(out, "%s%s", i ? ", " : " at ", net_address_text(&endpoint->addresses[i], text));
	buf_printf(out, "; %s%s\n", describe_tls(&endpoint->tls), endpoint->tls.start == TLS_START_IMPLICIT ? " from the first octet" : "");
}

void preview_append_ways(struct buf *out, const struct envelope *envelope, const struct route *route, struct arena *arena)
{
	static const char *const transports[] = {
		[TRANSPORT_SMTP] = "SMTP", [TRANSPORT_LMTP] = "LMTP", [TRANSPORT_DISCARD] = "thrown away",
		[TRANSPORT_LOCAL] = "into a mailbox",
	};

	(void)arena;
	for (size_t i = 0; i < route->hop_count; i++) {
		const struct hop *hop = &route->hops[i];

		for (size_t k = 0; k < hop->recipient_count; k++) {
			escape_text(out, envelope->recipients[hop->recipients[k]].forward_path);
			buf_append_str(out, ": ");
			escape_text(out, route->reasons[hop->recipients[k]]);
			buf_append_str(out, "\n");
		}
		if (hop->how.len > 0) {
			buf_append_str(out, "  ");
			escape_text(out, hop->how);
			buf_append_char(out, '\n');
		}
		if (hop->trouble.exit_code) {
			buf_printf(out, "    no way: %s\n", hop->trouble.text);
			continue;
		}
		buf_printf(out, "  %s", transports[hop->transport]);
		if (hop->credentials) {
			buf_append_str(out, ", logging in as ");
			escape_text(out, hop->credentials->user);
		}
		buf_append_str(out, hop->endpoint_count > 0 ? ", to the first that answers of\n" : "\n");
		for (size_t k = 0; k < hop->endpoint_count; k++)
			append_endpoint(out, &hop->endpoints[k]);
	}
}

static void append_endpoint_json(struct buf *out, const struct endpoint *endpoint)
{
	char text[NET_ADDRESS_TEXT];

	buf_append_str(out, out->data[out->len - 1] == '[' ? "{" : ",{");
	json_append_member(out, "host", endpoint->host);
	json_append_number(out, "port", endpoint->port);
	json_append_member(out, "tls", view_of(describe_tls(&endpoint->tls)));
	json_append_bool(out, "implicit_tls", endpoint->tls.start == TLS_START_IMPLICIT);
	json_append_name(out, "addresses");
	buf_append_char(out, '[');
	for (size_t i = 0; i < endpoint->address_count; i++) {
		buf_append_str(out, i ? "," : "");
		json_append_string(out, view_of(net_address_text(&endpoint->addresses[i], text)));
	}
	buf_append_str(out, "]}");
}

void preview_append_ways_json(struct buf *out, const struct envelope *envelope, const struct route *route)
{
	static const char *const transports[] = {
		[TRANSPORT_SMTP] = "smtp", [TRANSPORT_LMTP] = "lmtp", [TRANSPORT_DISCARD] = "discard",
		[TRANSPORT_LOCAL] = "local",
	};

	buf_append_char(out, '[');
	for (size_t i = 0; i < route->hop_count; i++) {
		const struct hop *hop = &route->hops[i];

		buf_append_str(out, i ? ",{" : "{");
		json_append_name(out, "recipients");
		buf_append_char(out, '[');
		for (size_t k = 0; k < hop->recipient_count; k++) {
			buf_append_str(out, k ? ",{" : "{");
			json_append_member(out, "recipient", envelope->recipients[hop->recipients[k]].forward_path);
			json_append_member(out, "reason", route->reasons[hop->recipients[k]]);
			buf_append_char(out, '}');
		}
		buf_append_char(out, ']');
		json_append_member(out, "transport", view_of(hop->trouble.exit_code ? "" : transports[hop->transport]));
		json_append_member(out, "user", hop->credentials ? hop->credentials->user : (struct view){0});
		json_append_member(out, "records", hop->how);
		json_append_member(out, "error", view_of(hop->trouble.exit_code ? hop->trouble.text : ""));
		json_append_number(out, "exit_code", (unsigned long long)hop->trouble.exit_code);
		json_append_name(out, "endpoints");
		buf_append_char(out, '[');
		for (size_t k = 0; k < hop->endpoint_count; k++)
			append_endpoint_json(out, &hop->endpoints[k]);
		buf_append_str(out, "]}");
	}
	buf_append_char(out, ']');
}

static void append_parts(struct buf *out, const struct compose_report *report)
{
	for (size_t i = 0; i < report->part_count; i++) {
		const struct part_report *part = &report->parts[i];

		buf_append_str(out, "part: ");
		escape_text(out, part->type);
		if (part->name.len > 0) {
			buf_append_str(out, " \"");
			escape_text(out, part->name);
			buf_append_str(out, "\"");
		}
		buf_printf(out, ", %llu octet%s, %.*s (%.*s)\n", (unsigned long long)part->size_octets,
			   part->size_octets == 1 ? "" : "s", VIEW_ARG(part->encoding), VIEW_ARG(part->reason));
	}
}

static void append_parts_json(struct buf *out, const struct compose_report *report)
{
	buf_append_char(out, '[');
	for (size_t i = 0; i < report->part_count; i++) {
		const struct part_report *part = &report->parts[i];

		buf_append_str(out, i ? ",{" : "{");
		json_append_member(out, "type", part->type);
		json_append_member(out, "name", part->name);
		json_append_member(out, "encoding", part->encoding);
		json_append_member(out, "reason", part->reason);
		json_append_number(out, "size", part->size_octets);
		buf_append_char(out, '}');
	}
	buf_append_char(out, ']');
}

int preview_status(const struct route *route)
{
	for (size_t i = 0; i < route->hop_count; i++)
		if (route->hops[i].trouble.exit_code)
			return route->hops[i].trouble.exit_code;
	return EX_OK;
}

int preview_print(const struct draft *draft, const struct compose_report *report, const struct route *route, bool as_json,
		  struct arena *arena, struct err *err)
{
	struct buf text;
	uint64_t size = 0;
	int status;

	if (message_size(draft->message, &size, err) < 0)
		return -1;
	buf_init(&text, SIZE_MAX / 2);
	if (as_json) {
		buf_append_char(&text, '{');
		json_append_member(&text, "reverse_path", draft->envelope.reverse_path);
		json_append_number(&text, "size", size);
		json_append_name(&text, "parts");
		append_parts_json(&text, report);
		json_append_name(&text, "ways");
		preview_append_ways_json(&text, &draft->envelope, route);
		buf_append_str(&text, "}\n");
	} else {
		buf_printf(&text, "A message of %llu octets from <", (unsigned long long)size);
		escape_text(&text, draft->envelope.reverse_path);
		buf_append_str(&text, ">, which is not sent:\n");
		append_parts(&text, report);
		preview_append_ways(&text, &draft->envelope, route, arena);
	}
	status = output_write(stdout, buf_view(&text), err);
	buf_clear(&text);
	return status;
}

int preview_print_message(const struct message *message, struct err *err)
{
	struct message_reader *reader = message_reader_new(message);
	char *block = mem_alloc_block(BLOCK_OCTETS);
	size_t got = 1;
	int status = 0;

	while (status == 0 && got > 0) {
		size_t len = 0;

		status = message_reader_read(reader, block, BLOCK_OCTETS, &got, err);
		for (size_t i = 0; status == 0 && i < got; i++)
			if (block[i] != '\r') /* nothing but CRLF has a CR in it by now */
				block[len++] = block[i];
		if (status == 0)
			status = output_write(stdout, view_make(block, len), err);
	}
	free(block);
	message_reader_free(reader);
	return status;
}
