/* import_verb - paloma import: the settings of another program as ours, on standard output or in a file.
 *
 * A password never goes where it was not asked for: it is put into a file of its own, or stays where it is. */
#include "run/import_verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/escape.h"
#include "base/file_store.h"
#include "base/mem.h"
#include "conf/import.h"
#include "conf/places.h"
#include "run/output.h"

enum { TEXT_MAX = 1024 * 1024, SECRET_MODE = 0600, OPEN_MODE = 0644, FOLDER_MODE = 0755 };

/* The folder of the file that is written, as an absolute path: a configuration is read from anywhere. */
static const char *secret_folder(const char *output, struct arena *arena)
{
	const char *file = output ? output : geteuid() == 0 ? PLACES_SYSTEM_CONFIG : places_own_config(arena);
	struct view folder = view_first(view_of(file), view_last_index(view_of(file), '/'));
	char *here;

	if (!file)
		return PALOMA_SYSCONFDIR "/paloma";
	if (file[0] == '/')
		return folder.len > 0 ? arena_str(arena, folder) : "";
	here = getcwd(NULL, 0);
	if (folder.len == strlen(file))
		folder = arena_printf(arena, "%s", here ? here : ".");
	else
		folder = arena_printf(arena, "%s/%.*s", here ? here : ".", VIEW_ARG(folder));
	free(here);
	return folder.data;
}

static void say_warnings(const struct settings *settings)
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

/* The system's settings are read by everybody who sends mail, and by the service, which is not root; no secret is among them. */
static mode_t mode_of(const char *output)
{
	return strcmp(output, PLACES_SYSTEM_CONFIG) == 0 ? OPEN_MODE : SECRET_MODE;
}

/* Passwords first: a configuration that names a file which is not there is of no use. */
static int store(const struct settings *settings, const char *output, struct view text, bool force, struct err *err)
{
	struct buf line;
	int status = 0;

	if (!force && access(output, F_OK) == 0)
		return err_set(err, EX_CANTCREAT, STATUS(5, 3, 0), "%s is there already; --force replaces it.", output);
	buf_init(&line, TEXT_MAX);
	buf_reserve(&line, TEXT_MAX); /* growing would leave a copy behind */
	if (settings->secret_count > 0)
		status = file_make_folder_of(settings->secrets[0].path, FOLDER_MODE, err);
	for (size_t i = 0; status == 0 && i < settings->secret_count; i++) {
		buf_reset(&line);
		buf_append(&line, settings->secrets[i].text);
		buf_append_char(&line, '\n');
		status = file_store(settings->secrets[i].path, buf_view(&line), SECRET_MODE, force, err);
	}
	buf_wipe(&line);
	return status == 0 ? file_store(output, text, mode_of(output), force, err) : -1;
}

static int deliver(const struct request *request, const struct settings *settings, struct err *err)
{
	struct buf text;
	int status;

	buf_init(&text, TEXT_MAX);
	settings_print(settings, &text);
	say_warnings(settings);
	if (request->setup.output) {
		status = store(settings, request->setup.output, buf_view(&text), request->setup.force, err);
	} else {
		for (size_t i = 0; i < settings->secret_count; i++)
			fprintf(stderr, "paloma: warning: A password is not shown; put it into %s (mode 0600), or say -o FILE.\n", settings->secrets[i].path);
		status = output_write(stdout, buf_view(&text), err);
	}
	buf_wipe(&text);
	return status;
}

static int import(const struct request *request, struct arena *arena, struct err *err)
{
	const struct word_list *words = &request->operands;
	struct settings settings;
	struct import import = {.settings = &settings, .arena = arena, .home = getenv("HOME"), .config_home = getenv("XDG_CONFIG_HOME")};
	import_reader *reader;

	if (words->count == 0 || words->count > 2)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "paloma import FORMAT [FILE] reads msmtprc, ssmtp.conf, dma.conf or nullmailer.");
	if (import_find(words->items[0], &reader, err) < 0)
		return -1;
	settings_init(&settings, arena, secret_folder(request->setup.output, arena));
	settings.show_secrets = request->setup.show_passwords;
	import.path = words->count > 1 ? words->items[1] : NULL;
	if (reader(&import, err) < 0)
		return -1;
	return deliver(request, &settings, err);
}

int import_verb_run(const struct request *request)
{
	static const struct rlimit no_core; /* which would hold the passwords */
	struct arena *arena = arena_new();
	struct err err = {0};
	int status;

	setrlimit(RLIMIT_CORE, &no_core);
	status = import(request, arena, &err) < 0 ? output_complain(&err) : EX_OK;
	arena_free(arena);
	return status;
}
