/* Whatever a client says to the server: every mail that is taken was begun, and none is taken that was abandoned. */
#include <assert.h>
#include <stdint.h>
#include "smtp/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int authenticate(void *context, struct view user, struct view password, struct err *err)
{
	(void)context, (void)password;
	return user.len > 0 ? 0 : err_set(err, 77, STATUS(5, 7, 8), "No.");
}

static int recipient(void *context, const struct envelope *envelope, const struct recipient *one, struct err *err)
{
	(void)context, (void)envelope, (void)err;
	assert(one->forward_path.len > 0);
	return 0;
}

static int begin(void *context, const struct envelope *envelope, struct err *err)
{
	bool *is_open = context;

	(void)err;
	assert(!*is_open && envelope->recipient_count > 0);
	*is_open = true;
	return 0;
}

/* No line end but CRLF may come through; a CR is the last octet of a piece at most. */
static int take(void *context, struct view lines, struct err *err)
{
	(void)err;
	assert(*(bool *)context && lines.len > 0);
	return 0;
}

static int end(void *context, struct view *answer, struct err *err)
{
	bool *is_open = context;

	(void)answer, (void)err;
	assert(*is_open);
	*is_open = false;
	return 0;
}

static void abandon(void *context)
{
	bool *is_open = context;

	assert(*is_open);
	*is_open = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct smtp_server_sink sink = {authenticate, recipient, begin, take, end, abandon};
	struct smtp_server_options options = {.host_name = VIEW("server.example"), .offer_starttls = true, .offer_auth = true, .auth_in_clear = true,
					      .max_octets = 500, .max_recipients = 5, .max_errors = 10};
	bool is_open = false;
	struct smtp_server *server = smtp_server_new(&options, &sink, &is_open);
	struct view input = view_make((const char *)data, size);

	for (unsigned turns = 0; turns < 5000; turns++) {
		enum smtp_server_want want = smtp_server_want(server);

		if (want == SMTP_SERVER_WANT_WRITE) {
			smtp_server_wrote(server, smtp_server_output(server).len);
		} else if (want == SMTP_SERVER_WANT_TLS) {
			smtp_server_tls_done(server, false, true);
		} else if (want == SMTP_SERVER_WANT_READ) {
			size_t piece = input.len > 0 ? 1 + (unsigned char)input.data[0] % 60 : 0;

			smtp_server_take_input(server, view_first(input, piece));
			input = view_from(input, piece);
		} else {
			break;
		}
	}
	smtp_server_free(server);
	assert(!is_open);
	return 0;
}
