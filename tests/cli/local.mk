check_PROGRAMS += %D%/options_test %D%/tables_test %D%/personality_test
EXTRA_DIST += %D%/parsing.h
