/* capture - what a call writes to standard output and standard error. */
#ifndef TESTS_CAPTURE_H
#define TESTS_CAPTURE_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "unit.h"

struct capture {
	int kept[2], files[2];
	char text[2][65536];		/* standard output, standard error, after capture_end */
};

static inline void capture_begin(struct capture *capture)
{
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		capture->kept[i] = dup(STDOUT_FILENO + i);
		capture->files[i] = memfd_create("captured", MFD_CLOEXEC);
		assert_true(capture->kept[i] >= 0 && capture->files[i] >= 0);
		dup2(capture->files[i], STDOUT_FILENO + i);
	}
}

static inline void capture_end(struct capture *capture)
{
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		ssize_t got = pread(capture->files[i], capture->text[i], sizeof capture->text[i] - 1, 0);

		dup2(capture->kept[i], STDOUT_FILENO + i);
		close(capture->kept[i]);
		close(capture->files[i]);
		capture->text[i][got > 0 ? got : 0] = '\0';
	}
}

#endif
