check_PROGRAMS += \
	%D%/attach_test \
	%D%/charset_test \
	%D%/compose_test \
	%D%/flowed_test \
	%D%/headers_test \
	%D%/html_ids_test \
	%D%/html_text_test \
	%D%/identity_test \
	%D%/intake_test \
	%D%/media_signature_test \
	%D%/media_type_test \
	%D%/text_test
EXTRA_DIST += %D%/composing.h
