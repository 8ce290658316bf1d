noinst_LIBRARIES += src/libroute.a
src_libroute_a_SOURCES = \
	%D%/mx.c %D%/mx.h \
	%D%/route.c %D%/route.h
