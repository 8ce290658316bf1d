/* settings_files - settings that were made are written. */
#include "run/settings_files.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/escape.h"
#include "base/file_store.h"
#include "conf/places.h"

enum { TEXT_MAX = 1024 * 1024, SECRET_MODE = 0600, SHARED_SECRET_MODE = 0640, OPEN_MODE = 0644, FOLDER_MODE = 0755, OWN_FOLDER_MODE = 0700 };

const char *settings_files_folder(const char *file, struct arena *arena)
{
	size_t slash = view_last_index(view_of(file), '/');
	struct view folder = view_first(view_of(file), slash);
	char *here;

	if (file[0] == '/')
		return arena_str(arena, folder);
	here = getcwd(NULL, 0);
	if (file[slash] == '\0')
		folder = arena_printf(arena, "%s", here ? here : ".");
	else
		folder = arena_printf(arena, "%s/%.*s", here ? here : ".", VIEW_ARG(folder));
	free(here);
	return folder.data;
}

static int check(const char *path, struct err *err)
{
	if (access(path, F_OK) < 0)
		return 0;
	return err_set(err, EX_CANTCREAT, STATUS(5, 3, 0), "%s is there already; --force replaces it.", path);
}

int settings_files_check(const struct settings *settings, const char *output, struct err *err)
{
	if (check(output, err) < 0)
		return -1;
	for (size_t i = 0; i < settings->secret_count; i++)
		if (check(settings->secrets[i].path, err) < 0)
			return -1;
	return 0;
}

void settings_files_warn(const struct settings *settings)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < settings->warning_count; i++) {
		buf_reset(&text);
		escape_text(&text, settings->warnings[i]);
		fprintf(stderr, "paloma: warning: %.*s\n", VIEW_ARG(buf_view(&text)));
	}
	buf_clear(&text);
}

static bool is_system(const char *output)
{
	return strcmp(output, PLACES_SYSTEM_CONFIG) == 0;
}

/* Asked of the kernel, which knows of folders and of access lists as well. */
static bool can_read(const struct passwd *user, const char *path)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(initgroups(user->pw_name, user->pw_gid) == 0 && setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
		      setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0 && access(path, R_OK) < 0);
	return pid < 0 || waitpid(pid, &status, 0) < 0 || status == 0;
}

void settings_files_warn_of_reader(const char *output, const char *path)
{
	const struct passwd *service = is_system(output) && geteuid() == 0 ? getpwnam("paloma") : NULL;
	struct buf text;

	if (!service || can_read(service, path))
		return;
	buf_init(&text, TEXT_MAX);
	escape_text(&text, view_of(path));
	fprintf(stderr, "paloma: warning: The service, which runs as the user paloma, cannot read %.*s; chgrp paloma and chmod 640 let it, "
		"where it may enter the folder.\n", VIEW_ARG(buf_view(&text)));
	buf_clear(&text);
}

static int store_secret(const struct settings_secret *secret, bool for_system, bool force, struct err *err)
{
	const struct group *service = for_system && geteuid() == 0 ? getgrnam("paloma") : NULL;
	struct buf line;
	int status;

	buf_init(&line, TEXT_MAX);
	buf_reserve(&line, secret->text.len + 1); /* growing would leave a copy behind */
	buf_append(&line, secret->text);
	buf_append_char(&line, '\n');
	status = file_store(secret->path, buf_view(&line), service ? SHARED_SECRET_MODE : SECRET_MODE,
			    service ? service->gr_gid : FILE_GROUP_OF_FOLDER, force, err);
	buf_wipe(&line);
	return status;
}

int settings_files_store(const struct settings *settings, const char *output, bool force, struct err *err)
{
	bool for_system = is_system(output);
	struct buf text;
	int status;

	if (!force && settings_files_check(settings, output, err) < 0)
		return -1;
	status = file_make_folder_of(output, for_system ? FOLDER_MODE : OWN_FOLDER_MODE, err);
	for (size_t i = 0; status == 0 && i < settings->secret_count; i++)
		status = store_secret(&settings->secrets[i], for_system, force, err);
	buf_init(&text, TEXT_MAX);
	settings_print(settings, &text);
	if (status == 0)
		status = file_store(output, buf_view(&text), for_system ? OPEN_MODE : SECRET_MODE, FILE_GROUP_OF_FOLDER, force, err);
	buf_wipe(&text);
	return status;
}
