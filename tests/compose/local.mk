check_PROGRAMS += \
	%D%/intake_test \
	%D%/media_signature_test
EXTRA_DIST += %D%/composing.h
