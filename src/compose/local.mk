noinst_LIBRARIES += src/libcompose.a
src_libcompose_a_SOURCES =
