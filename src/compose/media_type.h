/* media_type - what a file is, by its name, its beginning and, for text, all of it. */
#ifndef COMPOSE_MEDIA_TYPE_H
#define COMPOSE_MEDIA_TYPE_H

#include "base/arena.h"
#include "base/blob.h"
#include "mail/scan.h"

struct media_type {
	struct view type;		/* "image/png" */
	const char *reason;		/* for people: "by its extension" */
	struct view conflict;		/* what name or content say against type, for a warning; empty: nothing */
	bool is_scanned;		/* all of the content had to be looked at, which a second look need not repeat: */
	struct scan scan;
};

/* name: the file's, for its extension. user_file: a mime.types of the user's own; null: none.
 * Never inode/..., never a multipart; message/rfc822 only for a file that is called .eml. Fails as blob_read_at. */
int media_type_find(struct view name, struct slice content, const char *user_file, struct arena *arena,
		    struct media_type *media, struct err *err);

/* True for "type/subtype", each an RFC 6838 §4.2 name, and parameters behind it, if any (RFC 2045 §5.1). */
bool media_type_is_valid(struct view text);

/* media_signature: what the first octets say beyond doubt; empty when they are not known. */
struct view media_signature_find(struct view start);

/* media_magic: what libmagic says of the first octets; empty when it says nothing or is not there. */
struct view media_magic_guess(struct view start, struct arena *arena);

#endif
