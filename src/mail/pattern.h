/* pattern - which addresses a pattern of the configuration means. */
#ifndef MAIL_PATTERN_H
#define MAIL_PATTERN_H

#include "base/view.h"

/* True when path is "user@domain" of the pattern, "user+tag@domain" for "user@domain", or matched by "*@domain",
 * "*.domain", "@domain" or "domain". Case counts nowhere. */
bool pattern_matches(struct view pattern, struct view path);

#endif
