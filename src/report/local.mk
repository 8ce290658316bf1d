noinst_LIBRARIES += src/libreport.a
src_libreport_a_SOURCES = \
	%D%/outcome_summary.c %D%/outcome_summary.h
