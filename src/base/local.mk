noinst_LIBRARIES += src/libbase.a
src_libbase_a_SOURCES = \
	%D%/arena.c %D%/arena.h \
	%D%/blob.c %D%/blob.h \
	%D%/buf.c %D%/buf.h \
	%D%/err.c %D%/err.h \
	%D%/escape.c %D%/escape.h \
	%D%/mem.c %D%/mem.h \
	%D%/view.c %D%/view.h
