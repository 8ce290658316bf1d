# Unit tests by room, then the programs that drive the whole.
include tests/base/local.mk
include tests/net/local.mk
include tests/mail/local.mk
include tests/smtp/local.mk
include tests/compose/local.mk
include tests/submit/local.mk
include tests/spool/local.mk
include tests/route/local.mk
include tests/deliver/local.mk
include tests/report/local.mk
include tests/conf/local.mk
include tests/queue/local.mk
include tests/run/local.mk
include tests/cli/local.mk
include tests/fuzz/local.mk

EXTRA_DIST += tests/bench tests/check tests/demo tests/unit.h tests/child.h tests/scratch.h tests/with_arena.h tests/json_check.h tests/capture.h tests/layout tests/program

# To be made with -j, which check itself must not have: the programs would get each other's processors.
check-programs: $(check_PROGRAMS)
.PHONY: check-programs

# The suite counts for itself: every cmocka test and every pytest case, and one closing line.
check-local: $(check_PROGRAMS) src/paloma
	PALOMA_BUILD="$(abs_top_builddir)" $(SHELL) $(top_srcdir)/tests/check $(check_PROGRAMS)
