noinst_LIBRARIES += src/libbase.a
src_libbase_a_SOURCES = \
	%D%/arena.c %D%/arena.h \
	%D%/base64.c %D%/base64.h \
	%D%/blob.c %D%/blob.h \
	%D%/buf.c %D%/buf.h \
	%D%/clock.c %D%/clock.h \
	%D%/crc32c.c %D%/crc32c.h \
	%D%/descriptors.c %D%/descriptors.h \
	%D%/digest.c %D%/digest.h \
	%D%/err.c %D%/err.h \
	%D%/escape.c %D%/escape.h \
	%D%/file.c %D%/file.h \
	%D%/file_store.c %D%/file_store.h \
	%D%/hash.c %D%/hash.h \
	%D%/json.c %D%/json.h \
	%D%/json_read.c %D%/json_read.h \
	%D%/log.c %D%/log.h \
	%D%/library.c %D%/library.h \
	%D%/mem.c %D%/mem.h \
	%D%/nearest.c %D%/nearest.h \
	%D%/nfc.c %D%/nfc.h \
	%D%/process.c %D%/process.h \
	%D%/random.c %D%/random.h \
	%D%/sandbox.c %D%/sandbox.h %D%/sandbox_filter.c %D%/sandbox_private.h \
	%D%/service_manager.c %D%/service_manager.h \
	%D%/syncer.c %D%/syncer.h \
	%D%/view.c %D%/view.h
