noinst_LIBRARIES += src/libcompose.a
src_libcompose_a_SOURCES = \
	%D%/attach.c \
	%D%/calendar.c \
	%D%/charset.c %D%/charset.h \
	%D%/compose.c %D%/compose_private.h \
	%D%/composition.h \
	%D%/flowed.c %D%/flowed.h \
	%D%/header_recipients.c \
	%D%/headers.c \
	%D%/html_ids.c \
	%D%/html_text.c %D%/html_text.h \
	%D%/identity.c \
	%D%/intake.c %D%/intake.h \
	%D%/media_magic.c \
	%D%/media_signature.c \
	%D%/media_type.c %D%/media_type.h \
	%D%/recipients.c \
	%D%/smtp_intake.c %D%/smtp_intake.h \
	%D%/structure.c \
	%D%/text.c
