noinst_LIBRARIES += src/libmail.a
src_libmail_a_SOURCES = \
	%D%/address.c %D%/address.h \
	%D%/address_path.c \
	%D%/date.c %D%/date.h \
	%D%/encoded_word.c %D%/encoded_word.h \
	%D%/envelope.c %D%/envelope.h \
	%D%/filename.c %D%/filename.h \
	%D%/header.c %D%/header.h \
	%D%/hop.h \
	%D%/local_names.c %D%/local_names.h \
	%D%/mailbox.c %D%/mailbox.h \
	%D%/mailto.c \
	%D%/message.c %D%/message.h \
	%D%/message_reader.c \
	%D%/mime.c %D%/mime.h \
	%D%/mime_parse.c \
	%D%/msgid.c %D%/msgid.h \
	%D%/outcome.c %D%/outcome.h \
	%D%/pattern.c %D%/pattern.h \
	%D%/qualify.c %D%/qualify.h \
	%D%/relay.h \
	%D%/reply.c %D%/reply.h \
	%D%/scan.c %D%/scan.h \
	%D%/transfer.c %D%/transfer.h
