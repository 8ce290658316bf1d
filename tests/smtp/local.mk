check_PROGRAMS += \
	%D%/auth_test \
	%D%/client_parts_test \
	%D%/client_test \
	%D%/mail_data_test \
	%D%/oauth_test \
	%D%/sasl_test \
	%D%/server_test \
	%D%/smuggling_test \
	%D%/sweep_test
tests_smtp_client_test_CPPFLAGS = $(AM_CPPFLAGS) -DTRANSCRIPTS='"$(abs_srcdir)/%D%/transcripts"'
tests_smtp_server_test_CPPFLAGS = $(AM_CPPFLAGS) -DTRANSCRIPTS='"$(abs_srcdir)/%D%/server_transcripts"'
EXTRA_DIST += %D%/transcript.h %D%/transcripts %D%/server_transcripts
