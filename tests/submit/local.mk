check_PROGRAMS += \
	%D%/alias_file_test \
	%D%/alias_test \
	%D%/complete_test \
	%D%/normalize_test \
	%D%/rewrite_test
EXTRA_DIST += %D%/submitting.h
