check_PROGRAMS += \
	%D%/address_refusal_test \
	%D%/address_test \
	%D%/date_test \
	%D%/encoded_word_test \
	%D%/envelope_test \
	%D%/filename_test \
	%D%/header_parameter_test \
	%D%/header_test \
	%D%/local_names_test \
	%D%/mailbox_test \
	%D%/mailto_test \
	%D%/message_reader_test \
	%D%/message_test \
	%D%/mime_parse_test \
	%D%/mime_test \
	%D%/msgid_test \
	%D%/outcome_test \
	%D%/pattern_test \
	%D%/qualify_test \
	%D%/scan_test \
	%D%/scan_vector_test \
	%D%/transfer_test

EXTRA_DIST += %D%/read_back.h %D%/texts.h
