/* dns_packet - DNS answers put together octet by octet, right ones and wrong ones. */
#ifndef TESTS_NET_DNS_PACKET_H
#define TESTS_NET_DNS_PACKET_H

#include "unit.h"

#include "net/dns.h"

enum { PACKET_ROOM = 80 * 1024, TYPE_CNAME = 5, CLASS_IN = 1, QUESTION_AT = 12 };

struct packet {
	char data[PACKET_ROOM];
	size_t len;
	size_t record_at;		/* where the length of the open record's data stands */
};

static inline void put(struct packet *packet, unsigned long number, unsigned octets)
{
	assert_true(packet->len + octets <= PACKET_ROOM);
	while (octets-- > 0)
		packet->data[packet->len++] = (char)(number >> 8 * octets & 0xff);
}

static inline void put_octets(struct packet *packet, const void *data, size_t len)
{
	assert_true(packet->len + len <= PACKET_ROOM);
	memcpy(packet->data + packet->len, data, len);
	packet->len += len;
}

/* A name with dots between its labels; "" is the root. */
static inline void put_name(struct packet *packet, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		put(packet, len, 1);
		put_octets(packet, name, len);
		name += len + (name[len] == '.');
	}
	put(packet, 0, 1);
}

static inline void put_pointer(struct packet *packet, size_t at)
{
	put(packet, 0xc000 | at, 2);
}

static inline void put_header(struct packet *packet, unsigned flags, unsigned questions, unsigned answers)
{
	packet->len = 0;
	put(packet, 0x1234, 2);
	put(packet, flags, 2);
	put(packet, questions, 2);
	put(packet, answers, 2);
	put(packet, 0, 4);
}

static inline void put_question(struct packet *packet, const char *name, unsigned type)
{
	put_name(packet, name);
	put(packet, type, 2);
	put(packet, CLASS_IN, 2);
}

/* From here to end_record is the record's data. The name is a pointer to the question when null. */
static inline void begin_record(struct packet *packet, const char *name, unsigned type)
{
	if (name)
		put_name(packet, name);
	else
		put_pointer(packet, QUESTION_AT);
	put(packet, type, 2);
	put(packet, CLASS_IN, 2);
	put(packet, 3600, 4);
	packet->record_at = packet->len;
	put(packet, 0, 2);
}

static inline void end_record(struct packet *packet)
{
	size_t len = packet->len - packet->record_at - 2;

	packet->data[packet->record_at] = (char)(len >> 8);
	packet->data[packet->record_at + 1] = (char)(len & 0xff);
}

static inline void put_mx(struct packet *packet, const char *name, unsigned preference, const char *target)
{
	begin_record(packet, name, DNS_MX);
	put(packet, preference, 2);
	put_name(packet, target);
	end_record(packet);
}

static inline void put_a(struct packet *packet, const char *name, unsigned long address)
{
	begin_record(packet, name, DNS_A);
	put(packet, address, 4);
	end_record(packet);
}

static inline void put_cname(struct packet *packet, const char *name, const char *target)
{
	begin_record(packet, name, TYPE_CNAME);
	put_name(packet, target);
	end_record(packet);
}

#endif
