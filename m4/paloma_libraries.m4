# The libraries: headers are needed to build; the code is loaded when it is first used,
# unless --enable-direct-linking asks for ordinary linking (static builds, other systems).
AC_DEFUN([PALOMA_LIBRARY], [
  AC_ARG_WITH([$1], [AS_HELP_STRING([--without-$1], [build without $5])], [], [with_$1=yes])
  AS_IF([test "x$with_$1" != xno], [
    PKG_CHECK_MODULES([$2], [$3], [:], [
      AC_CHECK_HEADER([$4], [$2_LIBS="-l$1"], [AC_MSG_ERROR([$3 is missing; install its -dev package or say --without-$1])])
    ])
    AC_DEFINE([HAVE_$2], [1], [$5])
    PALOMA_LIB_CFLAGS="$PALOMA_LIB_CFLAGS $$2_CFLAGS"
    AS_IF([test "x$enable_direct_linking" = xyes], [PALOMA_LIB_LIBS="$PALOMA_LIB_LIBS $$2_LIBS"])
  ])
  AM_CONDITIONAL([HAVE_$2], [test "x$with_$1" != xno])
])
AC_DEFUN([PALOMA_LIBRARIES], [
  AC_ARG_ENABLE([direct-linking], [AS_HELP_STRING([--enable-direct-linking],
    [link the libraries instead of loading them on first use])], [], [enable_direct_linking=no])
  AS_IF([test "x$enable_direct_linking" = xyes],
    [AC_DEFINE([PALOMA_DIRECT_LINKING], [1], [Libraries are linked, not loaded])])
  PALOMA_LIBRARY([openssl], [OPENSSL], [openssl >= 3.0], [openssl/ssl.h], [TLS (OpenSSL)])
  PALOMA_LIBRARY([gsasl], [GSASL], [libgsasl], [gsasl.h], [SASL (GNU libgsasl)])
  PALOMA_LIBRARY([cares], [CARES], [libcares], [ares.h], [DNS (c-ares)])
  PALOMA_LIBRARY([idn2], [IDN2], [libidn2], [idn2.h], [international domain names (libidn2)])
  PALOMA_LIBRARY([magic], [MAGIC], [libmagic], [magic.h], [media types by content (libmagic)])
  PALOMA_LIBRARY([iniparser], [INIPARSER], [iniparser], [iniparser/iniparser.h], [the configuration file (libiniparser)])
  PALOMA_LIBRARY([unistring], [UNISTRING], [libunistring], [uninorm.h], [file names in one form of Unicode (libunistring)])
  PALOMA_LIBRARY([seccomp], [SECCOMP], [libseccomp], [seccomp.h], [the confinement of workers (libseccomp)])
  PALOMA_LIBRARY([curl], [CURL], [libcurl], [curl/curl.h], [OAuth tokens that renew themselves (libcurl)])
  AC_SUBST([PALOMA_LIB_CFLAGS])
  AC_SUBST([PALOMA_LIB_LIBS])
])
