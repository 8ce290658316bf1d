check_PROGRAMS += \
	%D%/client_parts_test \
	%D%/client_test \
	%D%/server_test \
	%D%/smuggling_test
tests_smtp_client_test_CPPFLAGS = $(AM_CPPFLAGS) -DTRANSCRIPTS='"$(abs_srcdir)/%D%/transcripts"'
tests_smtp_server_test_CPPFLAGS = $(AM_CPPFLAGS) -DTRANSCRIPTS='"$(abs_srcdir)/%D%/server_transcripts"'
EXTRA_DIST += %D%/transcript.h %D%/transcripts %D%/server_transcripts
