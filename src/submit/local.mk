noinst_LIBRARIES += src/libsubmit.a
src_libsubmit_a_SOURCES = \
	%D%/alias.c %D%/alias.h %D%/alias_private.h \
	%D%/alias_check.c %D%/alias_check.h \
	%D%/alias_expand.c \
	%D%/alias_file.c %D%/alias_file.h \
	%D%/alias_find.c \
	%D%/complete.c %D%/complete.h \
	%D%/normalize.c %D%/normalize.h \
	%D%/rewrite.c %D%/rewrite.h
