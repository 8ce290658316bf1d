# The libraries: headers are needed to build; the code is loaded when it is first used,
# unless --enable-direct-linking asks for ordinary linking (static builds, other systems).
# The name that a program has of a library which is linked here: the one to be loaded. $1: as in -l, $2: variable, $3: where nobody can tell.
AC_DEFUN([PALOMA_SONAME], [
  AC_CACHE_CHECK([what lib$1 is called when it is loaded], [paloma_cv_soname_$1], [
    paloma_cv_soname_$1=unknown
    paloma_save="$LIBS"
    LIBS="-Wl,--no-as-needed $$2_LIBS $LIBS"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [
      paloma_soname=`$READELF -d conftest$ac_exeext 2>/dev/null | tr '@<:@@:>@' '\n\n' | grep '^lib$1[[.]]so' | sed 1q`
      AS_IF([test "x$paloma_soname" != x], [paloma_cv_soname_$1=$paloma_soname])
    ])
    LIBS="$paloma_save"
  ])
  AS_IF([test "x$paloma_cv_soname_$1" = xunknown], [
    AS_IF([test "x$enable_direct_linking" != xyes], [AC_MSG_WARN([lib$1 is taken for $3])])
    paloma_cv_soname_$1=$3
  ])
  AC_DEFINE_UNQUOTED([SONAME_$2], ["$paloma_cv_soname_$1"], [What is loaded when lib$1 is needed])
])
AC_DEFUN([PALOMA_LIBRARY], [
  AC_ARG_WITH([$1], [AS_HELP_STRING([--without-$1], [build without $5])], [], [with_$1=yes])
  AS_IF([test "x$with_$1" != xno], [
    PKG_CHECK_MODULES([$2], [$3], [:], [
      AC_CHECK_HEADER([$4], [$2_LIBS="-l$1"], [AC_MSG_ERROR([$3 is missing; install its -dev package or say --without-$1])])
    ])
    AC_DEFINE([HAVE_$2], [1], [$5])
    PALOMA_SONAME([$6], [$2], [$7])
    PALOMA_LIB_CFLAGS="$PALOMA_LIB_CFLAGS $$2_CFLAGS"
    AS_IF([test "x$enable_direct_linking" = xyes], [PALOMA_LIB_LIBS="$PALOMA_LIB_LIBS $$2_LIBS"])
  ])
  AM_CONDITIONAL([HAVE_$2], [test "x$with_$1" != xno])
])
AC_DEFUN([PALOMA_LIBRARIES], [
  AC_CHECK_TOOL([READELF], [readelf], [false])
  AC_ARG_ENABLE([direct-linking], [AS_HELP_STRING([--enable-direct-linking],
    [link the libraries instead of loading them on first use])], [], [enable_direct_linking=no])
  AS_IF([test "x$enable_direct_linking" = xyes],
    [AC_DEFINE([PALOMA_DIRECT_LINKING], [1], [Libraries are linked, not loaded])])
  PALOMA_LIBRARY([openssl], [OPENSSL], [openssl >= 3.0], [openssl/ssl.h], [TLS (OpenSSL)], [ssl], [libssl.so.3])
  PALOMA_LIBRARY([gsasl], [GSASL], [libgsasl], [gsasl.h], [SASL (GNU libgsasl)], [gsasl], [libgsasl.so.18])
  PALOMA_LIBRARY([cares], [CARES], [libcares], [ares.h], [DNS (c-ares)], [cares], [libcares.so.2])
  PALOMA_LIBRARY([idn2], [IDN2], [libidn2], [idn2.h], [international domain names (libidn2)], [idn2], [libidn2.so.0])
  PALOMA_LIBRARY([magic], [MAGIC], [libmagic], [magic.h], [media types by content (libmagic)], [magic], [libmagic.so.1])
  PALOMA_LIBRARY([iniparser], [INIPARSER], [iniparser], [iniparser/iniparser.h], [the configuration file (libiniparser)], [iniparser], [libiniparser.so.1])
  PALOMA_LIBRARY([unistring], [UNISTRING], [libunistring], [uninorm.h], [file names in one form of Unicode (libunistring)], [unistring], [libunistring.so.2])
  PALOMA_LIBRARY([seccomp], [SECCOMP], [libseccomp], [seccomp.h], [the confinement of workers (libseccomp)], [seccomp], [libseccomp.so.2])
  PALOMA_LIBRARY([curl], [CURL], [libcurl], [curl/curl.h], [OAuth tokens that renew themselves (libcurl)], [curl], [libcurl.so.4])
  AC_SUBST([PALOMA_LIB_CFLAGS])
  AC_SUBST([PALOMA_LIB_LIBS])
])
