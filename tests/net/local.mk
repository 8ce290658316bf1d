check_PROGRAMS += %D%/connect_test %D%/endpoint_test %D%/idna_test
