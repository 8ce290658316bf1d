noinst_LIBRARIES += src/libsmtp.a
src_libsmtp_a_SOURCES = \
	%D%/command.c %D%/command.h \
	%D%/extensions.c %D%/extensions.h \
	%D%/mail_data.c %D%/mail_data.h \
	%D%/reply_parser.c %D%/reply_parser.h
