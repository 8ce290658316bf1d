check_PROGRAMS += %D%/outcome_summary_test %D%/dsn_test %D%/journal_test
