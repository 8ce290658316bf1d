check_PROGRAMS += %D%/connect_test
