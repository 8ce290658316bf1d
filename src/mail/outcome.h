/* outcome - what became of one recipient (RFC 3464 §2.3). */
#ifndef MAIL_OUTCOME_H
#define MAIL_OUTCOME_H

#include "mail/reply.h"

enum outcome_action { OUTCOME_PENDING, OUTCOME_DELIVERED, OUTCOME_RELAYED, OUTCOME_DELAYED, OUTCOME_FAILED };

/* In which phase it was decided; mail/outcome.c has a phrase for each. */
enum outcome_phase {
	PHASE_ROUTE, PHASE_CONNECT, PHASE_TLS, PHASE_GREETING, PHASE_HELLO, PHASE_AUTH, PHASE_MAIL, PHASE_RCPT,
	PHASE_DATA, PHASE_END_OF_DATA, PHASE_LOCAL,
};

struct outcome {
	size_t recipient;		/* index into the envelope */
	enum outcome_action action;
	enum outcome_phase phase;
	struct err err;			/* exit_code 0 when delivered */
	struct reply reply;		/* code 0 when the server had no say */
	struct view remote_mta;		/* "mx.example.org[192.0.2.1]:25"; empty: none was reached */
	struct view tls;		/* "TLSv1.3 TLS_AES_256_GCM_SHA384 verified"; empty: plain */
	bool maybe_delivered;		/* cut off between the end of data and its reply (RFC 1047) */
	bool is_lmtp;			/* tried by LMTP */
	bool token_refused;		/* nothing was tried, for want of an access token that the server takes */
	bool dsn_passed_on;		/* the next host knows DSN and was told the wishes: its reports, not ours (RFC 3461 §5.2.1) */
	unsigned setup_ms, transfer_ms;	/* to reach the server and log in; to hand this message over */
};

/* "in reply to RCPT TO". */
const char *outcome_phase_text(enum outcome_phase phase);
/* "delivered", "relayed", "delayed", "failed" (RFC 3464 §2.3.3). */
const char *outcome_action_text(enum outcome_action action);

#endif
