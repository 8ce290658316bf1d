noinst_LIBRARIES += src/libdeliver.a
src_libdeliver_a_SOURCES = \
	%D%/connection.c %D%/deliver_private.h \
	%D%/deliver.c %D%/deliver.h \
	%D%/probe.c %D%/probe.h \
	%D%/smtp_session.c %D%/smtp_session.h
