/* setup_private - what the files of paloma setup share. */
#ifndef RUN_SETUP_PRIVATE_H
#define RUN_SETUP_PRIVATE_H

#include "conf/secret.h"
#include "run/setup_oauth.h"
#include "run/watch.h"

/* A server that may be it, as the value of relay. */
struct candidate {
	const char *url;
	const char *shown;		/* for people: "smtp.example.org, port 465" */
	bool is_foreign;
};

struct setup {
	const struct request *request;
	struct arena *arena;
	const char *output;
	bool may_replace;		/* what is there already */
	const char *author;		/* as it was given */
	struct view path, domain;	/* of the address; A-labels */
	struct candidate *candidates;
	size_t candidate_count;
	const char *given_login;	/* null: none */
	struct secret secret;
	const char *password, *token;	/* one of both */
	bool uses_token;
	struct setup_oauth oauth;
	const char *url, *login;	/* what has been taken */
	struct watch watch;
};

#define SETUP_CLIENT_SECRET "oauth-client-secret" /* the name of its file */

/* The last value that an option gives a key; null: none does. */
const char *setup_find_override(const struct request *request, const char *key);
/* A file that is there already: whoever has it is asked. Fails with EX_CANTCREAT when it is to stay. */
int setup_settle_file(struct setup *setup, const char *file, struct err *err);
/* The configuration that options and answers make; url, login: null where there is none yet. Fails as conf_load. */
int setup_load(const struct setup *setup, const char *url, const char *login, struct conf *conf, struct err *err);
/* One session; without a login when there is neither password nor token yet. Fails as deliver_probe does. */
int setup_try_login(struct setup *setup, const struct candidate *candidate, const char *login, struct outcome *outcome, struct view *mechanisms);

/* Whether there is to be a password or a token. Fails with EX_USAGE when both are said, EX_UNAVAILABLE when the server takes no tokens. */
int setup_choose_secret(struct setup *setup, struct err *err);
/* Gets it: by options, from the terminal, or by a login at the provider. Fails as these do. */
int setup_fetch_secret(struct setup *setup, struct err *err);

#endif
