/* scan - what is in a stretch of octets, all of it looked at, and the transfer encoding that carries it (RFC 2045 §6).
 *
 * A sniff of the beginning is not enough: one octet above 127 behind two megabytes of ASCII decides. */
#ifndef MAIL_SCAN_H
#define MAIL_SCAN_H

#include "mail/message.h"

struct scan {
	uint64_t octets;
	uint64_t longest_line;		/* octets without the line end */
	uint64_t nul, control, escape, high; /* how many: NUL; C0 but HTAB, LF, FF, CR, ESC; ESC; above 127 */
	bool has_crlf, has_lf, has_cr;	/* line ends: CRLF; LF alone; CR alone */
	bool has_from;			/* a line begins with "From " */
	bool ends_open;			/* the last line has no end */
	bool is_utf8;			/* valid as a whole; true for ASCII */
};

/* Reads all of the slice once, in blocks. Fails as blob_read_at. */
int scan_slice(struct slice slice, struct scan *scan, struct err *err);

/* 7bit for short ASCII lines, quoted-printable for text with a little else, base64 for the rest. Never 8bit: the result
 * survives every hop and every signature. */
enum mime_encoding scan_choose_encoding(const struct scan *scan);

/* True when the octets would come back as they are after their line ends went over the wire as CRLF and became LF again. */
bool scan_survives_lines(const struct scan *scan);

/* Looks for needle (at most 128 octets) anywhere in the slice. */
int scan_find(struct slice slice, struct view needle, bool *found, struct err *err);

/* What a command line or a file calls it: "7bit", "8bit", "qp" or "quoted-printable", "base64". */
bool scan_encoding_from_name(struct view name, enum mime_encoding *encoding);
const char *scan_encoding_name(enum mime_encoding encoding);

#endif
