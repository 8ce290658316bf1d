/* conf: which place beats which, what goes with a relay, and that a mistake is told with its place. */
#include "scratch.h"

#include <sysexits.h>
#include "conf/conf.h"

static const char *config_path;

/* Settings from a file, the environment (set by the test) and overrides "key=value" up to a null. */
static int load(struct conf *conf, const char *text, const char *const *options, struct err *err)
{
	struct conf_override overrides[8] = {0};
	struct conf_sources sources = {.config_file = config_path, .overrides = overrides};
	static char keys[8][64];

	for (size_t i = 0; options && options[i]; i++) {
		size_t at = (size_t)(strchr(options[i], '=') - options[i]);

		snprintf(keys[i], sizeof keys[i], "%.*s", (int)at, options[i]);
		overrides[i] = (struct conf_override){.key = keys[i], .value = options[i] + at + 1, .origin = "--option"};
		sources.override_count++;
	}
	config_path = sources.config_file = scratch_write("paloma.conf", 0600, view_of(text));
	return conf_load(conf, &sources, err);
}

#define OPTIONS(...) (const char *const[]){__VA_ARGS__, NULL}

static void assert_loads(struct conf *conf, const char *text, const char *const *options)
{
	struct err err = {0};

	if (load(conf, text, options, &err) < 0)
		fail_msg("%s", err.text);
}

static int forget_environment(void **state)
{
	(void)state;
	unsetenv("PALOMA_RELAY");
	unsetenv("PALOMA_TIMEOUT");
	unsetenv("PALOMA_TLS_PIN");
	unsetenv("PALOMA_PASSWORD_FILE");
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	return 0;
}

static void nothing_is_a_configuration(void **state)
{
	struct conf conf;

	(void)state;
	assert_loads(&conf, "", NULL);
	assert_null(conf.route.default_relay);
	assert_int_equal(conf.route.mx_port, 25);
	assert_int_equal(conf.route.dns.timeout_ms, 20000);
	assert_int_equal(conf.route.mx_tls.demand, TLS_DEMAND_OPPORTUNISTIC);
	assert_false(conf.route.mx_loopback);
	assert_false(conf.default_relay.credentials.clear_allowed);
	conf_clear(&conf);
	conf_clear(&conf);
}

static void every_key_goes_where_it_belongs(void **state)
{
	struct conf conf;
	const struct route_rule *rule;
	const struct relay *relay;

	(void)state;
	assert_loads(&conf, "[paloma]\n"
		"relay = smtps://ann@mail.example.org\npassword_file = /p\npassword_in_clear = on\nauth = PLAIN, LOGIN\n"
		"tls = require\ntls_ca = /ca\ntls_cert = /cert\ntls_key = /key\n"
		"from = Ann <ann@example.org>\ndomain = Example.ORG.\nhost_name = web1.example.org\nhelo = [192.0.2.1]\n"
		"timeout = 2 min\nconnect_timeout = 7s\nattempt_timeout = 1m\nfamily = 4\nsource_address = 192.0.2.1, 2001:db8::1\n"
		"pipelining = no\nchunking = false\ndirect = 0\nmax_size = 25M\nmime_types = /types\n"
		"dns_servers = 192.0.2.53\ndns_timeout = 1h\nmx_port = 26\nmx_loopback = yes\n"
		"aliases = /a\naliases_may_write = yes\naliases_user = list:mail\nforward = yes\nrecipient_delimiter = +-\nfrom_policy = always\n"
		"local = no\nlocal_domains = Lists.Example, b\xc3\xbc" "cher.example\n"
		"[relay Work]\nurl = submission://b\xc3\xbc" "cher.example\nuser = bob\npassword_command = pass show work\nfrom = bob@work.example, *@corp.example\nusers = bob, ann\nfrom_policy = keep\n"
		"[rewrite *@B\xc3\xbc" "cher.example]\nsender = *@x.example\n[rewrite www-data]\nsender = W <w@B\xc3\xbc" "cher.example>\nrecipient = r@x.example\n"
		"[relay other]\nurl = o.example\n"
		"[route intranet.example]\nvia = lmtp:unix:/run/lmtp\ntls = none\n"
		"[route *.work.example]\nvia = relay WORK\n"
		"[route x.example]\nvia = reject  Not here, friend \n", NULL);
	assert_string_equal(conf.alias.path, "/a");
	assert_true(conf.alias.may_write && conf.forward && conf.default_relay.from_policy == FROM_ALWAYS);
	assert_view_is(conf.alias.delimiters, "+-");
	assert_view_is(conf.local_routing.alias_user, "list");
	assert_view_is(conf.local_routing.alias_group, "mail");
	assert_true(conf.relays[0].user_count == 2 && conf.relays[0].from_policy == FROM_KEEP && conf.relays[1].from_policy == FROM_ALWAYS);
	assert_view_is(conf.relays[0].users[1], "ann");
	assert_int_equal(conf.rewrite_count, 2);
	assert_view_is(conf.rewrites[0].pattern, "*@xn--bcher-kva.example");
	assert_view_is(conf.rewrites[0].sender, "*@x.example");
	assert_view_is(conf.rewrites[1].sender, "w@xn--bcher-kva.example");
	assert_view_is(conf.rewrites[1].recipient, "r@x.example");
	assert_view_is(conf.default_relay.credentials.user, "ann");
	assert_string_equal(conf.default_relay.password_file, "/p");
	assert_true(conf.default_relay.credentials.clear_allowed);
	assert_view_is(conf.default_relay.credentials.mechanisms, "PLAIN, LOGIN");
	assert_int_equal(conf.default_relay.tls.demand, TLS_DEMAND_REQUIRE);
	assert_string_equal(conf.default_relay.tls.key_file, "/key");
	assert_string_equal(conf.from, "Ann <ann@example.org>");
	assert_view_is(conf.compose.domain, "example.org");
	assert_view_is(conf.host_name, "web1.example.org");
	assert_view_is(conf.deliver.helo, "[192.0.2.1]");
	assert_int_equal(conf.deliver.timeout_ms, 120000);
	assert_int_equal(conf.deliver.connect.timeout_ms, 7000);
	assert_int_equal(conf.deliver.attempt_timeout_ms, 60000);
	assert_int_equal(conf.route.family, AF_INET);
	assert_int_equal(conf.deliver.connect.family, AF_INET);
	assert_int_equal(conf.deliver.connect.source_v4.storage.ss_family, AF_INET);
	assert_int_equal(conf.deliver.connect.source_v6.storage.ss_family, AF_INET6);
	assert_true(conf.deliver.no_pipelining && conf.deliver.no_chunking && !conf.route.direct && conf.route.mx_loopback);
	assert_int_equal(conf.compose.max_octets, 25 * 1024 * 1024);
	assert_string_equal(conf.compose.mime_types_file, "/types");
	assert_int_equal(conf.route.dns.timeout_ms, 3600000);
	assert_int_equal(conf.route.mx_port, 26);
	assert_true(conf.local.is_off);
	assert_int_equal(conf.local.domain_count, 2);
	assert_view_is(conf.local.domains[0], "lists.example");
	assert_view_is(conf.local.domains[1], "xn--bcher-kva.example");

	assert_int_equal(conf.route.relay_count, 2);
	relay = &conf.route.relays[0];
	assert_view_is(relay->name, "work");
	assert_view_is(relay->urls[0].host, "xn--bcher-kva.example");
	assert_view_is(relay->credentials.user, "bob");
	assert_int_equal(relay->from_count, 2);
	assert_view_is(relay->from[1], "*@corp.example");
	assert_false(relay->tls_is_set);

	assert_int_equal(conf.route.rule_count, 3);
	rule = conf.route.rules;
	assert_int_equal(rule[0].via, VIA_RELAY);
	assert_true(rule[0].relay->urls[0].is_unix && rule[0].tls_is_set && rule[0].tls.demand == TLS_DEMAND_NONE);
	assert_ptr_equal(rule[1].relay, relay);
	assert_int_equal(rule[2].via, VIA_REJECT);
	assert_view_is(rule[2].text, "Not here, friend");
	conf_clear(&conf);
}

static void later_places_beat_earlier_ones(void **state)
{
	struct conf conf;

	(void)state;
	setenv("PALOMA_TIMEOUT", " 20 ", 1);
	setenv("PALOMA_RELAY", "smtp://env.example", 1);
	assert_loads(&conf, "[paloma]\ntimeout = 10\nrelay = smtp://file.example\nmx_port = 1\n", OPTIONS("timeout=30"));
	assert_int_equal(conf.deliver.timeout_ms, 30000);
	assert_view_is(conf.default_relay.urls[0].host, "env.example");
	assert_int_equal(conf.value_count, 3);
	assert_view_is(conf.values[0].origin, "--option");
	assert_view_is(conf.values[1].origin, "PALOMA_RELAY");
	assert_int_equal(conf.route.mx_port, 1);
	conf_clear(&conf);
	/* an empty value takes back what a weaker place says */
	assert_loads(&conf, "[paloma]\nrelay = smtp://file.example\n", OPTIONS("relay="));
	assert_null(conf.route.default_relay);
	conf_clear(&conf);
	/* a mistake that is overruled harms nobody */
	assert_loads(&conf, "[paloma]\nmx_port = none\n", OPTIONS("mx_port=7"));
	assert_int_equal(conf.route.mx_port, 7);
	conf_clear(&conf);
}

static void the_users_file_is_found_and_has_to_be_the_users(void **state)
{
	struct conf_sources sources = {0};
	struct conf conf;
	struct err err = {0};
	const char *folder = scratch_path("paloma"), *path = scratch_path("paloma/paloma.conf");
	FILE *file;

	(void)state;
	assert_int_equal(mkdir(folder, 0700), 0);
	file = fopen(path, "w");
	fputs("[paloma]\nmx_port = 2500\n", file);
	fclose(file);
	setenv("XDG_CONFIG_HOME", scratch_folder(), 1);
	assert_int_equal(conf_load(&conf, &sources, &err), 0);
	assert_int_equal(conf.route.mx_port, 2500);
	conf_clear(&conf);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 12345), 0);
		assert_int_equal(conf_load(&conf, &sources, &err), -1);
		assert_non_null(strstr(err.text, "belongs to another user"));
		conf_clear(&conf);
	}
	unlink(path);
	rmdir(folder);
}

/* As while an editor saves it. */
static void a_file_that_was_read_before_is_missed(void **state)
{
	struct conf_sources sources = {0};
	struct conf conf;
	struct err err = {0};
	const char *folder = scratch_path("paloma"), *path = scratch_path("paloma/paloma.conf");

	(void)state;
	setenv("XDG_CONFIG_HOME", scratch_folder(), 1);
	assert_int_equal(conf_load(&conf, &sources, &err), 0); /* nobody has seen it yet */
	sources.files_read = conf.files_read;
	conf_clear(&conf);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(close(open(path, O_WRONLY | O_CREAT, 0600)), 0);
	assert_int_equal(conf_load(&conf, &sources, &err), 0);
	assert_int_not_equal(conf.files_read, sources.files_read);
	sources.files_read = conf.files_read;
	conf_clear(&conf);
	unlink(path);
	assert_int_equal(conf_load(&conf, &sources, &err), -1);
	assert_int_equal(err.exit_code, EX_CONFIG);
	assert_non_null(strstr(err.text, "paloma/paloma.conf has been read before and is gone; a restart would do without it."));
	conf_clear(&conf);
	rmdir(folder);
}

/* "No password ever travels unless the configuration says so, for that host": what a file says of its relay is not said of the
 * one that an option names. */
static void a_relay_of_another_place_gets_nothing_of_this_one(void **state)
{
	static const char text[] = "[paloma]\nrelay = smtps://ann@mail.example.org\nuser = ann\npassword_file = /p\npassword_command = c\n"
		"oauth_token_command = o\npassword_in_clear = yes\nauth = PLAIN\ntls = none\n";
	struct conf conf;

	(void)state;
	for (int spelled = 0; spelled < 2; spelled++) {
		assert_loads(&conf, text, OPTIONS(spelled ? "RELAY=smtp://other.example" : "relay=smtp://other.example"));
		assert_view_is(conf.default_relay.urls[0].host, "other.example");
		assert_int_equal(conf.default_relay.credentials.user.len, 0);
		assert_int_equal(conf.default_relay.credentials.mechanisms.len, 0);
		assert_null(conf.default_relay.password_file);
		assert_null(conf.default_relay.password_command);
		assert_null(conf.default_relay.oauth_token_command);
		assert_false(conf.default_relay.credentials.clear_allowed);
		assert_false(conf.default_relay.tls_is_set);
		conf_clear(&conf);
	}
	setenv("PALOMA_RELAY", "smtps://bob@other.example", 1);
	setenv("PALOMA_PASSWORD_FILE", "/q", 1);
	assert_loads(&conf, text, OPTIONS("tls=require"));
	assert_view_is(conf.default_relay.credentials.user, "bob");
	assert_string_equal(conf.default_relay.password_file, "/q");
	assert_null(conf.default_relay.password_command);
	assert_true(conf.default_relay.tls_is_set);
	conf_clear(&conf);
}

static void a_stricter_demand_stays(void **state)
{
	struct conf conf;

	(void)state;
	assert_loads(&conf, "[paloma]\ntls = verify\n", OPTIONS("relay=smtp://other.example"));
	assert_int_equal(conf.default_relay.tls.demand, TLS_DEMAND_VERIFY);
	conf_clear(&conf);
}

/* [route] with tls alone: the way stays what it is. */
static void a_route_may_be_about_tls_alone(void **state)
{
	struct conf conf;

	(void)state;
	assert_loads(&conf, "[paloma]\nrelay = a.example\n[route b\xc3\xbc" "cher.example]\ntls = verify\n", NULL);
	assert_int_equal(conf.route.rules[0].via, VIA_UNSET);
	assert_view_is(conf.route.rules[0].pattern, "xn--bcher-kva.example");
	assert_int_equal(conf.route.rules[0].tls.demand, TLS_DEMAND_VERIFY);
	conf_clear(&conf);
}

static void a_secret_of_a_stronger_place_is_the_only_one(void **state)
{
	static const char text[] = "[paloma]\nrelay = smtps://ann@mail.example.org\npassword_command = c\noauth_token_command = o\n";
	struct conf conf;

	(void)state;
	assert_loads(&conf, text, OPTIONS("password_file=/p"));
	assert_string_equal(conf.default_relay.password_file, "/p");
	assert_null(conf.default_relay.password_command);
	assert_null(conf.default_relay.oauth_token_command);
	conf_clear(&conf);
	assert_loads(&conf, text, OPTIONS("password_command=d"));
	assert_string_equal(conf.default_relay.password_command, "d");
	assert_null(conf.default_relay.oauth_token_command);
	conf_clear(&conf);
	assert_loads(&conf, text, NULL);
	assert_string_equal(conf.default_relay.password_command, "c");
	assert_string_equal(conf.default_relay.oauth_token_command, "o");
	conf_clear(&conf);
}

#define PIN "0000000000000000000000000000000000000000000000000000000000000000"

/* A pin is a demand, in whatever order the two stand; what is asked of the relay is not asked of MX hosts beside it. */
static void what_of_tls_is_for_mx_hosts(void **state)
{
	static const struct { const char *text, *options[3]; enum tls_demand relay, mx; size_t mx_pins; bool mx_cert; } cases[] = {
		{"tls_pin = " PIN "\n", {NULL}, TLS_DEMAND_VERIFY, TLS_DEMAND_VERIFY, 1, false},
		{"relay = a.example\ntls_pin = " PIN "\n", {NULL}, TLS_DEMAND_VERIFY, TLS_DEMAND_OPPORTUNISTIC, 0, false},
		{"tls_pin = " PIN "\ntls = opportunistic\nrelay = a.example\n", {NULL}, TLS_DEMAND_OPPORTUNISTIC, TLS_DEMAND_OPPORTUNISTIC, 0, false},
		{"tls = opportunistic\ntls_pin = " PIN "\nrelay = a.example\n", {NULL}, TLS_DEMAND_OPPORTUNISTIC, TLS_DEMAND_OPPORTUNISTIC, 0, false},
		{"relay = a.example\ntls = none\n", {NULL}, TLS_DEMAND_NONE, TLS_DEMAND_OPPORTUNISTIC, 0, false},
		{"tls = none\n", {NULL}, TLS_DEMAND_NONE, TLS_DEMAND_NONE, 0, false},
		{"relay = a.example\ntls_cert = c\n", {NULL}, TLS_DEMAND_NONE, TLS_DEMAND_OPPORTUNISTIC, 0, false},
		{"tls_cert = c\n", {NULL}, TLS_DEMAND_NONE, TLS_DEMAND_OPPORTUNISTIC, 0, true},
		/* --direct: what the file says is said of its relay, what options say is said of the MX hosts */
		{"relay = a.example\ntls_pin = " PIN "\ntls_cert = c\n", {"direct=yes"}, TLS_DEMAND_NONE, TLS_DEMAND_OPPORTUNISTIC, 0, false},
		{"relay = a.example\ntls = none\n", {"direct=yes"}, TLS_DEMAND_NONE, TLS_DEMAND_OPPORTUNISTIC, 0, false},
		{"relay = a.example\n", {"direct=yes", "tls_pin=" PIN}, TLS_DEMAND_VERIFY, TLS_DEMAND_VERIFY, 1, false},
		{"relay = a.example\n", {"direct=yes", "tls=none"}, TLS_DEMAND_NONE, TLS_DEMAND_NONE, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[512];
		struct conf conf;

		snprintf(text, sizeof text, "[paloma]\n%s", cases[i].text);
		assert_loads(&conf, text, cases[i].options);
		if (conf.default_relay.tls.demand != cases[i].relay || conf.route.mx_tls.demand != cases[i].mx ||
		    conf.route.mx_tls.pin_count != cases[i].mx_pins || !!conf.route.mx_tls.cert_file != cases[i].mx_cert)
			fail_msg("case %zu, %s: relay %d, mx %d", i, cases[i].text, conf.default_relay.tls.demand, conf.route.mx_tls.demand);
		conf_clear(&conf);
	}
}

static void mistakes_are_told_with_file_and_line(void **state)
{
	static const struct { const char *text, *place, *words; } cases[] = {
		{"[paloma]\nrelai = x\n", ":2: ", "There is no key relai; is relay meant?"},
		{"[paloma]\npasword_file = hunter2\n", ":2: ", "There is no key pasword_file; is password_file meant?"},
		{"[paloma]\npassword = hunter2\n", ":2: ", "A password does not stand among the settings"},
		{"[paloma]\nzzzzzzzzzz = x\n", ":2: ", "There is no key zzzzzzzzzz in a section of this kind."},
		{"[paloma]\npaloma = x\n", ":2: ", "There is no key paloma"},
		{"[paloma]\nvia = mx\n", ":2: ", "There is no key via"},
		{"[relay x]\nrelay = a\n", ":2: ", "There is no key relay"},
		{"[route x]\nfrom = a@b\n", ":2: ", "There is no key from"},
		{"[poloma]\nrelay = x\n", ":2: ", "There is no section [poloma]; there are [paloma], [relay NAME], [route PATTERN] and [rewrite PATTERN]."},
		{"[relay]\nurl = x\n", ":2: ", "There is no section [relay]"},
		{"[paloma]\n\ntimeout = soon\n", ":3: ", "timeout is a number of seconds (or with s, m or h behind it), not \"soon\"."},
		{"[paloma]\nfrom_policy = never\n", ":2: ", "from_policy is keep, mend or always, not \"never\"."},
		{"[paloma]\naliases_user = root\n", ":2: ", "aliases_user is a user who is not root, or user:group, not \"root\"."},
		{"[paloma]\naliases_user = list:root\n", ":2: ", "not \"list:root\""}, {"[paloma]\naliases_user = :mail\n", ":2: ", "not \":mail\""},
		{"[paloma]\naliases_user = list:\n", ":2: ", "not \"list:\""},
		{"[paloma]\naliases = aliases\n", ":2: ", "aliases is the path of a file from / on, not \"aliases\"."},
		{"[paloma]\nrecipient_delimiter = a\n", ":2: ", "recipient_delimiter is one or more characters such as + and -, not \"a\"."},
		{"[paloma]\nrecipient_delimiter = @\n", ":2: ", "recipient_delimiter is one or more characters"},
		{"[paloma]\nusers = ann\n", ":2: ", "There is no key users"},
		{"[relay work]\nurl = a.example\nusers = ann,,bob\n", ":3: ", "users is a list of login names, separated by commas, not \"\"."},
		{"[relay work]\nurl = a.example\nusers = ann@x\n", ":3: ", "users is a list of login names"},
		{"[rewrite x]\nsender = ann\n", ":2: ", "sender is an address, or *@ and a domain, not \"ann\"."},
		{"[rewrite x]\nsender = a@x.example, b@x.example\n", ":2: ", "sender is an address"},
		{"[rewrite x]\nfrom = ann@x.example\n", ":2: ", "There is no key from"},
		{"[paloma]\nlocal = perhaps\n", ":2: ", "local is yes or no, not \"perhaps\"."},
		{"[paloma]\nlocal_domains = a.example,, b.example\n", ":2: ", "local_domains is a list of domains, separated by commas, not \"\"."},
		{"[paloma]\nlocal_domains = root@a.example\n", ":2: ", "local_domains is a list of domains"},
		{"[paloma]\ntimeout = -1\n", ":2: ", "timeout is a number of seconds"},
		{"[paloma]\ntimeout = 99999999999999999999\n", ":2: ", "timeout is a number of seconds"},
		{"[paloma]\ntimeout = 300h\n", ":2: ", "timeout is a number of seconds"},
		{"[paloma]\nmax_size = 5X\n", ":2: ", "max_size is a number of octets"},
		{"[paloma]\nmx_port = 0\n", ":2: ", "mx_port is a port from 1 to 65535, not \"0\"."},
		{"[paloma]\npipelining = maybe\n", ":2: ", "pipelining is yes or no, not \"maybe\"."},
		{"[paloma]\nfamily = 5\n", ":2: ", "family is any, 4 or 6, not \"5\"."},
		{"[paloma]\ntls = maybe\n", ":2: ", "tls is none, opportunistic, require or verify, not \"maybe\"."},
		{"[paloma]\ntls_pin = 12\n", ":2: ", "\"12\" is no pin"},
		{"[paloma]\nsource_address = host.example\n", ":2: ", "source_address is an IPv4 or IPv6 address"},
		{"[paloma]\nsource_address = 192.0.2.1,\n", ":2: ", "source_address is an IPv4 or IPv6 address"},
		{"[paloma]\ndomain = a b\n", ":2: ", "domain is the name of a host, not \"a b\"."},
		{"[paloma]\nhelo = [host]\n", ":2: ", "helo is the name of a host"},
		{"[paloma]\nrelay = smtps://ann:hunter2@a.example\n", ":2: ", "A password has no place in a relay URL"},
		{"[paloma]\nrelay = http://ann:hunter2@a.example\n", ":2: ", "its scheme is not"},
		{"[relay work]\nfrom = a@b\n\n", ":2: ", "[relay work] has no url."},
		{"[relay work]\nurl = a.example\nfrom = example.org\n", ":3: ", "from is an address or a pattern like *@example.org, not \"example.org\"."},
		{"[route x.example]\nvia = smtps://ann@a.example\n", ":2: ", "A login needs a password, for which a route has no place"},
		{"[route \xff.example]\nvia = mx\n", ":2: ", "is not a valid international domain name"},
		{"[relay work]\nurl = a.example\nfrom = *@\xff.example\n", ":3: ", "is not a valid international domain name"},
		{"[route x.example]\nvia = relay work\n", ":2: ", "There is no [relay work]."},
		{"[route x.example]\nvia = relay default\n", ":2: ", "There is no [relay default]."},
		{"[route x.example]\nvia = relay\n", ":2: ", "via is relay NAME, mx, local, discard, reject TEXT or a URL"},
		{"[route x.example]\nvia = mx y\n", ":2: ", "via is relay NAME, mx, local, discard, reject TEXT or a URL"},
		{"[route x.example]\nvia = reject\n", ":2: ", "via is relay NAME, mx, local, discard, reject TEXT or a URL"},
		{"[route x.example]\nvia = ftp://a.example\n", ":2: ", "its scheme is not"},
		{"[paloma]\nrelay\n", ":2: ", "The line has no ="},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = {0};
		struct conf conf;

		if (load(&conf, cases[i].text, NULL, &err) == 0)
			fail_msg("taken: %s", cases[i].text);
		if (strncmp(err.text, config_path, strlen(config_path)) != 0 ||
		    strncmp(err.text + strlen(config_path), cases[i].place, strlen(cases[i].place)) != 0 || !strstr(err.text, cases[i].words) ||
		    strstr(err.text, "hunter2"))
			fail_msg("\"%s\" gives \"%s\"", cases[i].text, err.text);
		assert_int_equal(err.exit_code, EX_CONFIG);
		conf_clear(&conf);
	}
}

static void mistakes_in_options_and_the_environment_are_told(void **state)
{
	struct conf_sources sources = {.config_file = "/nonexistent/paloma.conf"};
	struct err err = {0};
	struct conf conf;

	(void)state;
	assert_int_equal(load(&conf, "", OPTIONS("timeout=soon"), &err), -1);
	assert_int_equal(err.exit_code, EX_USAGE);
	assert_int_equal(strncmp(err.text, "--option: timeout is ", 21), 0);
	conf_clear(&conf);
	assert_int_equal(load(&conf, "", OPTIONS("tiemout=5"), &err), -1);
	assert_int_equal(err.exit_code, EX_USAGE);
	assert_string_equal(err.text, "--option: There is no key tiemout; is timeout meant?");
	conf_clear(&conf);
	assert_int_equal(load(&conf, "", OPTIONS("host_name=a\r\nBcc: x@example.org"), &err), -1);
	assert_string_equal(err.text, "--option: host_name is the name of a host, not \"a\\x0D\\x0ABcc: x@example.org\".");
	conf_clear(&conf);
	setenv("PALOMA_TIMEOUT", "soon", 1);
	assert_int_equal(load(&conf, "", NULL, &err), -1);
	assert_int_equal(err.exit_code, EX_CONFIG);
	assert_int_equal(strncmp(err.text, "PALOMA_TIMEOUT: timeout is ", 27), 0);
	conf_clear(&conf);
	assert_int_equal(conf_load(&conf, &sources, &err), -1);
	assert_string_equal(err.text, "The configuration /nonexistent/paloma.conf does not exist.");
	conf_clear(&conf);
}

static void the_table_of_keys_is_whole(void **state)
{
	(void)state;
	assert_true(conf_key_count() > 25);
	for (size_t i = 0; i < conf_key_count(); i++) {
		struct conf_key key = conf_key_at(i);

		assert_true(key.sections != 0 && key.key.len > 0 && key.key.len < 50 && key.help[0] != '\0');
		for (size_t k = 0; k < key.key.len; k++) /* or no variable of the environment could be called so */
			assert_true((key.key.data[k] >= 'a' && key.key.data[k] <= 'z') || key.key.data[k] == '_');
		for (size_t k = 0; k < i; k++)
			assert_false((conf_key_at(k).sections & key.sections) && view_equal(conf_key_at(k).key, key.key));
	}
}

/* For keeping mail: what is known is there, what is wrong is told, and an option of the caller is his own mistake. */
static void what_can_be_read_is_good_for_keeping_mail(void **state)
{
	static const char text[] = "[paloma]\nspool = /srv/spool\nrelais = smtp://a.example\ndomain = example.org\ntimeout = soon\n[route x.example]\nvia = relay gone\n";
	struct conf_override wrong = {.key = "timeout", .value = "never", .origin = "--timeout"};
	struct conf_sources sources = {.config_file = scratch_write("paloma.conf", 0600, view_of(text)), .is_lenient = true};
	struct conf conf;
	struct err err = {0};

	(void)state;
	assert_int_equal(conf_load(&conf, &sources, &err), 0);
	assert_int_equal(err.exit_code, 0);
	assert_string_equal(conf.queue.spool, "/srv/spool");
	assert_view_is(conf.compose.domain, "example.org");
	assert_non_null(strstr(conf.trouble.text, "paloma.conf:3: There is no key relais"));
	assert_true(conf.is_own);
	conf_clear(&conf);
	sources.overrides = &wrong;
	sources.override_count = 1;
	assert_int_equal(conf_load(&conf, &sources, &err), -1);
	assert_int_equal(err.exit_code, EX_USAGE);
	conf_clear(&conf);
	sources = (struct conf_sources){.config_file = scratch_write("paloma.conf", 0600, view_of("[paloma]\nrelay = smtp://a.example\n")), .is_lenient = true};
	assert_int_equal(conf_load(&conf, &sources, &err), 0);
	assert_int_equal(conf.trouble.exit_code, 0);
	conf_clear(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_a_configuration),
		cmocka_unit_test(every_key_goes_where_it_belongs),
		cmocka_unit_test_teardown(later_places_beat_earlier_ones, forget_environment),
		cmocka_unit_test_teardown(the_users_file_is_found_and_has_to_be_the_users, forget_environment),
		cmocka_unit_test_teardown(a_file_that_was_read_before_is_missed, forget_environment),
		cmocka_unit_test_teardown(a_relay_of_another_place_gets_nothing_of_this_one, forget_environment),
		cmocka_unit_test(a_stricter_demand_stays),
		cmocka_unit_test(a_route_may_be_about_tls_alone),
		cmocka_unit_test(a_secret_of_a_stronger_place_is_the_only_one),
		cmocka_unit_test(what_of_tls_is_for_mx_hosts),
		cmocka_unit_test(mistakes_are_told_with_file_and_line),
		cmocka_unit_test_teardown(mistakes_in_options_and_the_environment_are_told, forget_environment),
		cmocka_unit_test(what_can_be_read_is_good_for_keeping_mail), cmocka_unit_test(the_table_of_keys_is_whole),
	};

	forget_environment(NULL);
	return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
