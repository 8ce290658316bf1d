/* pattern - which addresses a pattern of the configuration means. */
#include "mail/pattern.h"

static struct view take_domain(struct view path)
{
	return view_from(path, view_last_index(path, '@') + 1);
}

/* "user" also means "user+tag". */
static bool local_part_matches(struct view pattern, struct view local_part)
{
	return view_equal_nocase(pattern, local_part) ||
	       (view_index(pattern, '+') == pattern.len && view_equal_nocase(pattern, view_first(local_part, view_index(local_part, '+'))));
}

static bool domain_matches(struct view pattern, struct view domain)
{
	if (view_starts(pattern, (struct view)VIEW("*.")))
		return view_ends_nocase(domain, view_from(pattern, 1)) && domain.len > pattern.len - 1;
	return view_equal_nocase(pattern, domain);
}

bool pattern_matches(struct view pattern, struct view path)
{
	size_t at = view_last_index(pattern, '@'), path_at = view_last_index(path, '@');

	if (path_at == path.len)
		return false;
	if (at == pattern.len)
		return domain_matches(pattern, take_domain(path));
	if (!domain_matches(view_from(pattern, at + 1), take_domain(path)))
		return false;
	return at == 0 || view_equal(view_first(pattern, at), (struct view)VIEW("*")) ||
	       local_part_matches(view_first(pattern, at), view_first(path, path_at));
}
