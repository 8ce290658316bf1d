check_PROGRAMS += %D%/catch_maildir_test %D%/facts_test %D%/preview_test %D%/watch_test %D%/explain_test
check_PROGRAMS += %D%/agenda_test %D%/attempt_test %D%/queue_words_test %D%/destination_test %D%/lifeline_test
