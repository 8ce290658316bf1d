noinst_LIBRARIES += src/libroute.a
src_libroute_a_SOURCES = \
	%D%/local_way.c %D%/local_way.h \
	%D%/mx.c %D%/mx.h \
	%D%/mx_hosts.c %D%/mx_hosts.h \
	%D%/route.c %D%/route.h
