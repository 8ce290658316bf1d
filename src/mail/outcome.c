/* outcome - what became of one recipient (RFC 3464 §2.3). */
#include "mail/outcome.h"

const char *outcome_phase_text(enum outcome_phase phase)
{
	static const char *const texts[] = {
		[PHASE_ROUTE] = "while looking for the way",
		[PHASE_CONNECT] = "while connecting",
		[PHASE_TLS] = "while starting TLS",
		[PHASE_GREETING] = "in the greeting",
		[PHASE_HELLO] = "in reply to EHLO",
		[PHASE_AUTH] = "in reply to AUTH",
		[PHASE_MAIL] = "in reply to MAIL FROM",
		[PHASE_RCPT] = "in reply to RCPT TO",
		[PHASE_DATA] = "in reply to DATA",
		[PHASE_END_OF_DATA] = "in reply to the end of data",
		[PHASE_LOCAL] = "while delivering locally",
	};

	return texts[phase];
}

const char *outcome_action_text(enum outcome_action action)
{
	static const char *const texts[] = {
		[OUTCOME_PENDING] = "delayed", /* not tried is no failure */
		[OUTCOME_DELIVERED] = "delivered",
		[OUTCOME_RELAYED] = "relayed",
		[OUTCOME_DELAYED] = "delayed",
		[OUTCOME_FAILED] = "failed",
	};

	return texts[action];
}
