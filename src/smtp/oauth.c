/* oauth - the initial responses of OAUTHBEARER (RFC 7628) and XOAUTH2, which libgsasl lacks. */
#include "smtp/oauth.h"

#include <sysexits.h>

static bool has_control(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if ((unsigned char)v.data[i] < 0x20 || v.data[i] == 0x7f)
			return true;
	return false;
}

/* The gs2-header of RFC 5801 §4 writes '=' and ',' of a name as =3D and =2C. */
static void append_saslname(struct buf *out, struct view user)
{
	for (size_t i = 0; i < user.len; i++) {
		if (user.data[i] == '=' || user.data[i] == ',')
			buf_append_str(out, user.data[i] == '=' ? "=3D" : "=2C");
		else
			buf_append_char(out, user.data[i]);
	}
}

int oauth_append_initial(struct buf *out, enum oauth_form form, struct view user, struct view host, struct view token,
			 struct err *err)
{
	if (has_control(user) || has_control(token))
		return err_set(err, EX_DATAERR, STATUS(5, 7, 8), "The %s has a control character and cannot be sent.",
			       has_control(user) ? "user name" : "OAuth token");
	if (form == OAUTH_BEARER) {
		buf_append_str(out, "n,a=");
		append_saslname(out, user);
		buf_append_char(out, ',');
		if (!view_is_empty(host) && !has_control(host)) {
			buf_append_str(out, "\1host=");
			buf_append(out, host);
		}
	} else {
		buf_append_str(out, "user=");
		buf_append(out, user);
	}
	buf_append_str(out, "\1auth=Bearer ");
	buf_append(out, token);
	buf_append_str(out, "\1\1");
	return 0;
}

struct view oauth_failure_answer(enum oauth_form form)
{
	return form == OAUTH_BEARER ? view_make("\1", 1) : view_make("", 0);
}
