/* local_names - which domains are this host's own. */
#include "mail/local_names.h"

bool local_names_has(const struct local_names *names, struct view domain)
{
	static const struct view always[] = {VIEW(""), VIEW("localhost"), VIEW("localhost.localdomain")};

	if (!names || names->is_off)
		return false;
	if (domain.len > 0 && domain.data[domain.len - 1] == '.')
		domain.len--;
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		if (view_equal_nocase(domain, always[i]))
			return true;
	for (size_t i = 0; i < names->domain_count; i++)
		if (view_equal_nocase(domain, names->domains[i]))
			return true;
	return view_equal_nocase(domain, names->host_name) || view_equal_nocase(domain, names->mail_name) ||
	       view_equal_nocase(domain, view_first(names->host_name, view_index(names->host_name, '.')));
}
