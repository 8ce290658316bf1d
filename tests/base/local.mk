check_PROGRAMS += %D%/view_test %D%/buf_test %D%/err_test %D%/blob_test %D%/base64_test %D%/crc32c_test %D%/descriptors_test %D%/digest_test \
	%D%/process_test %D%/arena_test %D%/escape_test %D%/file_test %D%/file_store_test %D%/hash_test %D%/json_test %D%/json_read_test %D%/library_test %D%/mem_test \
	%D%/nearest_test %D%/nfc_test %D%/random_test %D%/log_test %D%/sandbox_test %D%/syncer_test
