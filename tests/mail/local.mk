check_PROGRAMS += %D%/message_test
