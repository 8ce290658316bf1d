check_PROGRAMS += \
	%D%/deliver_test \
	%D%/probe_test \
	%D%/smtp_connection_test \
	%D%/smtp_session_test
EXTRA_DIST += %D%/peer.h %D%/play.h
