noinst_LIBRARIES += src/libqueue.a
src_libqueue_a_SOURCES = \
	%D%/agenda.c %D%/agenda.h \
	%D%/attempt.c %D%/attempt.h \
	%D%/become.c %D%/become.h \
	%D%/confinement.c %D%/confinement.h \
	%D%/copies.c %D%/copies.h \
	%D%/destination.c %D%/destination.h \
	%D%/facts.c %D%/facts.h \
	%D%/forward.c %D%/forward.h \
	%D%/helper.c %D%/helper.h \
	%D%/hooks.c %D%/hooks.h \
	%D%/late_aliases.c %D%/late_aliases.h \
	%D%/lifeline.c %D%/lifeline.h \
	%D%/nursery.c %D%/nursery.h \
	%D%/owed_reports.c %D%/owed_reports.h \
	%D%/packet.c %D%/packet.h \
	%D%/queue.c %D%/queue.h \
	%D%/queue_messages.c \
	%D%/queue_private.h \
	%D%/queue_start.c \
	%D%/queue_workers.c \
	%D%/removals.c %D%/removals.h \
	%D%/renewal.c %D%/renewal.h \
	%D%/resolution.c %D%/resolution.h \
	%D%/service_settings.c %D%/service_settings.h \
	%D%/spool_place.c %D%/spool_place.h \
	%D%/submission.c %D%/submission.h \
	%D%/way.c %D%/way.h \
	%D%/worker.c %D%/worker.h \
	%D%/worker_rights.c %D%/worker_rights.h
