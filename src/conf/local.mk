noinst_LIBRARIES += src/libconf.a
src_libconf_a_SOURCES = \
	%D%/conf.c %D%/conf.h \
	%D%/conf_keys.c %D%/conf_keys.h %D%/conf_keys_private.h \
	%D%/conf_names.c \
	%D%/conf_keys.c %D%/conf_keys.h \
	%D%/environment.c %D%/environment.h \
	%D%/import.c %D%/import.h %D%/import_private.h \
	%D%/import_dma.c %D%/import_msmtp.c %D%/import_nullmailer.c %D%/import_ssmtp.c \
	%D%/ini_file.c %D%/ini_file.h \
	%D%/oauth.c %D%/oauth.h \
	%D%/oauth_login.c %D%/oauth_login.h \
	%D%/oauth_store.c %D%/oauth_store.h \
	%D%/places.c %D%/places.h \
	%D%/relay.c %D%/relay.h \
	%D%/secret.c %D%/secret.h \
	%D%/settings.c %D%/settings.h
