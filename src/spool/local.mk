noinst_LIBRARIES += src/libspool.a
src_libspool_a_SOURCES = \
	%D%/fates.c %D%/fates.h \
	%D%/schedule.c %D%/schedule.h \
	%D%/spool.c %D%/spool.h \
	%D%/spool_commit.c %D%/spool_commit.h \
	%D%/spool_file.c %D%/spool_file.h \
	%D%/spool_log.c %D%/spool_log.h
