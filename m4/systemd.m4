# Where units go; sysusers.d and tmpfiles.d are below the prefix as well.
AC_DEFUN([PALOMA_SYSTEMD], [
  AC_ARG_WITH([systemd-units], [AS_HELP_STRING([--with-systemd-units=FOLDER],
    [install units for systemd there (default PREFIX/lib/systemd/system); --without-systemd-units installs none])],
    [], [with_systemd_units=yes])
  AS_CASE([$with_systemd_units],
    [yes], [systemdunitdir='${prefix}/lib/systemd/system'],
    [no], [systemdunitdir=''],
    [systemdunitdir="$with_systemd_units"])
  AM_CONDITIONAL([WITH_SYSTEMD_UNITS], [test "x$systemdunitdir" != x])
  AC_SUBST([systemdunitdir])
  AC_SUBST([sysusersdir], ['${prefix}/lib/sysusers.d'])
  AC_SUBST([tmpfilesdir], ['${prefix}/lib/tmpfiles.d'])
])
