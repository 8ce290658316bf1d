noinst_LIBRARIES += src/libcli.a
src_libcli_a_SOURCES = \
	%D%/completion.c %D%/completion.h \
	%D%/options.c %D%/options.h %D%/options_dsn.c \
	%D%/paloma_options.c %D%/paloma_options.h \
	%D%/personality.c %D%/personality.h \
	%D%/sendmail_options.c %D%/sendmail_options.h %D%/sendmail_private.h %D%/sendmail_settings.c \
	%D%/usage.c %D%/usage.h
