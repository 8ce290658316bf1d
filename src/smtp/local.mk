noinst_LIBRARIES += src/libsmtp.a
src_libsmtp_a_SOURCES = \
	%D%/auth.c %D%/auth.h \
	%D%/client.c %D%/client.h \
	%D%/client_private.h \
	%D%/client_steps.c %D%/client_steps.h \
	%D%/client_transaction.c \
	%D%/command.c %D%/command.h \
	%D%/extensions.c %D%/extensions.h \
	%D%/mail_data.c %D%/mail_data.h \
	%D%/oauth.c %D%/oauth.h \
	%D%/reply_parser.c %D%/reply_parser.h \
	%D%/sasl.c %D%/sasl.h \
	%D%/server.c %D%/server.h %D%/server_private.h \
	%D%/server_auth.c \
	%D%/server_data.c \
	%D%/server_steps.c
