/* extensions - what a server's answer to EHLO or LHLO says may be used (RFC 5321 §4.1.1.1). */
#include "smtp/extensions.h"

#include <stddef.h>

enum { MECHANISMS_LIMIT = 4096 };

static void read_size(struct smtp_extensions *extensions, struct view words)
{
	unsigned long long octets = 0;

	if (view_to_number(view_trim(words), UINT64_MAX, &octets))
		extensions->size_max = octets;
}

static void read_auth(struct smtp_extensions *extensions, struct view words)
{
	if (extensions->mechanisms.len)
		buf_append_char(&extensions->mechanisms, ' ');
	buf_append(&extensions->mechanisms, words);
}

/* NAME=VALUE; a limit that is not a number or not known is ignored (RFC 9422 §3). */
static void read_limits(struct smtp_extensions *extensions, struct view words)
{
	static const struct {
		struct view name;
		size_t offset;
	} rows[] = {
		{VIEW("RCPTMAX"), offsetof(struct smtp_extensions, recipients_max)},
		{VIEW("MAILMAX"), offsetof(struct smtp_extensions, transactions_max)},
		{VIEW("RCPTDOMAINMAX"), offsetof(struct smtp_extensions, domains_max)},
	};

	while (words.len) {
		struct view value = view_take_until(&words, ' ', NULL);
		struct view name = view_take_until(&value, '=', NULL);
		unsigned long long number = 0;

		if (!view_to_number(value, 999999, &number))
			continue;
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			if (view_equal_nocase(name, rows[i].name))
				*(size_t *)((char *)extensions + rows[i].offset) = (size_t)number;
	}
}

static const struct {
	struct view keyword;
	enum smtp_extension extension;
	void (*read)(struct smtp_extensions *extensions, struct view words);
} rows[] = {
	{VIEW("PIPELINING"), SMTP_EXT_PIPELINING, NULL},
	{VIEW("SIZE"), SMTP_EXT_SIZE, read_size},
	{VIEW("8BITMIME"), SMTP_EXT_8BITMIME, NULL},
	{VIEW("SMTPUTF8"), SMTP_EXT_SMTPUTF8, NULL},
	{VIEW("CHUNKING"), SMTP_EXT_CHUNKING, NULL},
	{VIEW("DSN"), SMTP_EXT_DSN, NULL},
	{VIEW("ENHANCEDSTATUSCODES"), SMTP_EXT_STATUS, NULL},
	{VIEW("AUTH"), SMTP_EXT_AUTH, read_auth},
	{VIEW("STARTTLS"), SMTP_EXT_STARTTLS, NULL},
	{VIEW("LIMITS"), SMTP_EXT_LIMITS, read_limits},
	{VIEW("XRAW"), SMTP_EXT_RAW, NULL},
	{VIEW("XRELAYED"), SMTP_EXT_RELAYED, NULL},
	{VIEW("XNOALIASES"), SMTP_EXT_NO_ALIASES, NULL},
};

void extensions_init(struct smtp_extensions *extensions)
{
	*extensions = (struct smtp_extensions){0};
	buf_init(&extensions->mechanisms, MECHANISMS_LIMIT);
}

void extensions_clear(struct smtp_extensions *extensions)
{
	buf_clear(&extensions->mechanisms);
}

void extensions_forget(struct smtp_extensions *extensions)
{
	extensions_clear(extensions);
	extensions_init(extensions);
}

void extensions_read(struct smtp_extensions *extensions, struct view text)
{
	struct view line;

	extensions_forget(extensions);
	view_take_line(&text, &line);
	while (view_take_line(&text, &line)) {
		/* "AUTH=LOGIN" is how some announced it before RFC 2554. */
		size_t end = 0;
		while (end < line.len && line.data[end] != ' ' && line.data[end] != '=')
			end++;
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			if (!view_equal_nocase(view_first(line, end), rows[i].keyword))
				continue;
			extensions->offered |= rows[i].extension;
			if (rows[i].read)
				rows[i].read(extensions, view_trim(view_from(line, end + 1)));
		}
	}
}
