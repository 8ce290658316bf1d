check_PROGRAMS += \
	%D%/message_test \
	%D%/mime_test
