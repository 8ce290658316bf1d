noinst_LIBRARIES += src/libnet.a
src_libnet_a_SOURCES = \
	%D%/connect.c %D%/connect.h \
	%D%/dns.h \
	%D%/endpoint.c %D%/endpoint.h \
	%D%/idna.c %D%/idna.h \
	%D%/stream.c %D%/stream.h %D%/stream_private.h
