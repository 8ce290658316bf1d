/* secret - passwords and tokens: where they come from, and that they go again. */
#include "conf/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sysexits.h>
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "conf/oauth.h"

enum { SECRET_MAX = 16 * 1024, COMMAND_TIMEOUT_MS = 60 * 1000 };

/* The first line is the secret: editors and echo put a line end behind it. */
static int keep_first_line(struct buf *text, const char *origin, struct err *err)
{
	struct view rest = buf_view(text), line = {0};

	view_take_line(&rest, &line);
	if (line.len == 0)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s gives an empty password.", origin);
	if (memchr(line.data, '\0', line.len))
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s gives a password with a NUL in it.", origin);
	buf_truncate(text, line.len);
	buf_str(text);
	return 0;
}

static int from_file(const char *path, struct buf *text, struct err *err)
{
	if (file_read(path, FILE_SECRET, false, NULL, text, err) < 0)
		return -1;
	return keep_first_line(text, path, err);
}

static int from_command(const char *key, const char *command, struct buf *text, struct err *err)
{
	const char *argv[] = {"/bin/sh", "-c", command, NULL};

	if (process_capture(argv, COMMAND_TIMEOUT_MS, text, err) < 0)
		return err_prefix(err, "%s: ", key);
	return keep_first_line(text, key, err);
}

static int from_environment(struct buf *text, bool *found, struct err *err)
{
	const char *password = getauxval(AT_SECURE) ? NULL : getenv("PALOMA_PASSWORD");
	const char *folder = getauxval(AT_SECURE) ? NULL : getenv("CREDENTIALS_DIRECTORY");
	bool missing = true;
	char path[4096];

	*found = false;
	if (password && password[0]) {
		buf_append_str(text, password);
		*found = true;
		return keep_first_line(text, "PALOMA_PASSWORD", err);
	}
	if (!folder || (size_t)snprintf(path, sizeof path, "%s/paloma-password", folder) >= sizeof path)
		return 0;
	if (file_read(path, FILE_SECRET, true, &missing, text, err) < 0)
		return -1;
	*found = !missing;
	return missing ? 0 : keep_first_line(text, path, err);
}

static int find_password(const struct relay *relay, bool is_default, struct buf *text, bool *found, struct err *err)
{
	*found = true;
	if (relay->password_command)
		return from_command("password_command", relay->password_command, text, err);
	if (relay->password_file)
		return from_file(relay->password_file, text, err);
	*found = false;
	return is_default ? from_environment(text, found, err) : 0;
}

int secret_resolve(const struct relay *relay, bool is_default, struct secret *secret, struct credentials *credentials, struct err *err)
{
	static const struct rlimit no_core; /* which would hold it, for whoever reads the disk */
	bool found = false;

	*credentials = relay->credentials;
	buf_init(&secret->text, SECRET_MAX);
	buf_init(&secret->token, SECRET_MAX);
	if (credentials->user.len == 0)
		return 0;
	setrlimit(RLIMIT_CORE, &no_core);
	buf_reserve(&secret->text, SECRET_MAX); /* growing would leave a copy behind */
	buf_reserve(&secret->token, SECRET_MAX);
	if (relay->oauth_token_command) {
		if (from_command("oauth_token_command", relay->oauth_token_command, &secret->token, err) < 0)
			return -1;
		credentials->token = buf_str(&secret->token);
	} else if (oauth_is_set(relay)) {
		if (oauth_access_token(relay, (struct view){0}, time(NULL), &secret->token, err) < 0)
			return -1;
		credentials->token = buf_str(&secret->token);
	}
	if (find_password(relay, is_default, &secret->text, &found, err) < 0)
		return -1;
	if (found)
		credentials->secret = buf_str(&secret->text);
	if (!found && !credentials->token && !view_equal_nocase(credentials->mechanisms, (struct view)VIEW("EXTERNAL")) &&
	    !view_equal_nocase(credentials->mechanisms, (struct view)VIEW("GSSAPI")))
		return err_set(err, EX_NOPERM, STATUS(5, 7, 8),
			       "There is no password for the user %.*s; set password_file or password_command, or PALOMA_PASSWORD in the environment.",
			       VIEW_ARG(credentials->user));
	return 0;
}

bool secret_is_renewable(const struct relay *relay, const struct secret *secret)
{
	return !relay->oauth_token_command && oauth_is_set(relay) && secret->token.len > 0;
}

void secret_take_token(struct secret *secret, struct view token, struct credentials *credentials)
{
	mem_wipe(secret->token.data, secret->token.len);
	buf_reset(&secret->token);
	buf_append(&secret->token, token);
	credentials->token = buf_str(&secret->token);
}

int secret_renew(const struct relay *relay, struct secret *secret, struct credentials *credentials, bool *is_new, struct err *err)
{
	struct buf token;
	int result;

	buf_init(&token, SECRET_MAX);
	buf_reserve(&token, SECRET_MAX); /* growing would leave a copy behind */
	result = oauth_access_token(relay, buf_view(&secret->token), time(NULL), &token, err);
	*is_new = result == 0 && !view_equal(buf_view(&token), buf_view(&secret->token));
	if (*is_new)
		secret_take_token(secret, buf_view(&token), credentials);
	buf_wipe(&token);
	return result;
}

void secret_forget_environment(void)
{
	char *password = getenv("PALOMA_PASSWORD");

	if (password)
		explicit_bzero(password, strlen(password));
	unsetenv("PALOMA_PASSWORD");
}

void secret_clear(struct secret *secret)
{
	buf_wipe(&secret->text);
	buf_wipe(&secret->token);
}
