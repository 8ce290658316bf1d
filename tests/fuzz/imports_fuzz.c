/* Settings of other programs, of any octets, become a configuration that loads, or are refused with a sentence. The first octet
 * chooses the program; JSON is read as well. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/json_read.h"
#include "conf/conf.h"
#include "conf/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *path_of(const char *folder, const char *name)
{
	static char path[4][200];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
	return path[turn];
}

static void write_file(const char *path, struct view text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert(fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len);
	close(fd);
}

static void load(const struct settings *settings, const char *path)
{
	struct conf_sources sources = {.config_file = path};
	struct conf conf;
	struct err err = {0};
	struct buf text;

	buf_init(&text, 1 << 24);
	settings_print(settings, &text);
	write_file(path, buf_view(&text));
	if (text.len < 60000 && conf_load(&conf, &sources, &err) < 0) {
		fprintf(stderr, "%s\n%.*s\n", err.text, VIEW_ARG(buf_view(&text)));
		abort();
	}
	if (text.len < 60000)
		conf_clear(&conf);
	buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"msmtprc", "ssmtp.conf", "dma.conf", "nullmailer"};
	static char folder[] = "/tmp/paloma-fuzz-XXXXXX";
	static int is_made;
	struct view text = view_make((const char *)data, size), value;
	struct import import = {.arena = arena_new(), .home = "/home/x"};
	struct settings settings;
	import_reader *reader;
	struct err err = {0};

	assert(is_made++ || mkdtemp(folder));
	json_read_member(text, "a", import.arena, &value);
	settings_init(&settings, import.arena, "/etc/paloma");
	import.settings = &settings;
	if (size > 0 && import_find(formats[data[0] % 4], &reader, &err) == 0) {
		import.path = data[0] % 4 == 3 ? folder : path_of(folder, "file");
		write_file(path_of(folder, "file"), view_from(text, 1));
		write_file(path_of(folder, "revaliases"), view_from(text, size / 2));
		write_file(path_of(folder, "remotes"), view_from(text, 1));
		write_file(path_of(folder, "me"), view_from(text, size / 2));
		if (reader(&import, &err) == 0)
			load(&settings, path_of(folder, "paloma.conf"));
		else
			assert(err.exit_code && err.text[0]);
	}
	arena_free(import.arena);
	return 0;
}
