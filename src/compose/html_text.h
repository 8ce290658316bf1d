/* html_text - readable plain text of HTML, for those who see no HTML. */
#ifndef COMPOSE_HTML_TEXT_H
#define COMPOSE_HTML_TEXT_H

#include "base/blob.h"

/* html: UTF-8. Paragraphs, lists, quotes, links and preformatted text keep their shape; scripts and styles are left out.
 * Works in one pass and constant memory. Returns a new blob; null on failure, as blob_read_at and blob_append. */
struct blob *html_to_text(struct slice html, struct err *err);

#endif
