EXTRA_DIST += %D%/run %D%/test_fuzz.py %D%/corpus %D%/addresses_fuzz.c %D%/aliases_fuzz.c %D%/commands_fuzz.c %D%/configuration_fuzz.c %D%/dns_fuzz.c %D%/headers_fuzz.c \
	%D%/html_fuzz.c %D%/imports_fuzz.c %D%/replies_fuzz.c %D%/spool_fuzz.c

# What tests/fuzz/run builds and finds; make clean leaves it, for it may have found something.
distclean-local:
	rm -rf build/fuzz
