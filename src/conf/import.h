/* import - the configuration of another program as one of ours: a reader for each, and what they share. */
#ifndef CONF_IMPORT_H
#define CONF_IMPORT_H

#include "conf/settings.h"

struct import {
	struct settings *settings;	/* what is written */
	struct arena *arena;
	const char *path;		/* of the file that is read, or of the folder */
	const char *home;		/* what stands for ~; null: unknown */
	const char *config_home;	/* XDG_CONFIG_HOME; null: not set */
};

/* Reads import->path, or where path is null the usual place, which it becomes. Fails with EX_NOINPUT, or EX_CONFIG where
 * the file is not what it is said to be; a setting that has no equivalent is a warning and no failure. */
typedef int import_reader(struct import *import, struct err *err);

/* The reader of a format: msmtprc, ssmtp.conf, dma.conf, nullmailer. Fails with EX_USAGE and the names there are. */
int import_find(const char *format, import_reader **reader, struct err *err);

#endif
