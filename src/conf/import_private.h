/* import_private - what the readers of other programs' settings share. */
#ifndef CONF_IMPORT_PRIVATE_H
#define CONF_IMPORT_PRIVATE_H

#include "conf/import.h"

int import_msmtp(struct import *import, struct err *err);
int import_ssmtp(struct import *import, struct err *err);
int import_dma(struct import *import, struct err *err);
int import_nullmailer(struct import *import, struct err *err);

/* The text of a file, in the arena. is_missing: null when it has to be there. Fails with EX_NOINPUT. */
int import_read(const struct import *import, const char *path, bool *is_missing, struct view *text, struct err *err);
/* "PATH:LINE". */
struct view import_origin(const struct import *import, const char *path, unsigned line);
/* With ~ in front replaced. */
struct view import_file_name(const struct import *import, struct view name);
/* Says that a setting stays behind, and why: a sentence without its beginning, as "has no equivalent". */
void import_leave(const struct import *import, struct view section, struct view origin, struct view name, const char *why);

/* A word of another program's file. */
struct import_word {
	struct view word;
	size_t offset;			/* of the view that it sets in what is read; 0: none */
	const char *why_not;		/* as in import_leave; null: it is not missed */
};

struct import_words {
	const char *file;		/* "dma.conf" */
	bool any_case;
	const struct import_word *rows;
	size_t count;
};

/* Sets the member of *reading that is meant by word, or says why it is left out. The value is the row; null: paloma knows no
 * such word, which has been said. */
const struct import_word *import_take_word(const struct import *import, const struct import_words *words, struct view word, struct view value,
					   struct view origin, void *reading);

/* [relay NAME] for a name that may be none of a section as it is. */
struct view import_section(const struct import *import, struct view name);

enum import_tls { IMPORT_PLAIN, IMPORT_OPPORTUNISTIC, IMPORT_STARTTLS, IMPORT_IMPLICIT };

/* Whether the server had to show who it is. */
enum import_proof { IMPORT_VERIFIED, IMPORT_NEVER_VERIFIED, IMPORT_VERIFICATION_OFF };

/* A server with all that is said of it; empty where nothing is. */
struct import_server {
	struct view host, socket;	/* one of both */
	unsigned port;			/* 0: the usual one */
	bool is_lmtp;
	enum import_tls tls;
	enum import_proof proof;
	struct view user, password, password_command;
	bool password_is_token;
	struct view mechanism;
	struct view ca_file, cert_file, key_file, pin;
	struct view origin;
};

/* "smtps://user@host:port". */
struct view import_url(const struct import *import, const struct import_server *server);
/* Everything about the server into the section, [paloma] or [relay NAME]. more: further URLs, after a comma; or empty. */
void import_write_server(const struct import *import, struct view section, const struct import_server *server, struct view more);

/* True for a number of a port. */
bool import_port(struct view text, unsigned *port);
bool import_is_yes(struct view text);

#endif
