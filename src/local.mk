bin_PROGRAMS += src/paloma
src_paloma_SOURCES = %D%/main.c
src_paloma_LDADD = $(PALOMA_ROWS) $(PALOMA_LIB_LIBS)
