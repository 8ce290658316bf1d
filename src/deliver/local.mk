noinst_LIBRARIES += src/libdeliver.a
src_libdeliver_a_SOURCES = \
	%D%/connection.c %D%/deliver_private.h \
	%D%/deliver.c %D%/deliver.h \
	%D%/line_writer.c %D%/line_writer.h \
	%D%/local.c %D%/local.h \
	%D%/maildir.c %D%/maildir.h \
	%D%/mbox.c %D%/mbox.h \
	%D%/pipe.c %D%/pipe.h \
	%D%/probe.c %D%/probe.h \
	%D%/smtp_session.c %D%/smtp_session.h
