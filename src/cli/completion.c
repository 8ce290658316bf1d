/* completion - scripts by which shells complete words of the command line, made of the rows that are parsed.
 *
 * What has no help is understood but not offered. An argument that is called FILE or FOLDER is one; for others there is
 * nothing to offer, and a shell must not offer files for them. */
#include "cli/completion.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char *const none[] = {NULL};

static const char *const *operand_words(const struct option_table *table)
{
	return table->operand_words ? table->operand_words : none;
}

static bool is_offered(const struct option_row *row)
{
	return row->help != NULL;
}

static bool takes_file(const struct option_row *row)
{
	return row->argument && strcmp(row->argument, "FILE") == 0;
}

static bool takes_folder(const struct option_row *row)
{
	return row->argument && strcmp(row->argument, "FOLDER") == 0;
}

static bool takes_anything_else(const struct option_row *row)
{
	return row->argument && !row->is_optional && !takes_file(row) && !takes_folder(row);
}

/* Text between single quotes: a quotation mark leaves them for a moment. special: what has a backslash before it. */
static void print_text(const char *text, const char *quote, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs(quote, stdout);
		else if (strchr(special, *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

/* bash: the options whose next word is of a kind, as the pattern of a case. */
static void print_bash_case(const struct option_table *table, bool (*is_kind)(const struct option_row *row), const char *action)
{
	const char *separator = "\t\t";

	for (size_t i = 0; i < table->count; i++) {
		const struct option_row *row = &table->rows[i];

		if (!is_offered(row) || !is_kind(row))
			continue;
		if (row->name) {
			printf("%s--%s", separator, row->name);
			separator = "|";
		}
		if (row->letter) {
			printf("%s-%c", separator, row->letter);
			separator = "|";
		}
	}
	if (separator[0] == '|')
		printf(") %s ;;\n", action);
}

static void print_bash_verb(const struct completion_verb *verb)
{
	printf("\t%s)\n\t\tcase $before in\n", verb->word);
	print_bash_case(verb->table, takes_file, "_paloma_files -f; return");
	print_bash_case(verb->table, takes_folder, "_paloma_files -d; return");
	print_bash_case(verb->table, takes_anything_else, "return");
	fputs("\t\tesac\n\t\toptions=\"", stdout);
	for (size_t i = 0; i < verb->table->count; i++) {
		const struct option_row *row = &verb->table->rows[i];

		if (is_offered(row) && row->name)
			printf("--%s ", row->name);
		if (is_offered(row) && row->letter)
			printf("-%c ", row->letter);
	}
	fputs("\"\n\t\twords=\"", stdout);
	for (const char *const *word = operand_words(verb->table); *word; word++)
		printf("%s ", *word);
	fputs("\" ;;\n", stdout);
}

static void print_bash(const struct completion_verb *verbs, size_t count)
{
	fputs("# Completion for bash, made by paloma --completion bash.\n"
	      "_paloma_files() {\n\tcompopt -o filenames\n\tmapfile -t COMPREPLY < <(compgen \"$1\" -- \"$word\")\n}\n\n"
	      "_paloma() {\n"
	      "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options= words=\n"
	      "\t# --option=value is three words here\n"
	      "\tif [[ $word == = ]]; then word=; elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
	      "\tCOMPREPLY=()\n"
	      "\tif ((COMP_CWORD == 1)); then\n\t\tmapfile -t COMPREPLY < <(compgen -W \"", stdout);
	for (size_t i = 0; i < count; i++)
		printf("%s ", verbs[i].word);
	fputs("--help --version\" -- \"$word\")\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in\n", stdout);
	for (size_t i = 0; i < count; i++)
		print_bash_verb(&verbs[i]);
	fputs("\tesac\n"
	      "\t[[ $word == -* ]] || options=\n"
	      "\tmapfile -t COMPREPLY < <(compgen -W \"$options $words\" -- \"$word\")\n"
	      "}\ncomplete -F _paloma paloma\n", stdout);
}

/* '*'{-a+,--attach=}'[attach a file]:FILE:_files' */
static void print_zsh_row(const struct option_row *row)
{
	const char *glue_letter = !row->argument ? "" : row->is_optional ? "-" : "+", *glue_name = !row->argument ? "" : row->is_optional ? "=-" : "=";

	fputs("\t\t\t'*'", stdout);
	if (row->letter && row->name)
		printf("{-%c%s,--%s%s}", row->letter, glue_letter, row->name, glue_name);
	else if (row->letter)
		printf("-%c%s", row->letter, glue_letter);
	else
		printf("--%s%s", row->name, glue_name);
	fputs("'[", stdout);
	print_text(row->help, "'\\''", "[]\\");
	putchar(']');
	if (row->argument) {
		fputs(row->is_optional ? "::" : ":", stdout);
		print_text(row->argument, "'\\''", ":\\");
		fputs(takes_file(row) ? ":_files" : takes_folder(row) ? ":_files -/" : ":", stdout);
	}
	fputs("' \\\n", stdout);
}

static void print_zsh_verb(const struct completion_verb *verb)
{
	printf("\t\t%s)\n\t\t\t_arguments -s -S \\\n", verb->word);
	for (size_t i = 0; i < verb->table->count; i++)
		if (is_offered(&verb->table->rows[i]))
			print_zsh_row(&verb->table->rows[i]);
	fputs("\t\t\t'*:operand:(", stdout);
	for (const char *const *word = operand_words(verb->table); *word; word++)
		printf("%s ", *word);
	fputs(")' ;;\n", stdout);
}

static void print_zsh(const struct completion_verb *verbs, size_t count)
{
	fputs("#compdef paloma\n# Completion for zsh, made by paloma --completion zsh.\n"
	      "local state line\nlocal -a verbs\n"
	      "_arguments -C '1:verb:->verb' '*::word:->words'\ncase $state in\nverb)\n\tverbs=(\n", stdout);
	for (size_t i = 0; i < count; i++) {
		printf("\t\t'%s:", verbs[i].word);
		print_text(verbs[i].purpose, "'\\''", "\\");
		fputs("'\n", stdout);
	}
	fputs("\t)\n\t_describe verb verbs ;;\nwords)\n\tcase $words[1] in\n", stdout);
	for (size_t i = 0; i < count; i++)
		print_zsh_verb(&verbs[i]);
	fputs("\tesac ;;\nesac\n", stdout);
}

static void print_fish_row(const char *verb, const struct option_row *row)
{
	printf("complete -c paloma -n '__fish_seen_subcommand_from %s'", verb);
	if (row->letter)
		printf(" -s %c", row->letter);
	if (row->name)
		printf(" -l %s", row->name);
	fputs(takes_file(row) ? " -r -F" : takes_folder(row) ? " -x -a '(__fish_complete_directories)'" : takes_anything_else(row) ? " -x" : " -f", stdout);
	fputs(" -d '", stdout);
	print_text(row->help + strspn(row->help, " "), "\\'", "\\");
	fputs("'\n", stdout);
}

static void print_fish(const struct completion_verb *verbs, size_t count)
{
	fputs("# Completion for fish, made by paloma --completion fish.\ncomplete -c paloma -f\n", stdout);
	for (size_t i = 0; i < count; i++) {
		printf("complete -c paloma -n __fish_use_subcommand -a %s -d '", verbs[i].word);
		print_text(verbs[i].purpose, "\\'", "\\");
		fputs("'\n", stdout);
		for (const char *const *word = operand_words(verbs[i].table); *word; word++)
			printf("complete -c paloma -n '__fish_seen_subcommand_from %s' -a %s\n", verbs[i].word, *word);
		for (size_t k = 0; k < verbs[i].table->count; k++)
			if (is_offered(&verbs[i].table->rows[k]))
				print_fish_row(verbs[i].word, &verbs[i].table->rows[k]);
	}
}

int completion_print(const char *shell, const struct completion_verb *verbs, size_t count, struct err *err)
{
	static const struct {
		const char *shell;
		void (*print)(const struct completion_verb *verbs, size_t count);
	} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
		if (strcmp(shell, shells[i].shell) == 0) {
			shells[i].print(verbs, count);
			return 0;
		}
	}
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--completion takes bash, zsh or fish, not \"%.60s\".", shell);
}
