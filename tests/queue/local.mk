check_PROGRAMS += %D%/agenda_test %D%/attempt_test %D%/destination_test %D%/facts_test %D%/lifeline_test
