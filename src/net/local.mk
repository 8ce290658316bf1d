noinst_LIBRARIES += src/libnet.a
src_libnet_a_SOURCES = \
	%D%/connect.c %D%/connect.h \
	%D%/dns.c %D%/dns.h \
	%D%/dns_answer.c %D%/dns_answer.h \
	%D%/dns_hosts.c %D%/dns_hosts.h \
	%D%/endpoint.c %D%/endpoint.h \
	%D%/https.c %D%/https.h \
	%D%/idna.c %D%/idna.h \
	%D%/stream.c %D%/stream.h %D%/stream_private.h \
	%D%/tls.c %D%/tls_private.h \
	%D%/tls_absent.c \
	%D%/tls_server.c \
	%D%/tls_trust.c
