noinst_LIBRARIES += src/libdeliver.a
src_libdeliver_a_SOURCES = %D%/deliver.h
