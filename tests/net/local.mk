check_PROGRAMS += %D%/connect_test %D%/dns_answer_test %D%/dns_hosts_test %D%/dns_test %D%/endpoint_test %D%/idna_test \
	%D%/stream_test
EXTRA_DIST += %D%/dns_packet.h
