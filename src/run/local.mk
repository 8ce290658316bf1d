noinst_LIBRARIES += src/librun.a
src_librun_a_SOURCES =
