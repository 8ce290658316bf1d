check_PROGRAMS += \
	%D%/deliver_test \
	%D%/line_writer_test \
	%D%/local_test \
	%D%/maildir_test \
	%D%/mbox_test \
	%D%/pipe_test \
	%D%/probe_test \
	%D%/smtp_connection_test \
	%D%/smtp_session_test
EXTRA_DIST += %D%/local_user.h %D%/peer.h %D%/play.h
