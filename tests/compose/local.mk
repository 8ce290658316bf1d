check_PROGRAMS += %D%/media_signature_test
