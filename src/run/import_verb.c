/* import_verb - paloma import: the settings of another program as ours, on standard output or in a file.
 *
 * A password never goes where it was not asked for: it is put into a file of its own, or stays where it is. */
#include "run/import_verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>
#include "conf/import.h"
#include "conf/places.h"
#include "run/output.h"
#include "run/settings_files.h"

enum { TEXT_MAX = 1024 * 1024 };

/* Where passwords would go. */
static const char *secret_folder(const char *output, struct arena *arena)
{
	const char *file = output ? output : geteuid() == 0 ? NULL : places_own_config(arena);

	return settings_files_folder(file ? file : PLACES_SYSTEM_CONFIG, arena);
}

/* To standard output, without passwords. */
static int show(const struct settings *settings, struct err *err)
{
	struct buf text;
	int status;

	for (size_t i = 0; i < settings->secret_count && !settings->show_secrets; i++)
		fprintf(stderr, "paloma: warning: A password is not shown; put it into %s (mode 0600), or say -o FILE.\n", settings->secrets[i].path);
	buf_init(&text, TEXT_MAX);
	settings_print(settings, &text);
	status = output_write(stdout, buf_view(&text), err);
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
	settings_files_warn(&settings);
	return request->setup.output ? settings_files_store(&settings, request->setup.output, request->setup.force, err) : show(&settings, err);
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
