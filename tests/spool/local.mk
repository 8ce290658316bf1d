check_PROGRAMS += \
	%D%/spool_commit_test \
	%D%/spool_test
EXTRA_DIST += %D%/folder.h
