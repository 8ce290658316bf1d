check_PROGRAMS += \
	%D%/client_parts_test
