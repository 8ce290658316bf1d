check_PROGRAMS += \
	%D%/attach_test \
	%D%/calendar_test \
	%D%/charset_test \
	%D%/compose_test \
	%D%/flowed_test \
	%D%/header_recipients_test \
	%D%/headers_test \
	%D%/html_ids_test \
	%D%/html_text_test \
	%D%/identity_test \
	%D%/intake_test \
	%D%/media_signature_test \
	%D%/media_type_test \
	%D%/recipients_test \
	%D%/smtp_intake_test \
	%D%/structure_test \
	%D%/text_test
EXTRA_DIST += %D%/composing.h
