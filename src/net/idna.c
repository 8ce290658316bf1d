/* idna - internationalised domain names: what people write and what the DNS knows (RFC 5891, UTS 46). */
#include "net/idna.h"

#include <sysexits.h>
#ifdef HAVE_IDN2
#include <idn2.h>
#endif
#include "base/library.h"

enum { DOMAIN_MAX = 253, LABEL_MAX = 63 };

#ifdef HAVE_IDN2
#define IDN2_FUNCTIONS(F) F(idn2_free) F(idn2_to_ascii_8z) F(idn2_to_unicode_8z8z) F(idn2_strerror)
LIBRARY(idn2, SONAME_IDN2, "recommended", "idna", "International domain names", IDN2_FUNCTIONS)

static int convert(struct view domain, struct arena *arena, struct view *ascii, struct err *err)
{
	const struct idn2_functions *idn2 = idn2_load(err);
	char *text = NULL;
	int result;

	if (!idn2)
		return -1;
	if (memchr(domain.data, '\0', domain.len)) /* where the library would see the end */
		return err_set(err, EX_NOHOST, STATUS(5, 1, 2), "A domain has a NUL in it.");
	result = idn2->idn2_to_ascii_8z(arena_str(arena, domain), &text, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
	if (result != IDN2_OK)
		return err_set(err, EX_NOHOST, STATUS(5, 1, 2), "%.*s is not a valid international domain name: %s.",
			       VIEW_ARG(domain), idn2->idn2_strerror(result));
	*ascii = arena_copy(arena, view_of(text));
	idn2->idn2_free(text);
	return 0;
}

struct view idna_to_unicode(struct view domain, struct arena *arena)
{
	const struct idn2_functions *idn2;
	struct view unicode = domain;
	struct err ignored;
	char *text = NULL;

	if (view_find(domain, (struct view)VIEW("xn--")) == domain.len || view_index(domain, '\0') < domain.len || !(idn2 = idn2_load(&ignored)))
		return domain;
	if (idn2->idn2_to_unicode_8z8z(arena_str(arena, domain), &text, 0) == IDN2_OK)
		unicode = arena_copy(arena, view_of(text));
	idn2->idn2_free(text);
	return unicode;
}
#else
static int convert(struct view domain, struct arena *arena, struct view *ascii, struct err *err)
{
	(void)arena, (void)ascii;
	return err_set(err, EX_UNAVAILABLE, STATUS(5, 1, 2),
		       "%.*s is an international domain name, and this paloma was built without libidn2.", VIEW_ARG(domain));
}

struct view idna_to_unicode(struct view domain, struct arena *arena)
{
	(void)arena;
	return domain;
}
#endif

/* Letters, digits and hyphens, and the underscore, which does occur. What people wrote may turn into something else on the
 * way: UTS 46 maps U+FF20 to @ and U+00A0 to a space. */
static bool is_host_char(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

static int check_labels(struct view domain, struct err *err)
{
	struct view rest = domain, label;
	bool had_dot = true;

	if (domain.len > DOMAIN_MAX)
		return err_set(err, EX_NOHOST, STATUS(5, 1, 2), "The domain %.*s has %zu octets; %d are allowed.",
			       VIEW_ARG(domain), domain.len, DOMAIN_MAX);
	for (size_t i = 0; i < domain.len; i++)
		if (!is_host_char(domain.data[i]))
			return err_set(err, EX_NOHOST, STATUS(5, 1, 2), "The domain \"%.*s\" has a character in it that no name of a host has.",
				       VIEW_ARG(domain));
	while (had_dot) {
		label = view_take_until(&rest, '.', &had_dot);
		if (label.len == 0)
			return err_set(err, EX_NOHOST, STATUS(5, 1, 2), "The domain \"%.*s\" has an empty label.", VIEW_ARG(domain));
		if (label.len > LABEL_MAX)
			return err_set(err, EX_NOHOST, STATUS(5, 1, 2), "The label %.*s in a domain has %zu octets; %d are allowed.",
				       VIEW_ARG(label), label.len, LABEL_MAX);
	}
	return 0;
}

int idna_to_ascii(struct view domain, struct arena *arena, struct view *ascii, struct err *err)
{
	struct view result = domain;
	char *lower;

	if (!view_is_ascii(domain) && convert(domain, arena, &result, err) < 0)
		return -1;
	if (result.len > 0 && result.data[result.len - 1] == '.')
		result.len--;
	if (check_labels(result, err) < 0)
		return -1;
	lower = arena_alloc(arena, result.len + 1, 1);
	for (size_t i = 0; i < result.len; i++)
		lower[i] = ascii_lower(result.data[i]);
	*ascii = view_make(lower, result.len);
	return 0;
}
