# The dialect, the warnings, the hardening and the sanitizers, each flag only where the compiler takes it.
AC_DEFUN([PALOMA_TRY_CFLAG], [
  AC_MSG_CHECKING([whether $CC takes $1])
  paloma_save="$CFLAGS"
  CFLAGS="$CFLAGS $PALOMA_CFLAGS -Werror $1" dnl some flags need those before them
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]], [[return 0;]])],
    [AC_MSG_RESULT([yes]); PALOMA_CFLAGS="$PALOMA_CFLAGS $1"], [AC_MSG_RESULT([no])])
  CFLAGS="$paloma_save"
])
AC_DEFUN([PALOMA_COMPILER], [
  AC_ARG_ENABLE([sanitizers], [AS_HELP_STRING([--enable-sanitizers],
    [build with AddressSanitizer and UndefinedBehaviorSanitizer])], [], [enable_sanitizers=no])
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat warnings as errors])],
    [], [enable_werror=no])
  PALOMA_CFLAGS=""
  PALOMA_LDFLAGS=""
  m4_foreach_w([flag], [-std=gnu17 -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
    -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2
    -Werror=format-security -Werror=implicit-function-declaration -fno-common
    -ffunction-sections -fdata-sections -fstack-protector-strong],
    [PALOMA_TRY_CFLAG(flag)])
  AS_IF([test "x$enable_sanitizers" = xyes], [
    PALOMA_CFLAGS="$PALOMA_CFLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
    PALOMA_LDFLAGS="-fsanitize=address,undefined"
    AC_DEFINE([PALOMA_SANITIZERS], [1], [Built with sanitizers])
  ], [
    PALOMA_TRY_CFLAG([-fstack-clash-protection])
    PALOMA_TRY_CFLAG([-fcf-protection])
    PALOMA_CFLAGS="$PALOMA_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE"
    PALOMA_LDFLAGS="-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed -Wl,--gc-sections"
  ])
  AS_IF([test "x$enable_werror" = xyes], [PALOMA_CFLAGS="$PALOMA_CFLAGS -Werror"])
  AC_SUBST([PALOMA_CFLAGS])
  AC_SUBST([PALOMA_LDFLAGS])
])
