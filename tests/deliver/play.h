/* play - one delivery to scripted peers: what the tests of smtp_session share. */
#ifndef TESTS_DELIVER_PLAY_H
#define TESTS_DELIVER_PLAY_H

#include "peer.h"

#include <sysexits.h>
#include "deliver/deliver.h"

enum { RECIPIENTS_MAX = 4, ENDPOINTS_MAX = 30, PEERS_MAX = 4 };

/* One delivery and the peers it goes to. Each peer is an endpoint of its own unless the test says otherwise. */
struct play {
	struct peer peers[PEERS_MAX];
	size_t peer_count;
	int closed[PEERS_MAX];		/* bound and never listening */
	size_t closed_count;
	struct net_address addresses[ENDPOINTS_MAX];
	struct endpoint endpoints[ENDPOINTS_MAX];
	struct hop hop;
	struct draft draft;
	struct outcome outcomes[RECIPIENTS_MAX];
	size_t indices[RECIPIENTS_MAX];
	struct deliver_options options;
};

static inline void prepare(struct play *play, const char *recipients)
{
	struct view rest = view_of(recipients);
	struct mime_part *leaf;

	*play = (struct play){.options = {.helo = VIEW("client.example")}, .hop = {.transport = TRANSPORT_SMTP}};
	play->draft.message = message_new();
	field_list_add(&play->draft.message->fields, play->draft.message->arena, (struct view)VIEW("Subject: hi"));
	leaf = ARENA_NEW(play->draft.message->arena, struct mime_part);
	leaf->content = slice_all(message_take_blob(play->draft.message, blob_from_copy((struct view)VIEW("hello\r\n"))));
	play->draft.message->root = leaf;
	play->draft.envelope.reverse_path = (struct view)VIEW("alice@example.com");
	while (rest.len) {
		struct recipient recipient = {.forward_path = view_take_until(&rest, ' ', NULL)};

		play->indices[play->hop.recipient_count] = play->hop.recipient_count;
		play->hop.recipient_count++;
		envelope_add(&play->draft.envelope, play->draft.message->arena, &recipient);
	}
	play->hop.recipients = play->indices;
	play->hop.endpoints = play->endpoints;
}

/* A message that no socket buffer holds. */
static inline void make_big(struct play *play)
{
	struct buf body;

	buf_init(&body, 1 << 25);
	while (body.len < 1 << 24)
		buf_append_str(&body, "filler filler filler filler filler filler filler filler filler\r\n");
	play->draft.message->root->content = slice_all(message_take_blob(play->draft.message, blob_from_copy(buf_view(&body))));
	buf_clear(&body);
}

static inline struct endpoint *add_endpoint(struct play *play, const struct net_address *address)
{
	struct endpoint *endpoint = &play->endpoints[play->hop.endpoint_count];

	play->addresses[play->hop.endpoint_count++] = *address;
	*endpoint = (struct endpoint){.host = VIEW("mx.example.org"), .port = ntohs(((const struct sockaddr_in *)&address->storage)->sin_port),
				      .addresses = &play->addresses[play->hop.endpoint_count - 1], .address_count = 1};
	return endpoint;
}

static inline struct peer *add_peer(struct play *play, const struct peer_script *scripts, size_t count)
{
	struct peer *peer = &play->peers[play->peer_count++];
	struct net_address address;
	int fd = peer_bind("127.0.0.1", 0, &address);

	assert_true(fd >= 0);
	peer_start(peer, fd, &address, scripts, count);
	add_endpoint(play, &address);
	return peer;
}

static inline void add_closed(struct play *play)
{
	struct net_address address;

	play->closed[play->closed_count++] = peer_bind("127.0.0.1", 0, &address);
	add_endpoint(play, &address);
}

/* One endpoint with two addresses and the same port; first: its scripts, or null when nobody listens there. */
static inline void add_pair(struct play *play, const struct peer_script *first, const struct peer_script *second)
{
	struct net_address one, two;
	int fd_one, fd_two;

	do { /* until the port is free on both */
		fd_two = peer_bind("127.0.0.2", 0, &two);
		assert_true(fd_two >= 0);
		fd_one = peer_bind("127.0.0.1", ntohs(((struct sockaddr_in *)&two.storage)->sin_port), &one);
		if (fd_one < 0)
			close(fd_two);
	} while (fd_one < 0);
	if (first)
		peer_start(&play->peers[play->peer_count++], fd_two, &two, first, 1);
	else
		play->closed[play->closed_count++] = fd_two;
	peer_start(&play->peers[play->peer_count++], fd_one, &one, second, 1);
	add_endpoint(play, &two);
	play->addresses[1] = one;
	play->endpoints[0].address_count = 2;
}

static inline void run(struct play *play)
{
	deliver_hop(&play->hop, &play->draft, &play->options, play->outcomes, play->draft.message->arena);
	for (size_t i = 0; i < play->peer_count; i++)
		peer_stop(&play->peers[i]);
	for (size_t i = 0; i < play->hop.recipient_count; i++) {
		const struct outcome *outcome = &play->outcomes[i];

		assert_int_equal(outcome->recipient, i);
		assert_int_not_equal(outcome->action, OUTCOME_PENDING);
		/* What is said and how it is to be taken never differ. */
		if (outcome->action >= OUTCOME_DELAYED)
			assert_int_equal(err_is_transient(&outcome->err), outcome->action == OUTCOME_DELAYED);
		else
			assert_int_equal(outcome->err.exit_code, 0);
	}
}

static inline void clear(struct play *play)
{
	for (size_t i = 0; i < play->peer_count; i++)
		peer_clear(&play->peers[i]);
	for (size_t i = 0; i < play->closed_count; i++)
		close(play->closed[i]);
	message_free(play->draft.message);
}

#define expect_outcome(play, index, action_) \
	do { \
		const struct outcome *outcome_ = &(play)->outcomes[index]; \
		if (outcome_->action != (action_)) \
			fail_msg("recipient %d: action %d, %s", (int)(index), (int)outcome_->action, outcome_->err.text); \
	} while (0)

static inline void expect_said(const struct play *play, size_t index, const char *words)
{
	if (!strstr(play->outcomes[index].err.text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, play->outcomes[index].err.text);
}

#endif
