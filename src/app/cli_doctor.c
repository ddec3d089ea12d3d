/* SPDX-License-Identifier: Apache-2.0 */
/* surewire doctor: one line for each thing that Surewire depends on, and for what is wrong also what to do. Changes
 * nothing. The configuration itself was checked when it was loaded. */
#include "app/cli_doctor.h"
#include "app/commands.h"

struct check {
	const char *name;
	int (*run)(const struct sw_config *config, struct sw_diag *diag_out);
	enum sw_exit code; /* when it fails */
	const char *todo;
};

static const struct check checks[] = {
	{"needed keys", sw_doctor_needs, SW_EXIT_CONFIG, "set it; surewire --help-config explains it"},
	{"limits", sw_doctor_sizes, SW_EXIT_CONFIG, "change one of the two"},
	{"token keys", sw_doctor_keys, SW_EXIT_CONFIG, "repair the folder [auth] keys_dir"},
	{"TLS certificate", sw_doctor_tls, SW_EXIT_CONFIG, "repair [gateway] tls_cert and tls_key"},
	{"open files", sw_doctor_files, SW_EXIT_CONFIG,
	 "raise it (ulimit -n, LimitNOFILE=) or lower [gateway] connections_max"},
	{"broker", sw_doctor_broker, SW_EXIT_UNAVAILABLE, "start RabbitMQ, or correct [bus] url"},
	{"store", sw_doctor_store, SW_EXIT_UNAVAILABLE, "start PostgreSQL, or correct [store] url"},
	{"schema", sw_doctor_schema, SW_EXIT_UNAVAILABLE, "run surewire migrate, or the version of Surewire that fits"},
	{"clock", sw_doctor_clock, SW_EXIT_UNAVAILABLE,
	 "synchronise the clocks of this machine and of the store (NTP)"},
	{"gateway port", sw_doctor_port_gateway, SW_EXIT_UNAVAILABLE,
	 "stop what listens there (perhaps Surewire runs), or change [gateway] listen"},
	{"TLS port", sw_doctor_port_tls, SW_EXIT_UNAVAILABLE,
	 "stop what listens there (perhaps Surewire runs), or change [gateway] tls_listen"},
	{"admin port", sw_doctor_port_admin, SW_EXIT_UNAVAILABLE,
	 "stop what listens there (perhaps Surewire runs), or change [admin] listen"},
};

/* Configuration errors are reported first: the others may follow from them. */
static int worse(int before, int code)
{
	return before == SW_EXIT_CONFIG || code == SW_EXIT_OK ? before : code;
}

static int report(const char *name, int err, const struct sw_diag *diag, const char *todo, int code)
{
	if (err == DOCTOR_SKIP) {
		return SW_EXIT_OK;
	}
	const char *text = diag->text[0] ? diag->text : sw_err_text(err);
	if (err == SW_OK) {
		printf("ok    %-16s %s\n", name, text);
	} else {
		printf("FAIL  %-16s %s -> %s\n", name, text, todo);
	}
	fflush(stdout);
	return err ? code : SW_EXIT_OK;
}

int sw_cmd_doctor(const struct sw_config *config, int argc, char **argv)
{
	if (argc > 1) {
		return sw_cli_usage(argv[0], "expected no argument, got '%s'", argv[1]);
	}
	printf("ok    %-16s %s\n", "configuration",
	       config->path[0] ? config->path : "defaults and environment, no file");
	int code = SW_EXIT_OK;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct sw_diag diag = {""};
		int err = checks[i].run(config, &diag);
		code = worse(code, report(checks[i].name, err, &diag, checks[i].todo, checks[i].code));
	}
	for (size_t i = 0; i < config->push_count; i++) {
		struct sw_diag diag = {""};
		char name[64];
		snprintf(name, sizeof(name), "push.%s", config->push[i].name);
		int err = sw_doctor_push(&config->push[i], &diag);
		code = worse(code, report(name, err, &diag, "correct its section, or remove it", SW_EXIT_CONFIG));
	}
	return code;
}
