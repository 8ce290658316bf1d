check_PROGRAMS += \
	%D%/client_parts_test \
	%D%/client_test
tests_smtp_client_test_CPPFLAGS = $(AM_CPPFLAGS) -DTRANSCRIPTS='"$(abs_srcdir)/%D%/transcripts"'
EXTRA_DIST += %D%/transcripts
