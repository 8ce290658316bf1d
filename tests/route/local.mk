check_PROGRAMS += %D%/mx_test %D%/route_test
EXTRA_DIST += %D%/names.h
