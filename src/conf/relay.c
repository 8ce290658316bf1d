/* relay - relay URLs, as the configuration and --relay have them. */
#include "conf/relay.h"

#include <sysexits.h>
#include "net/idna.h"

static const struct scheme {
	struct view name;
	enum transport transport;
	enum tls_start start;
	uint16_t port;
	bool use_srv, use_mx;
} schemes[] = {
	{VIEW("smtp"), TRANSPORT_SMTP, TLS_START_STARTTLS, 25, false, false},
	{VIEW("submission"), TRANSPORT_SMTP, TLS_START_STARTTLS, 587, false, false},
	{VIEW("smtps"), TRANSPORT_SMTP, TLS_START_IMPLICIT, 465, false, false},
	{VIEW("submissions"), TRANSPORT_SMTP, TLS_START_IMPLICIT, 465, false, false},
	{VIEW("lmtp"), TRANSPORT_LMTP, TLS_START_STARTTLS, 24, false, false},
	{VIEW("srv"), TRANSPORT_SMTP, TLS_START_IMPLICIT, 465, true, false},
	{VIEW("mx"), TRANSPORT_SMTP, TLS_START_STARTTLS, 25, false, true},
};

/* Names the URL, but not what stands before its @: that may be a password in a place where it is not looked for. */
static int fail(struct view text, const char *why, struct err *err)
{
	static const struct view separator = VIEW("://");
	size_t at = view_last_index(text, '@'), start = view_find(text, separator);

	if (at == text.len)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "\"%.*s\" is no relay: %s.", VIEW_ARG(text), why);
	start = start < at ? start + separator.len : 0;
	return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "\"%.*s...%.*s\" is no relay: %s.", VIEW_ARG(view_first(text, start)),
		       VIEW_ARG(view_from(text, at)), why);
}

static const struct scheme *find_scheme(struct view name)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (view_equal_nocase(name, schemes[i].name))
			return &schemes[i];
	return NULL;
}

static int hex_value(char c)
{
	c = ascii_lower(c);
	return ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_user(struct view whole, struct view text, struct arena *arena, struct view *user, struct err *err)
{
	char *out = arena_alloc(arena, text.len + 1, 1);
	size_t len = 0;

	if (view_index(text, ':') < text.len)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5),
			       "A password has no place in a relay URL, where others can read it; use password_file or password_command.");
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '%') {
			out[len++] = text.data[i];
			continue;
		}
		if (i + 2 >= text.len || hex_value(text.data[i + 1]) < 0 || hex_value(text.data[i + 2]) < 0)
			return fail(whole, "a % in the user name is not followed by two hexadecimal digits", err);
		out[len++] = (char)(hex_value(text.data[i + 1]) * 16 + hex_value(text.data[i + 2]));
		i += 2;
	}
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)out[i] < 32 || out[i] == 127)
			return fail(whole, "there is a control character in the user name", err);
	if (len == 0)
		return fail(whole, "there is no user name before the @", err);
	*user = view_make(out, len);
	return 0;
}

static int parse_host(struct view whole, struct view host, bool bracketed, struct arena *arena, struct relay_url *url, struct err *err)
{
	struct net_address address;

	if (host.len == 0)
		return fail(whole, "it has no host", err);
	if (net_address_parse(host, 0, &address)) {
		url->host = arena_copy(arena, host);
		return url->use_srv || url->use_mx ? fail(whole, "it needs a domain, not an address", err) : 0;
	}
	if (bracketed)
		return fail(whole, "there is no IP address between the brackets", err);
	for (size_t i = 0; i < host.len; i++)
		if ((unsigned char)host.data[i] < 0x80 && !ascii_is_alnum(host.data[i]) && (!host.data[i] || !strchr("-._", host.data[i])))
			return fail(whole, "the host has a character that no host name has", err);
	if (idna_to_ascii(host, arena, &url->host, err) < 0) {
		err->exit_code = EX_CONFIG; /* the mistake is in the settings, not in an address */
		err->status = STATUS(5, 3, 5);
		return -1;
	}
	return 0;
}

static int parse_authority(struct view whole, struct view text, struct arena *arena, struct relay_url *url, struct err *err)
{
	size_t at = view_last_index(text, '@'), colon;
	bool bracketed = false;
	struct view host, port = {0};
	unsigned long long number;

	if (at < text.len) {
		if (parse_user(whole, view_first(text, at), arena, &url->user, err) < 0)
			return -1;
		text = view_from(text, at + 1);
	}
	if (text.len > 0 && text.data[text.len - 1] == '/')
		text.len--;
	if (text.len > 0 && text.data[0] == '[') {
		size_t close = view_index(text, ']');

		bracketed = true;
		host = view_first(view_from(text, 1), close - 1);
		port = view_from(text, close + 1);
		if (close == text.len || (port.len > 0 && port.data[0] != ':'))
			return fail(whole, "the brackets around the address are not closed as they should be", err);
		port = view_from(port, 1);
	} else {
		colon = view_index(text, ':');
		host = view_first(text, colon);
		port = view_from(text, colon + 1);
	}
	if (port.len > 0) {
		/* What is no port may be the first half of a password with a comma in it. */
		if (!view_to_number(port, 65535, &number) || number == 0)
			return fail(view_first(whole, (size_t)(port.data - whole.data) - 1), "the port behind it is no number from 1 to 65535", err);
		url->port = (uint16_t)number;
	}
	return parse_host(whole, host, bracketed, arena, url, err);
}

static int parse_unix(struct view whole, struct view path, struct arena *arena, struct relay_url *url, struct err *err)
{
	struct net_address address;

	if (url->use_srv || url->use_mx)
		return fail(whole, "it needs a domain, not a socket", err);
	if (path.len == 0 || path.data[0] != '/')
		return fail(whole, "behind unix: comes an absolute path", err);
	if (!net_address_unix(path, &address))
		return fail(whole, "the path is too long for a socket", err);
	url->host = arena_copy(arena, path);
	url->is_unix = true;
	url->start = TLS_START_NEVER;
	url->port = 0;
	return 0;
}

static int parse_url(struct view text, struct arena *arena, struct relay_url *url, struct err *err)
{
	static const struct view separator = VIEW("://"), unix_prefix = VIEW("unix:");
	size_t at = view_find(text, separator), colon = view_index(text, ':');
	const struct scheme *scheme;
	struct view rest;

	if (at == text.len && colon < text.len && view_starts_nocase(view_from(text, colon + 1), unix_prefix)) {
		at = colon;
		rest = view_from(text, colon + 1);
	} else {
		rest = at < text.len ? view_from(text, at + separator.len) : text;
	}
	scheme = at < text.len ? find_scheme(view_first(text, at)) : &schemes[0];
	if (!scheme)
		return fail(text, "its scheme is not smtp, submission, smtps, lmtp, srv or mx", err);
	*url = (struct relay_url){.transport = scheme->transport, .start = scheme->start, .port = scheme->port,
				  .use_srv = scheme->use_srv, .use_mx = scheme->use_mx};
	if (view_starts_nocase(rest, unix_prefix))
		return parse_unix(text, view_from(rest, unix_prefix.len), arena, url, err);
	if (parse_authority(text, rest, arena, url, err) < 0)
		return -1;
	if (at == text.len && url->port == 465)
		url->start = TLS_START_IMPLICIT;
	return 0;
}

/* One relay speaks one protocol and has one login: what a second URL says of either must not be read as the first's. */
static int check_list(const struct relay_url *urls, size_t count, struct err *err)
{
	for (size_t i = 1; i < count; i++) {
		if (urls[i].transport != urls[0].transport)
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "SMTP and LMTP cannot be mixed in the URLs of one relay.");
		if (!view_equal(urls[i].user, urls[0].user))
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5),
				       "The user is not the same in all URLs of a relay; each login needs a [relay NAME] of its own.");
	}
	return 0;
}

int relay_parse_pattern(struct view text, struct arena *arena, struct view *pattern, struct err *err)
{
	size_t at = view_last_index(text, '@');
	struct view before = view_first(text, at < text.len ? at + 1 : 0), domain = view_from(text, before.len), ascii;

	*pattern = text;
	if (view_is_ascii(domain))
		return 0;
	if (view_starts(domain, (struct view)VIEW("*."))) {
		before = view_first(text, before.len + 2);
		domain = view_from(domain, 2);
	}
	if (idna_to_ascii(domain, arena, &ascii, err) < 0) {
		err->exit_code = EX_CONFIG;
		err->status = STATUS(5, 3, 5);
		return -1;
	}
	*pattern = arena_printf(arena, "%.*s%.*s", VIEW_ARG(before), VIEW_ARG(ascii));
	return 0;
}

int relay_parse_urls(struct view text, struct arena *arena, struct relay_url **urls, size_t *count, struct err *err)
{
	struct view rest = text, one;
	size_t capacity = 0;
	bool had_comma = true;

	*urls = NULL;
	*count = 0;
	while (had_comma) {
		one = view_trim(view_take_until(&rest, ',', &had_comma));
		if (one.len == 0)
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "A relay is a URL or several, with a comma between two; one is missing.");
		*urls = arena_grow(arena, *urls, *count, &capacity, sizeof **urls);
		if (parse_url(one, arena, &(*urls)[*count], err) < 0)
			return -1;
		++*count;
	}
	return check_list(*urls, *count, err);
}

static bool parse_pin(struct view text, unsigned char pin[TLS_PIN_OCTETS])
{
	static const struct view prefix = VIEW("sha256:");
	size_t digits = 0;

	if (view_starts_nocase(text, prefix))
		text = view_from(text, prefix.len);
	memset(pin, 0, TLS_PIN_OCTETS);
	for (size_t i = 0; i < text.len; i++) {
		int value = hex_value(text.data[i]);

		if (text.data[i] == ':')
			continue;
		if (value < 0 || digits >= 2 * TLS_PIN_OCTETS)
			return false;
		pin[digits / 2] = (unsigned char)(pin[digits / 2] | (digits % 2 ? value : value << 4));
		digits++;
	}
	return digits == 2 * TLS_PIN_OCTETS;
}

int relay_parse_pins(struct view text, struct tls_policy *policy, struct err *err)
{
	bool had_comma = true;
	struct view one;

	policy->pin_count = 0;
	while (had_comma) {
		one = view_trim(view_take_until(&text, ',', &had_comma));
		if (policy->pin_count == TLS_PINS_MAX)
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "There are more than %d pins.", TLS_PINS_MAX);
		if (!parse_pin(one, policy->pins[policy->pin_count]))
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "\"%.*s\" is no pin: it takes sha256: and 64 hexadecimal digits.", VIEW_ARG(one));
		policy->pin_count++;
	}
	return 0;
}

bool relay_parse_demand(struct view text, enum tls_demand *demand)
{
	static const struct {
		struct view word;
		enum tls_demand demand;
	} words[] = {
		{VIEW("none"), TLS_DEMAND_NONE}, {VIEW("opportunistic"), TLS_DEMAND_OPPORTUNISTIC},
		{VIEW("require"), TLS_DEMAND_REQUIRE}, {VIEW("verify"), TLS_DEMAND_VERIFY},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (view_equal_nocase(text, words[i].word)) {
			*demand = words[i].demand;
			return true;
		}
	}
	return false;
}
