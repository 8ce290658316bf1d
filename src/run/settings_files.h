/* settings_files - settings that were made are written: a file, and one for each password beside it. */
#ifndef RUN_SETTINGS_FILES_H
#define RUN_SETTINGS_FILES_H

#include "conf/settings.h"

/* The folder of a file as an absolute path, in the arena: a configuration is read from anywhere. */
const char *settings_files_folder(const char *file, struct arena *arena);

/* Its warnings, to standard error. */
void settings_files_warn(const struct settings *settings);

/* A warning when output is the configuration of the system and the user of the service, where there is one, cannot read a
 * file that it names. */
void settings_files_warn_of_reader(const char *output, const char *path);

/* Fails with EX_CANTCREAT when a file that would be written is there already. */
int settings_files_check(const struct settings *settings, const char *output, struct err *err);

/* Writes all of them durably, passwords first. Files have the mode 0600, but for the settings of the system: those everybody
 * reads who sends mail, and their passwords may be read by the group of the service, where there is one.
 * force: files that are there are replaced. Fails as file_store does. */
int settings_files_store(const struct settings *settings, const char *output, bool force, struct err *err);

#endif
