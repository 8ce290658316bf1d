check_PROGRAMS += %D%/connect_test %D%/dns_answer_test %D%/dns_hosts_test %D%/dns_names_test %D%/dns_test %D%/endpoint_test \
	%D%/idna_test %D%/stream_pair_test %D%/stream_test %D%/tls_server_test %D%/tls_stream_test %D%/tls_test
TLS_TEST_CPPFLAGS = $(AM_CPPFLAGS) -DCERTIFICATES='"$(abs_srcdir)/%D%/certificates"'
tests_net_tls_server_test_CPPFLAGS = $(TLS_TEST_CPPFLAGS)
tests_net_tls_stream_test_CPPFLAGS = $(TLS_TEST_CPPFLAGS)
tests_net_tls_test_CPPFLAGS = $(TLS_TEST_CPPFLAGS)
EXTRA_DIST += %D%/certificates %D%/deadlines.h %D%/dns_packet.h %D%/dns_scene.h %D%/tls_peer.h
