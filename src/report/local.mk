noinst_LIBRARIES += src/libreport.a
src_libreport_a_SOURCES = \
	%D%/dsn.c %D%/dsn.h %D%/dsn_private.h \
	%D%/dsn_fields.c %D%/dsn_text.c \
	%D%/journal.c %D%/journal.h \
	%D%/outcome_summary.c %D%/outcome_summary.h
