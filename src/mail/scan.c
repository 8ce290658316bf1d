/* scan - what is in a stretch of octets, all of it looked at, and the transfer encoding that carries it (RFC 2045 §6). */
#include "mail/scan.h"

#include <assert.h>
#include <stdlib.h>
#include "base/mem.h"
#include "mail/header.h"

/* STRIDE: octets looked at together; the compiler turns the loop over them into a few vector instructions. */
enum { BLOCK_OCTETS = 64 * 1024, NEEDLE_MAX = 128, STRIDE = 16 };

/* Where the scan stands between two octets. */
struct scanner {
	struct scan *scan;
	uint64_t line_len;
	bool after_cr;
	unsigned char from_matched;	/* letters of "From " at the start of this line */
	unsigned char utf8_left, utf8_low, utf8_high; /* continuation octets owed, bounds of the next */
};

static const struct {
	const char *name;
	enum mime_encoding encoding;
} encodings[] = {
	{"7bit", MIME_7BIT},
	{"8bit", MIME_8BIT},
	{"quoted-printable", MIME_QUOTED_PRINTABLE},
	{"base64", MIME_BASE64},
	{"qp", MIME_QUOTED_PRINTABLE},
};

static void end_line(struct scanner *scanner)
{
	if (scanner->line_len > scanner->scan->longest_line)
		scanner->scan->longest_line = scanner->line_len;
	scanner->line_len = 0;
	scanner->from_matched = 0;
}

/* One octet of a character beyond ASCII (RFC 3629 §4: no overlong forms, no surrogates, nothing past U+10FFFF). */
static void take_high(struct scanner *scanner, unsigned char c)
{
	scanner->scan->high++;
	if (scanner->utf8_left > 0) {
		if (c < scanner->utf8_low || c > scanner->utf8_high)
			scanner->scan->is_utf8 = false;
		scanner->utf8_left--;
		scanner->utf8_low = 0x80;
		scanner->utf8_high = 0xbf;
		return;
	}
	scanner->utf8_low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	scanner->utf8_high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	if (c >= 0xc2 && c <= 0xdf)
		scanner->utf8_left = 1;
	else if (c >= 0xe0 && c <= 0xef)
		scanner->utf8_left = 2;
	else if (c >= 0xf0 && c <= 0xf4)
		scanner->utf8_left = 3;
	else
		scanner->scan->is_utf8 = false;
}

static void take_control(struct scan *scan, unsigned char c)
{
	if (c == '\0')
		scan->nul++;
	else if (c == 27)
		scan->escape++;
	else if (c == 127 || (c < 32 && c != '\t' && c != '\f'))
		scan->control++;
}

static void take_octet(struct scanner *scanner, unsigned char c)
{
	static const char from[] = "From ";
	struct scan *scan = scanner->scan;

	if (c < 0x80 && scanner->utf8_left > 0) {
		scan->is_utf8 = false;
		scanner->utf8_left = 0;
	}
	if (c == '\n') {
		*(scanner->after_cr ? &scan->has_crlf : &scan->has_lf) = true;
		scanner->after_cr = false;
		end_line(scanner);
		return;
	}
	if (scanner->after_cr) {
		scan->has_cr = true;
		scanner->line_len++;
		scanner->after_cr = false;
	}
	if (c == '\r') {
		scanner->after_cr = true;
		return;
	}
	if (scanner->from_matched == scanner->line_len && scanner->line_len < 5 && c == (unsigned char)from[scanner->line_len])
		scan->has_from |= ++scanner->from_matched == 5;
	scanner->line_len++;
	if (c >= 0x80)
		take_high(scanner, c);
	else if (c < 32 || c == 127)
		take_control(scan, c);
}

static bool is_plain(unsigned char c)
{
	return (c >= 32 && c < 127) || c == '\t';
}

/* How many octets, from the first, only make the line longer. */
static size_t plain_run(const unsigned char *octets, size_t len)
{
	size_t run = 0;

	for (; run + STRIDE <= len; run += STRIDE) {
		unsigned char odd = 0;

		for (int i = 0; i < STRIDE; i++)
			odd |= (unsigned char)(!((octets[run + i] >= 32) & (octets[run + i] < 127)) & (octets[run + i] != '\t'));
		if (odd)
			break;
	}
	while (run < len && is_plain(octets[run]))
		run++;
	return run;
}

/* Most of a text are plain octets, of which there is nothing to note but how many, and whether they begin with "From ". */
static void take_block(struct scanner *scanner, const unsigned char *octets, size_t len)
{
	size_t at = 0, run;

	while (at < len) {
		bool at_start = scanner->line_len == 0 && len - at >= 5;

		if ((at_start || scanner->line_len > 5) && scanner->utf8_left == 0 && !scanner->after_cr) {
			run = plain_run(octets + at, len - at);
			if (at_start && run >= 5)
				scanner->scan->has_from |= memcmp(octets + at, "From ", 5) == 0;
			else if (at_start)
				run = 0;
			scanner->line_len += run;
			at += run;
		}
		if (at < len)
			take_octet(scanner, octets[at++]);
	}
}

int scan_slice(struct slice slice, struct scan *scan, struct err *err)
{
	struct scanner scanner = {.scan = scan};
	unsigned char *block = mem_alloc_block(BLOCK_OCTETS);
	uint64_t done;
	size_t got = 0;
	int status = 0;

	*scan = (struct scan){.octets = slice.len, .is_utf8 = true};
	for (done = 0; done < slice.len; done += got) {
		size_t want = slice.len - done < BLOCK_OCTETS ? (size_t)(slice.len - done) : BLOCK_OCTETS;

		status = blob_read_at(slice.blob, slice.offset + done, (char *)block, want, &got, err);
		if (status < 0 || got == 0)
			break;
		take_block(&scanner, block, got);
	}
	if (scanner.after_cr) {
		scan->has_cr = true;
		scanner.line_len++;
	}
	scan->ends_open = scanner.line_len > 0;
	if (scanner.utf8_left > 0)
		scan->is_utf8 = false;
	end_line(&scanner);
	free(block);
	return status;
}

enum mime_encoding scan_choose_encoding(const struct scan *scan)
{
	uint64_t awkward = scan->nul + scan->control + scan->escape + scan->high;

	if (scan->nul > 0)
		return MIME_BASE64;
	if (scan->control + scan->escape + scan->high == 0 && scan->longest_line <= FIELD_LINE_MAX && !scan->has_cr &&
	    !scan->has_from)
		return MIME_7BIT;
	/* An octet costs 3 in quoted-printable and 4/3 in base64: they meet where one in six is awkward. */
	return awkward > scan->octets / 6 ? MIME_BASE64 : MIME_QUOTED_PRINTABLE;
}

bool scan_survives_lines(const struct scan *scan)
{
	return scan->nul == 0 && !scan->has_cr && !scan->has_crlf && !scan->ends_open;
}

int scan_find(struct slice slice, struct view needle, bool *found, struct err *err)
{
	char *block = mem_alloc(NEEDLE_MAX + BLOCK_OCTETS);
	size_t kept = 0, got = 0;
	uint64_t done;
	int status = 0;

	assert(needle.len > 0 && needle.len <= NEEDLE_MAX);
	*found = false;
	for (done = 0; done < slice.len && !*found; done += got) {
		size_t want = slice.len - done < BLOCK_OCTETS ? (size_t)(slice.len - done) : BLOCK_OCTETS;

		status = blob_read_at(slice.blob, slice.offset + done, block + kept, want, &got, err);
		if (status < 0 || got == 0)
			break;
		*found = memmem(block, kept + got, needle.data, needle.len) != NULL;
		/* The end of this block may be the beginning of an occurrence. */
		want = kept + got;
		kept = needle.len - 1 < want ? needle.len - 1 : want;
		memmove(block, block + want - kept, kept);
	}
	free(block);
	return status;
}

bool scan_encoding_from_name(struct view name, enum mime_encoding *encoding)
{
	for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
		if (view_equal_nocase(name, view_of(encodings[i].name))) {
			*encoding = encodings[i].encoding;
			return true;
		}
	}
	return false;
}

const char *scan_encoding_name(enum mime_encoding encoding)
{
	return encodings[encoding].name;
}
