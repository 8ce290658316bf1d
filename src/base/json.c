/* json - values for programs to read (RFC 8259): written only, into a buffer. */
#include "base/json.h"

#include "base/escape.h"

void json_append_string(struct buf *out, struct view text)
{
	buf_append_char(out, '"');
	while (text.len > 0) {
		unsigned code = 0;
		size_t len = utf8_sequence(text, &code);
		unsigned char c = (unsigned char)text.data[0];

		if (len == 0)
			buf_append_str(out, "\\ufffd");
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (!escape_is_shown(code))
			buf_printf(out, "\\u%04x", code);
		else
			buf_append(out, view_first(text, len));
		text = view_from(text, len > 0 ? len : 1);
	}
	buf_append_char(out, '"');
}

void json_append_name(struct buf *out, const char *name)
{
	if (out->len > 0 && !strchr("{[,", out->data[out->len - 1]))
		buf_append_char(out, ',');
	json_append_string(out, view_of(name));
	buf_append_char(out, ':');
}

void json_append_member(struct buf *out, const char *name, struct view text)
{
	json_append_name(out, name);
	json_append_string(out, text);
}

void json_append_number(struct buf *out, const char *name, unsigned long long number)
{
	json_append_name(out, name);
	buf_printf(out, "%llu", number);
}

void json_append_bool(struct buf *out, const char *name, bool value)
{
	json_append_name(out, name);
	buf_append_str(out, value ? "true" : "false");
}
