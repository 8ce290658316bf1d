noinst_LIBRARIES += src/libsubmit.a
src_libsubmit_a_SOURCES = \
	%D%/complete.c %D%/complete.h \
	%D%/normalize.c %D%/normalize.h \
	%D%/rewrite.c %D%/rewrite.h
