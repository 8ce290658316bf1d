noinst_LIBRARIES += src/librun.a
src_librun_a_SOURCES = \
	%D%/agenda.c %D%/agenda.h \
	%D%/ask.c %D%/ask.h \
	%D%/attempt.c %D%/attempt.h \
	%D%/become.c %D%/become.h \
	%D%/catch.c %D%/catch.h \
	%D%/catch_maildir.c %D%/catch_maildir.h \
	%D%/confinement.c %D%/confinement.h \
	%D%/control.c %D%/control.h \
	%D%/copies.c %D%/copies.h \
	%D%/daemon.c %D%/daemon.h \
	%D%/destination.c %D%/destination.h \
	%D%/explain.c %D%/explain.h \
	%D%/facts.c %D%/facts.h \
	%D%/forward.c %D%/forward.h \
	%D%/handover.c %D%/handover.h \
	%D%/handover_place.c %D%/handover_place.h \
	%D%/helper.c %D%/helper.h \
	%D%/hooks.c %D%/hooks.h \
	%D%/import_verb.c %D%/import_verb.h \
	%D%/keeper.c %D%/keeper.h \
	%D%/late_aliases.c %D%/late_aliases.h \
	%D%/lifeline.c %D%/lifeline.h \
	%D%/list.c %D%/list.h \
	%D%/listener.c %D%/listener.h \
	%D%/newaliases.c %D%/newaliases.h \
	%D%/nursery.c %D%/nursery.h \
	%D%/oauth_verb.c %D%/oauth_verb.h \
	%D%/output.c %D%/output.h \
	%D%/owed_reports.c %D%/owed_reports.h \
	%D%/packet.c %D%/packet.h \
	%D%/preview.c %D%/preview.h \
	%D%/queue.c %D%/queue.h %D%/queue_private.h \
	%D%/queue_start.c %D%/queue_messages.c %D%/queue_workers.c \
	%D%/queue_verb.c %D%/queue_verb.h \
	%D%/queue_words.c %D%/queue_words.h \
	%D%/renewal.c %D%/renewal.h \
	%D%/request.h \
	%D%/resolution.c %D%/resolution.h \
	%D%/run.c \
	%D%/selection.c %D%/selection.h \
	%D%/send.c %D%/send.h \
	%D%/serve.c %D%/serve.h \
	%D%/service.c %D%/service.h \
	%D%/service_settings.c %D%/service_settings.h \
	%D%/session.c %D%/session.h \
	%D%/settings.c %D%/settings.h \
	%D%/stdio_session.c %D%/stdio_session.h \
	%D%/settings_files.c %D%/settings_files.h \
	%D%/setup.c %D%/setup.h %D%/setup_private.h \
	%D%/setup_oauth.c %D%/setup_oauth.h \
	%D%/setup_secret.c \
	%D%/setup_search.c %D%/setup_search.h \
	%D%/steer.c %D%/steer.h \
	%D%/submission.c %D%/submission.h \
	%D%/visit.c %D%/visit.h \
	%D%/visitors.c %D%/visitors.h \
	%D%/watch.c %D%/watch.h \
	%D%/way.c %D%/way.h \
	%D%/worker.c %D%/worker.h
