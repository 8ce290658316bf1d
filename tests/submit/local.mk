check_PROGRAMS += \
	%D%/complete_test \
	%D%/normalize_test \
	%D%/rewrite_test
EXTRA_DIST += %D%/submitting.h
