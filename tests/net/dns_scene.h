/* dns_scene - a question, the answer to it, and what is made of it. */
#ifndef TESTS_NET_DNS_SCENE_H
#define TESTS_NET_DNS_SCENE_H

#include "unit.h"

#include <stdlib.h>
#include "dns_packet.h"
#include "net/dns_answer.h"

enum { ANSWER = 0x8180, AUTHENTIC = 0x0020 };

/* Every case has a packet, an arena and a query of its own. The octets are read from memory that ends where they end. */
struct scene {
	struct packet packet;
	struct arena *arena;
	struct dns_query query;
};

static inline void ask(struct scene *scene, const char *name, enum dns_type type)
{
	scene->query = (struct dns_query){.name = view_of(name), .type = type};
}

static inline void parse_octets(struct scene *scene, size_t len)
{
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, scene->packet.data, len);
	dns_answer_parse(view_make(copy, len), &scene->query, scene->arena);
	free(copy);
}

static inline void parse(struct scene *scene)
{
	parse_octets(scene, scene->packet.len);
}

/* An answer to the scene's question that promises so many records. */
static inline void begin_answer(struct scene *scene, unsigned answers)
{
	put_header(&scene->packet, ANSWER, 1, answers);
	put_question(&scene->packet, scene->query.name.data, scene->query.type);
}

static inline void expect_failure(struct scene *scene, const char *reason)
{
	assert_int_equal(scene->query.result, DNS_TEMPFAIL);
	assert_int_equal(scene->query.record_count, 0);
	assert_string_equal(scene->query.reason, reason);
	assert_false(scene->query.authentic);
}

static inline int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof *scene);

	assert_non_null(scene);
	scene->arena = arena_new();
	ask(scene, "example.org", DNS_MX);
	*state = scene;
	return 0;
}

static inline int tear_down(void **state)
{
	struct scene *scene = *state;

	arena_free(scene->arena);
	free(scene);
	return 0;
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
