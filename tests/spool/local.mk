check_PROGRAMS += \
	%D%/fates_test \
	%D%/schedule_test \
	%D%/spool_commit_test \
	%D%/spool_envelope_test \
	%D%/spool_file_test \
	%D%/spool_log_test \
	%D%/spool_test
EXTRA_DIST += %D%/folder.h %D%/one_file.h
