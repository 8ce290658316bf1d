/* mime - the part tree: built for a new message, or read out of one that came whole (RFC 2045, 2046). */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "mail/message.h"

enum { MIME_DEPTH_MAX = 32, MIME_PARTS_MAX = 10000 };

struct mime_part *mime_leaf_new(struct arena *arena, struct slice content, enum mime_encoding encoding, bool is_text);

/* boundary: quoted when written. type: parameter of multipart/related (RFC 2387 §3.1); empty: none. The children are
 * the list that begins with the first one. Gives it its Content-Type. */
struct mime_part *mime_multipart_new(struct arena *arena, struct view subtype, struct view boundary, struct view type,
				     struct mime_part *children);

/* Puts child behind the last of the list. */
void mime_append(struct mime_part **list, struct mime_part *child);

/* True when no leaf of the list that goes out unencoded has boundary in it. Fails as blob_read_at. */
int mime_boundary_is_free(const struct mime_part *list, struct view boundary, bool *is_free, struct err *err);

/* Content-Transfer-Encoding for the part, unless it is 7bit, which is the default. */
void mime_part_add_encoding_field(struct arena *arena, struct field_list *fields, enum mime_encoding encoding);

/* The value of a parameter in a structured field body, unquoted; empty when it is not there. */
struct view mime_parameter(struct view body, struct view name, struct arena *arena);

/* Takes the next parameter off *rest, a field body from its first semicolon on; the value is unquoted. False at the end. */
bool mime_parameter_take(struct view *rest, struct arena *arena, struct view *name, struct view *value);

/* The tree of a multipart as it stands in content; its own fields were read by the caller. A multipart/signed in it is a
 * leaf. Leaves point into the blob, with encoding MIME_8BIT and is_text, that is, they go out as they are; what stands in
 * their Content-Transfer-Encoding is the caller's business. Null when it is not well-formed: a missing delimiter, too many
 * parts, too deep. */
struct mime_part *mime_parse_multipart(struct slice content, struct view content_type, struct arena *arena);

#endif
