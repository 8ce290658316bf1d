noinst_LIBRARIES += src/libconf.a
src_libconf_a_SOURCES = \
	%D%/conf.c %D%/conf.h \
	%D%/conf_keys.c %D%/conf_keys.h %D%/conf_keys_private.h \
	%D%/conf_names.c \
	%D%/ini_file.c %D%/ini_file.h \
	%D%/relay.c %D%/relay.h \
	%D%/secret.c %D%/secret.h
