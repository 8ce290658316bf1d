check_PROGRAMS += %D%/view_test %D%/buf_test %D%/err_test %D%/blob_test %D%/base64_test %D%/digest_test \
	%D%/process_test
