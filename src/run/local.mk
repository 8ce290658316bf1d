noinst_LIBRARIES += src/librun.a
src_librun_a_SOURCES = \
	%D%/ask.c %D%/ask.h \
	%D%/catch.c %D%/catch.h \
	%D%/catch_maildir.c %D%/catch_maildir.h \
	%D%/control.c %D%/control.h \
	%D%/daemon.c %D%/daemon.h \
	%D%/explain.c %D%/explain.h \
	%D%/fate.c %D%/fate.h \
	%D%/handover.c %D%/handover.h \
	%D%/handover_place.c %D%/handover_place.h \
	%D%/import_verb.c %D%/import_verb.h \
	%D%/keeper.c %D%/keeper.h \
	%D%/list.c %D%/list.h \
	%D%/listener.c %D%/listener.h \
	%D%/newaliases.c %D%/newaliases.h \
	%D%/oauth_verb.c %D%/oauth_verb.h \
	%D%/output.c %D%/output.h \
	%D%/preview.c %D%/preview.h \
	%D%/queue_verb.c %D%/queue_verb.h \
	%D%/queue_words.c %D%/queue_words.h \
	%D%/request.h \
	%D%/run.c \
	%D%/selection.c %D%/selection.h \
	%D%/send.c %D%/send.h \
	%D%/serve.c %D%/serve.h \
	%D%/service.c %D%/service.h \
	%D%/session.c %D%/session.h \
	%D%/settings.c %D%/settings.h \
	%D%/settings_files.c %D%/settings_files.h \
	%D%/setup.c %D%/setup.h \
	%D%/setup_oauth.c %D%/setup_oauth.h \
	%D%/setup_private.h \
	%D%/setup_search.c %D%/setup_search.h \
	%D%/setup_secret.c \
	%D%/stdio_session.c %D%/stdio_session.h \
	%D%/steer.c %D%/steer.h \
	%D%/visit.c %D%/visit.h \
	%D%/visitors.c %D%/visitors.h \
	%D%/watch.c %D%/watch.h
