noinst_LIBRARIES += src/libsmtp.a
src_libsmtp_a_SOURCES =
