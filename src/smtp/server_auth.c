/* server_auth - logging in, as the server: PLAIN and LOGIN (RFC 4954, 4616). */
#include "base/base64.h"
#include "smtp/server_private.h"

bool server_may_auth(const struct smtp_server *server)
{
	return server->options.offer_auth && (server->tls_active || server->options.auth_in_clear);
}

static void judge_login(struct smtp_server *server, struct view user, struct view password)
{
	struct err err;

	server->state = SERVER_COMMAND;
	if (server->sink->authenticate(server->context, user, password, &err) < 0) {
		server_refuse(server, err_is_transient(&err) ? 454 : 535, err.status, "%s", err.text);
		return;
	}
	server->user = arena_copy(server->session, user);
	server_reply(server, 235, STATUS(2, 7, 0), "Logged in");
}

/* authzid NUL authcid NUL password (RFC 4616). */
static void take_plain(struct smtp_server *server, struct view message)
{
	bool had_first, had_second;
	struct view user;

	view_take_until(&message, '\0', &had_first);
	user = view_take_until(&message, '\0', &had_second);
	if (had_first && had_second) {
		judge_login(server, user, message);
		return;
	}
	server->state = SERVER_COMMAND;
	server_refuse(server, 501, STATUS(5, 5, 2), "This is no answer of PLAIN");
}

void server_take_auth_line(struct smtp_server *server, struct view line)
{
	bool is_cancelled = view_equal(line, (struct view)VIEW("*"));
	struct buf decoded;

	buf_init(&decoded, SERVER_AUTH_LINE_MAX);
	buf_reserve(&decoded, SERVER_AUTH_LINE_MAX - 1);
	if (is_cancelled || !base64_append_decoded(&decoded, line)) {
		server->state = SERVER_COMMAND;
		server_refuse(server, 501, STATUS(5, 5, 2), is_cancelled ? "Cancelled" : "This is not base64");
	} else if (server->auth == SERVER_AUTH_PLAIN) {
		take_plain(server, buf_view(&decoded));
	} else if (server->auth == SERVER_AUTH_LOGIN_USER) {
		server->auth_user = arena_copy(server->session, buf_view(&decoded));
		server->auth = SERVER_AUTH_LOGIN_PASSWORD;
		server_reply(server, 334, STATUS(0, 0, 0), "UGFzc3dvcmQ6");
	} else {
		judge_login(server, server->auth_user, buf_view(&decoded));
	}
	buf_wipe(&decoded);
}

void server_take_auth(struct smtp_server *server, struct view argument)
{
	struct view mechanism = view_take_until(&argument, ' ', NULL);
	bool is_plain = view_equal_nocase(mechanism, (struct view)VIEW("PLAIN"));

	if (!server->options.offer_auth) {
		server_refuse(server, 502, STATUS(5, 5, 1), "Nobody can log in here");
	} else if (!server_may_auth(server)) {
		server_refuse(server, 538, STATUS(5, 7, 11), "Passwords are taken under TLS only");
	} else if (server->user.len > 0) {
		server_refuse(server, 503, STATUS(5, 5, 1), "Somebody is logged in already");
	} else if (!is_plain && !view_equal_nocase(mechanism, (struct view)VIEW("LOGIN"))) {
		server_refuse(server, 504, STATUS(5, 5, 4), "The mechanisms here are PLAIN and LOGIN");
	} else {
		server->auth = is_plain ? SERVER_AUTH_PLAIN : SERVER_AUTH_LOGIN_USER;
		server->state = SERVER_AUTH;
		if (argument.len > 0)
			server_take_auth_line(server, view_equal(argument, (struct view)VIEW("=")) ? (struct view){0} : argument);
		else
			server_reply(server, 334, STATUS(0, 0, 0), "%s", is_plain ? "" : "VXNlcm5hbWU6");
	}
}
