/* serve - paloma serve: the service, or the server that catches what it gets. */
#include "run/serve.h"

#include <stddef.h>
#include <stdio.h>
#include <sysexits.h>
#include "run/catch.h"
#include "run/service.h"

/* What only the catching server knows; a service that did something else than it was told would be worse than none. */
static const char *catching_option(const struct serve_request *wish)
{
	return wish->tls_cert ? "--tls-cert" : wish->tls_key ? "--tls-key" : wish->implicit_tls ? "--implicit-tls" :
		wish->password_file ? "--password-file" : wish->auth_required ? "--require-auth" : wish->exit_after ? "--exit-after" : NULL;
}

int serve_run(const struct request *request)
{
	const char *option = catching_option(&request->serve);

	if (request->serve.catch_dir)
		return catch_run(request);
	if (!option)
		return service_run(request);
	fprintf(stderr, "paloma: %s needs --catch FOLDER: the service takes mail of this host only, by its sockets.\n", option);
	return EX_USAGE;
}
