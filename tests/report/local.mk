check_PROGRAMS += %D%/outcome_summary_test
