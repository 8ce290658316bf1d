/* queue_verb - paloma queue, mailq, sendmail -bp and -q: finds the spool that is meant, and does it there. */
#include "run/queue_verb.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/log.h"
#include "queue/helper.h"
#include "queue/queue.h"
#include "queue/spool_place.h"
#include "run/control.h"
#include "run/fate.h"
#include "run/list.h"
#include "run/queue_words.h"
#include "run/steer.h"

static const struct {
	int (*run)(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err);
	bool wakes_runner;		/* something may be due now */
} actions[] = {
	[QUEUE_LIST] = {list_queue, false}, [QUEUE_SHOW] = {list_show, false}, [QUEUE_WAIT] = {fate_wait, false},
	[QUEUE_FLUSH] = {steer_flush, true}, [QUEUE_HOLD] = {steer_hold, false}, [QUEUE_RELEASE] = {steer_release, true},
	[QUEUE_REMOVE] = {steer_remove, false}, [QUEUE_REQUEUE] = {steer_requeue, true},
};

/* Also when one of them could not be changed: the others are due all the same. */
static int wake_runner(const struct spool *spool, const struct request *request, int helper, int status, struct err *err)
{
	struct err why;

	if (queue_start(spool, request->config_file, helper, request->queue.waits, &why) == 0 || status != EX_OK)
		return status;
	*err = why;
	return err->exit_code;
}

static int run_action(const struct spool *spool, const struct request *request, const struct conf *conf, int helper, struct err *err)
{
	struct steer_round *round = request->queue.waits ? steer_round_new(spool, request, conf) : NULL;
	int status = actions[request->queue.action].run(spool, request, conf, err);

	if (actions[request->queue.action].wakes_runner && status != EX_USAGE && (status != EX_NOINPUT || request->queue.ids.count == 0))
		status = wake_runner(spool, request, helper, status, err);
	if (status == EX_OK && round)
		status = steer_round_wait(round, spool);
	steer_round_free(round);
	return status;
}

static int run_in(const char *path, const struct request *request, const struct conf *conf, struct err *err)
{
	bool wakes_runner = actions[request->queue.action].wakes_runner;
	struct spool spool = {0};
	int helper = -1, status;

	/* Before the spool makes us its owner. */
	if (wakes_runner && !spool_is_of_root(path) && helper_start(request->config_file, conf, false, &helper, NULL, err) < 0)
		return err->exit_code;
	status = spool_open(&spool, path, err) < 0 ? err->exit_code : run_action(&spool, request, conf, helper, err);
	if (helper >= 0)
		close(helper);
	spool_close(&spool);
	return status;
}

static int complain(int status, const struct err *err)
{
	if (err->exit_code)
		fprintf(stderr, "paloma: %s\n", err->text);
	return status;
}

int queue_verb_run_in(const char *spool_path, const struct request *request, const struct conf *conf)
{
	struct err err = {0};
	int status = run_in(spool_path, request, conf, &err);

	return complain(status, &err);
}

/* The system's queue is the service's, which does it for those who may not. */
static int ask_service(const struct request *request, const struct conf *conf, struct arena *arena)
{
	int argc;
	char **argv = queue_words_make(request, arena, &argc);

	return control_call(control_path(conf->queue.submit_socket, arena), argc, argv);
}

int queue_verb_run(const struct request *request)
{
	struct request own = *request;
	struct conf_sources sources = {.config_file = request->config_file, .overrides = request->overrides,
				       .override_count = request->override_count};
	struct arena *arena = arena_new();
	struct err err = {0};
	struct conf conf;
	const char *path;
	int status;

	/* To look, and see what waits for a configuration that is mended, needs none. */
	own.queue.for_terminal = request->queue.action == QUEUE_SHOW && isatty(STDOUT_FILENO); /* the service writes into a pipe */
	sources.is_lenient = !request->config_file && !actions[request->queue.action].wakes_runner;
	if (conf_load(&conf, &sources, &err) < 0) {
		status = complain(err.exit_code, &err);
	} else if (spool_place_is_service_asked(request->use_system, &conf, control_path(conf.queue.submit_socket, arena))) {
		status = ask_service(&own, &conf, arena);
	} else if (!(path = spool_place_path(request->use_system, &conf, arena))) {
		err_set(&err, EX_NOPERM, STATUS(5, 3, 0), "There is no queue that you may look at.");
		status = complain(EX_NOPERM, &err);
	} else {
		own.queue.uid = getuid(); /* before the spool makes us its owner */
		log_open(conf.queue.log, &(struct err){0});
		if (conf.trouble.exit_code)
			fprintf(stderr, "paloma: warning: %s\n", conf.trouble.text);
		status = queue_verb_run_in(path, &own, &conf);
	}
	conf_clear(&conf);
	arena_free(arena);
	return status;
}
