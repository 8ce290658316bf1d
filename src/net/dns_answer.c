/* dns_answer - octets of a DNS answer to records; no socket, no state (RFC 1035 §4, 2782, 7505). */
#include "net/dns_answer.h"

#include <string.h>
#include "base/buf.h"

enum {
	HEADER_OCTETS = 12, RECORD_OCTETS_MIN = 11, NAME_MAX_OCTETS = 255, POINTERS_MAX = 64, TEXT_MAX = 64 * 1024, CLASS_IN = 1, TYPE_CNAME = 5,
	FLAG_RESPONSE = 0x8000, OPCODE_MASK = 0x7800, FLAG_TRUNCATED = 0x0200, FLAG_AUTHENTIC = 0x0020, RCODE_MASK = 0x000f,
	RCODE_NXDOMAIN = 3,
};

static const char *const rcodes[] = {
	"no error", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
};

/* A packet being read: at moves on, and never past the end. */
struct reader {
	struct view packet;
	size_t at;
	bool broken;
};

/* One record as it stands in the packet. */
struct raw_record {
	struct view name;
	unsigned type, class;
	size_t data_at, data_len;
};

static unsigned read_number(struct reader *reader, unsigned octets)
{
	unsigned number = 0;

	if (reader->packet.len - reader->at < octets) {
		reader->broken = true;
		return 0;
	}
	while (octets-- > 0)
		number = number << 8 | (unsigned char)reader->packet.data[reader->at++];
	return number;
}

/* A name as text: labels joined by dots, lower-case. What could not be told apart from a dot or be shown is replaced by a
 * character that no host name has, so that such a name is never usable. */
static void append_label(struct buf *name, const char *label, size_t len)
{
	if (name->len > 0)
		buf_append_char(name, '.');
	for (size_t i = 0; i < len; i++) {
		char c = ascii_lower(label[i]);

		buf_append_char(name, c > 32 && c < 127 && c != '.' ? c : '?');
	}
}

static struct view read_name(struct reader *reader, struct arena *arena)
{
	struct view packet = reader->packet, result;
	size_t at = reader->at, octets = 0;
	unsigned pointers = 0;
	bool jumped = false;
	struct buf name;

	buf_init(&name, 4 * NAME_MAX_OCTETS);
	while (!reader->broken) {
		unsigned char len = at < packet.len ? (unsigned char)packet.data[at] : 0;

		if (at >= packet.len || (len & 0xc0) == 0x40 || (len & 0xc0) == 0x80) {
			reader->broken = true;
		} else if ((len & 0xc0) == 0xc0) {
			if (at + 1 >= packet.len || ++pointers > POINTERS_MAX) {
				reader->broken = true;
				break;
			}
			if (!jumped)
				reader->at = at + 2;
			jumped = true;
			at = (size_t)(len & 0x3f) << 8 | (unsigned char)packet.data[at + 1];
		} else if (len == 0) {
			if (!jumped)
				reader->at = at + 1;
			break;
		} else {
			octets += len + 1U;
			if (packet.len - at < len + 1U || octets >= NAME_MAX_OCTETS) { /* the root's octet counts too */
				reader->broken = true;
				break;
			}
			append_label(&name, packet.data + at + 1, len);
			at += len + 1U;
		}
	}
	result = arena_copy(arena, buf_view(&name));
	buf_clear(&name);
	return result;
}

static bool read_record(struct reader *reader, struct raw_record *record, struct arena *arena)
{
	record->name = read_name(reader, arena);
	record->type = read_number(reader, 2);
	record->class = read_number(reader, 2);
	read_number(reader, 4); /* time to live: one run needs none */
	record->data_len = read_number(reader, 2);
	record->data_at = reader->at;
	if (reader->broken || reader->packet.len - reader->at < record->data_len)
		reader->broken = true;
	else
		reader->at += record->data_len;
	return !reader->broken;
}

static void take_address(struct dns_record *record, const struct raw_record *raw, struct view packet, bool *broken)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (raw->type == DNS_A && raw->data_len == 4) {
		memcpy(&v4.sin_addr, packet.data + raw->data_at, 4);
		memcpy(&record->address.storage, &v4, sizeof v4);
		record->address.len = sizeof v4;
	} else if (raw->type == DNS_AAAA && raw->data_len == 16) {
		memcpy(&v6.sin6_addr, packet.data + raw->data_at, 16);
		memcpy(&record->address.storage, &v6, sizeof v6);
		record->address.len = sizeof v6;
	} else {
		*broken = true;
	}
}

static void take_text(struct dns_record *record, const struct raw_record *raw, struct view packet, struct arena *arena, bool *broken)
{
	struct view rest = view_first(view_from(packet, raw->data_at), raw->data_len);
	struct buf text;

	buf_init(&text, TEXT_MAX);
	while (rest.len > 0) {
		size_t len = (unsigned char)rest.data[0];

		if (len + 1 > rest.len) {
			*broken = true;
			break;
		}
		buf_append(&text, view_first(view_from(rest, 1), len));
		rest = view_from(rest, len + 1);
	}
	record->text = arena_copy(arena, buf_view(&text));
	buf_clear(&text);
}

/* MX and SRV: numbers and a name, which must end where the data ends. */
static void take_target(struct dns_record *record, const struct raw_record *raw, struct view packet, struct arena *arena, bool *broken)
{
	struct reader reader = {.packet = view_first(packet, raw->data_at + raw->data_len), .at = raw->data_at};

	record->preference = (uint16_t)read_number(&reader, 2);
	if (raw->type == DNS_SRV) {
		record->weight = (uint16_t)read_number(&reader, 2);
		record->port = (uint16_t)read_number(&reader, 2);
	}
	/* Pointers lead to before the data, so the name may be read in the whole packet up to its end. */
	record->target = read_name(&reader, arena);
	record->target_is_usable = dns_name_is_host(record->target);
	*broken |= reader.broken || reader.at != raw->data_at + raw->data_len;
}

static void take_record(struct dns_record *record, const struct raw_record *raw, struct view packet, struct arena *arena, bool *broken)
{
	switch (raw->type) {
	case DNS_A:
	case DNS_AAAA:
		take_address(record, raw, packet, broken);
		break;
	case DNS_TXT:
		take_text(record, raw, packet, arena, broken);
		break;
	default:
		take_target(record, raw, packet, arena, broken);
		break;
	}
}

static void fail(struct dns_query *query, const char *reason)
{
	query->result = DNS_TEMPFAIL;
	query->reason = reason;
	query->record_count = 0;
	query->authentic = false;
}

static struct view read_cname(const struct raw_record *raw, struct view packet, struct arena *arena, bool *broken)
{
	struct reader reader = {.packet = view_first(packet, raw->data_at + raw->data_len), .at = raw->data_at};
	struct view name = read_name(&reader, arena);

	*broken |= reader.broken || reader.at != raw->data_at + raw->data_len;
	return name;
}

/* Follows the aliases from the name that was asked for. False when they run in circles. One that leads to what is no host
 * name is the end (C12): such names are not told apart here, so a record of another could be taken for the answer. */
static bool follow_cnames(struct dns_query *query, const struct raw_record *raws, size_t count, struct view packet, struct arena *arena,
			  bool *broken)
{
	unsigned hops = 0;
	bool moved = true;

	while (moved) {
		moved = false;
		if (hops > 0 && !dns_name_is_host(query->canonical))
			break;
		for (size_t i = 0; i < count && !moved; i++) {
			if (raws[i].type != TYPE_CNAME || raws[i].class != CLASS_IN || !view_equal_nocase(raws[i].name, query->canonical))
				continue;
			if (++hops > DNS_CNAMES_MAX)
				return false;
			query->canonical = read_cname(&raws[i], packet, arena, broken);
			moved = true;
		}
	}
	return true;
}

static void collect(struct dns_query *query, const struct raw_record *raws, size_t count, struct view packet, struct arena *arena)
{
	bool broken = false;

	query->canonical = query->name;
	if (!follow_cnames(query, raws, count, packet, arena, &broken)) {
		fail(query, "its aliases run in circles");
		return;
	}
	query->records = ARENA_ARRAY(arena, count + 1, struct dns_record);
	if (!dns_name_is_host(query->canonical))
		count = 0;
	for (size_t i = 0; i < count; i++)
		if (raws[i].type == (unsigned)query->type && raws[i].class == CLASS_IN && view_equal_nocase(raws[i].name, query->canonical))
			take_record(&query->records[query->record_count++], &raws[i], packet, arena, &broken);
	if (broken)
		fail(query, "the answer is malformed");
	else
		query->result = query->record_count > 0 ? DNS_OK : DNS_NODATA;
}

void dns_answer_parse(struct view packet, struct dns_query *query, struct arena *arena)
{
	struct reader reader = {.packet = packet};
	unsigned flags, questions, answers, rcode;
	struct raw_record *raws;
	size_t count = 0;
	struct view asked;

	query->record_count = 0;
	query->authentic = false;
	read_number(&reader, 2); /* the identifier, which c-ares has compared */
	flags = read_number(&reader, 2);
	questions = read_number(&reader, 2);
	answers = read_number(&reader, 2);
	rcode = flags & RCODE_MASK;
	if (packet.len < HEADER_OCTETS || !(flags & FLAG_RESPONSE) || (flags & OPCODE_MASK) || questions != 1 || (flags & FLAG_TRUNCATED)) {
		fail(query, "the answer is malformed");
		return;
	}
	if (rcode != 0 && rcode != RCODE_NXDOMAIN) {
		fail(query, rcode < sizeof rcodes / sizeof *rcodes ? rcodes[rcode] : "the name server failed");
		return;
	}
	reader.at = HEADER_OCTETS;
	asked = read_name(&reader, arena);
	if (reader.broken || read_number(&reader, 2) != (unsigned)query->type || read_number(&reader, 2) != CLASS_IN || !view_equal_nocase(asked, query->name))
		reader.broken = true;
	if (answers > packet.len / RECORD_OCTETS_MIN)
		reader.broken = true; /* no packet of this size has as many */
	raws = ARENA_ARRAY(arena, reader.broken ? 1 : answers + 1, struct raw_record);
	while (!reader.broken && count < answers && read_record(&reader, &raws[count], arena))
		count++;
	if (reader.broken) {
		fail(query, "the answer is malformed");
		return;
	}
	query->authentic = (flags & FLAG_AUTHENTIC) != 0;
	query->reason = rcode == RCODE_NXDOMAIN ? "no such domain" : "";
	collect(query, raws, count, packet, arena);
	if (rcode == RCODE_NXDOMAIN && query->result != DNS_TEMPFAIL) {
		query->result = DNS_NXDOMAIN;
		query->record_count = 0;
	}
}

bool dns_name_is_host(struct view name)
{
	struct view rest = name, label;
	bool had_dot = true, all_digits = true;

	if (name.len == 0 || name.len > 253)
		return false;
	while (had_dot) {
		label = view_take_until(&rest, '.', &had_dot);
		if (label.len == 0 || label.len > 63 || label.data[0] == '-' || label.data[label.len - 1] == '-')
			return false;
		all_digits = true;
		for (size_t i = 0; i < label.len; i++) {
			if (!ascii_is_alnum(label.data[i]) && label.data[i] != '-' && label.data[i] != '_')
				return false;
			all_digits &= ascii_is_digit(label.data[i]);
		}
	}
	return !all_digits; /* of the last label: an address in text */
}
