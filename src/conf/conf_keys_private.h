/* conf_keys_private - what the files that read values share. */
#ifndef CONF_CONF_KEYS_PRIVATE_H
#define CONF_CONF_KEYS_PRIVATE_H

#include <sysexits.h>
#include "conf/conf_keys.h"

static inline void *field_of(const struct conf_row *row, const struct conf_target *target)
{
	return (row->in_relay ? (char *)target->relay : (char *)target->conf) + row->offset;
}

static inline int fail(const struct conf_row *row, struct view value, const char *wanted, struct err *err)
{
	return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%.*s is %s, not \"%.*s\".", VIEW_ARG(row->shown.key), wanted, VIEW_ARG(value));
}

/* Setters of rows, as struct conf_row tells. */
int conf_set_users(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err);
int conf_set_from_policy(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err);
int conf_set_aliases(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err);
int conf_set_aliases_user(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err);
int conf_set_delimiters(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err);
int conf_set_rewrite(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err);

#endif
