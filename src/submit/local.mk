noinst_LIBRARIES += src/libsubmit.a
src_libsubmit_a_SOURCES =
