/* sasl - the client side of SASL mechanisms by GNU libgsasl, which is loaded when the first exchange begins. */
#include "smtp/sasl.h"

#include <stdlib.h>
#include <sysexits.h>
#include "base/base64.h"
#include "base/library.h"
#include "base/mem.h"

#ifdef HAVE_GSASL
#include <gsasl.h>

#define GSASL_FUNCTIONS(F) \
	F(gsasl_init) F(gsasl_done) F(gsasl_client_start) F(gsasl_finish) F(gsasl_step) F(gsasl_property_set_raw) \
	F(gsasl_strerror) F(gsasl_free)
LIBRARY(gsasl, SONAME_GSASL, "required", "sasl", "Logging in (SASL)", GSASL_FUNCTIONS)

struct sasl {
	const struct gsasl_functions *gsasl;
	Gsasl *context;
	Gsasl_session *session;
	bool is_scram;
};

static int set_property(struct sasl *sasl, Gsasl_property property, struct view value, struct err *err)
{
	int status = sasl->gsasl->gsasl_property_set_raw(sasl->session, property, value.data ? value.data : "", value.len);

	if (status != GSASL_OK)
		return err_set(err, EX_UNAVAILABLE, STATUS(4, 7, 0), "libgsasl: %s.", sasl->gsasl->gsasl_strerror(status));
	return 0;
}

static int set_properties(struct sasl *sasl, const struct sasl_facts *facts, struct err *err)
{
	struct buf binding;
	int result = 0;

	if (set_property(sasl, GSASL_AUTHID, facts->user, err) ||
	    set_property(sasl, GSASL_SERVICE, (struct view)VIEW("smtp"), err) ||
	    set_property(sasl, GSASL_HOSTNAME, facts->host, err))
		return -1;
	if (facts->secret && set_property(sasl, GSASL_PASSWORD, view_of(facts->secret), err))
		return -1;
	if (view_is_empty(facts->channel_binding))
		return 0;
	buf_init(&binding, 4096);
	base64_append(&binding, facts->channel_binding);
	result = set_property(sasl, GSASL_CB_TLS_EXPORTER, buf_view(&binding), err);
	buf_clear(&binding);
	return result;
}

struct sasl *sasl_new(struct view mechanism, const struct sasl_facts *facts, struct err *err)
{
	const struct gsasl_functions *gsasl = gsasl_load(err);
	struct sasl *sasl = NULL;
	char *name = NULL;
	int status = GSASL_OK;

	if (!gsasl)
		return NULL;
	sasl = mem_alloc(sizeof *sasl);
	sasl->gsasl = gsasl;
	sasl->is_scram = view_starts(mechanism, (struct view)VIEW("SCRAM-"));
	name = mem_copy_str(mechanism);
	status = gsasl->gsasl_init(&sasl->context);
	if (status == GSASL_OK)
		status = gsasl->gsasl_client_start(sasl->context, name, &sasl->session);
	if (status != GSASL_OK)
		err_set(err, EX_UNAVAILABLE, STATUS(5, 7, 4), "libgsasl cannot do %s: %s.", name, gsasl->gsasl_strerror(status));
	free(name);
	if (status != GSASL_OK || set_properties(sasl, facts, err)) {
		sasl_free(sasl);
		return NULL;
	}
	return sasl;
}

void sasl_free(struct sasl *sasl)
{
	if (!sasl)
		return;
	if (sasl->session)
		sasl->gsasl->gsasl_finish(sasl->session);
	if (sasl->context)
		sasl->gsasl->gsasl_done(sasl->context);
	free(sasl);
}

/* The first message of a SCRAM server is r=...,s=...,i=N (RFC 5802 §5.1); the last one has no i. */
static int check_iterations(struct view input, struct err *err)
{
	while (input.len) {
		struct view attribute = view_take_until(&input, ',', NULL);
		unsigned long long iterations = 0;

		if (!view_starts(attribute, (struct view)VIEW("i=")))
			continue;
		if (!view_to_number(view_from(attribute, 2), SASL_ITERATIONS_MAX, &iterations) || !iterations)
			return err_set(err, EX_PROTOCOL, STATUS(4, 7, 0), "The server asks for %.*s iterations of SCRAM; at most %d are done.",
				       VIEW_ARG(view_first(view_from(attribute, 2), 40)), SASL_ITERATIONS_MAX);
	}
	return 0;
}

int sasl_step(struct sasl *sasl, struct view input, struct buf *output, bool *done, struct err *err)
{
	char *answer = NULL;
	size_t len = 0;
	int status;

	if (sasl->is_scram && check_iterations(input, err))
		return -1;
	status = sasl->gsasl->gsasl_step(sasl->session, input.data, input.len, &answer, &len);
	if (status != GSASL_OK && status != GSASL_NEEDS_MORE)
		return err_set(err, EX_PROTOCOL, STATUS(4, 7, 0), "The exchange of the login went wrong: %s.",
			       sasl->gsasl->gsasl_strerror(status));
	buf_append(output, view_make(answer, len));
	mem_wipe(answer, len);
	sasl->gsasl->gsasl_free(answer);
	*done = status == GSASL_OK;
	return 0;
}

#else

struct sasl *sasl_new(struct view mechanism, const struct sasl_facts *facts, struct err *err)
{
	(void)facts;
	err_set(err, EX_UNAVAILABLE, STATUS(5, 3, 5),
		"Logging in by %.*s needs libgsasl, and paloma was built without it; an OAuth token needs none.", VIEW_ARG(mechanism));
	return NULL;
}

void sasl_free(struct sasl *sasl)
{
	(void)sasl;
}

int sasl_step(struct sasl *sasl, struct view input, struct buf *output, bool *done, struct err *err)
{
	(void)sasl, (void)input, (void)output, (void)done;
	return err_set(err, EX_UNAVAILABLE, STATUS(5, 3, 5), "paloma was built without libgsasl.");
}

#endif
