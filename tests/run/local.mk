check_PROGRAMS += %D%/catch_maildir_test %D%/explain_test %D%/preview_test %D%/queue_words_test %D%/steer_test %D%/watch_test
