noinst_LIBRARIES += src/librun.a
src_librun_a_SOURCES = \
	%D%/catch_maildir.c %D%/catch_maildir.h \
	%D%/explain.c %D%/explain.h \
	%D%/facts.c %D%/facts.h \
	%D%/output.c %D%/output.h \
	%D%/preview.c %D%/preview.h \
	%D%/request.h \
	%D%/run.c \
	%D%/send.c %D%/send.h \
	%D%/serve.c %D%/serve.h \
	%D%/watch.c %D%/watch.h
