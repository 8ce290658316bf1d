/* conf_keys - the table of keys: section, type, where the value goes, default, help. */
#ifndef CONF_CONF_KEYS_H
#define CONF_CONF_KEYS_H

#include "conf/conf.h"

/* What a value is set in; those that the section has are not null. */
struct conf_target {
	struct conf *conf;
	struct relay *relay;
	struct route_rule *rule;
	struct rewrite_rule *rewrite;
};

struct conf_row {
	struct conf_key shown;
	/* Sets the value; fails with EX_CONFIG and a sentence without the place. */
	int (*set)(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err);
	size_t offset;			/* of the field, for the setters of plain types */
	bool in_relay;			/* the field is one of struct relay, not of struct conf */
	bool is_credential;		/* goes with the relay: one from a place of lower rank is not shown to it, nor asked of it */
	bool is_tls_demand;		/* goes with the relay: one from a place of lower rank may only ask for more */
};

extern const struct conf_row conf_rows[];
extern const size_t conf_row_count;

/* The row of a key in a section of that kind; null when there is none. */
const struct conf_row *conf_find_row(unsigned section, struct view key);

#endif
