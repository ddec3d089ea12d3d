/* SPDX-License-Identifier: Apache-2.0 */
/* `surewire serve`: the life of a process. Broker or store away at the start is waited for, one line an attempt, while
 * /readyz says what is missing. TERM drains, HUP reads keys, certificates and the log level again. */
#include "app/commands.h"
#include "app/serve_int.h"

#include "store/migrate.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <argp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RETRY_MS = 500, RETRY_MS_MAX = 5000, ATTEMPT_MS = 10000 };

static const char *const role_names[ROLES] = {"gateway", "sequencer", "mailbox", "pusher", "admin"};

/* ---- command line ---- */

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	const char **roles = state->input;
	if (key == 'r') {
		*roles = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static bool set_role(struct serve *serve, const char *name, size_t len)
{
	for (size_t i = 0; i < ROLES; i++) {
		if (strlen(role_names[i]) == len && memcmp(role_names[i], name, len) == 0) {
			serve->roles[i] = true;
			return true;
		}
	}
	return false;
}

static int parse_roles(struct serve *serve, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, ",");
		if (len && !set_role(serve, text, len)) {
			return sw_cli_usage(
				"serve",
				"--roles: expected a list of gateway, sequencer, mailbox, pusher, admin; got '%.*s'",
				(int)len, text);
		}
		text += len + (text[len] == ',');
	}
	return SW_EXIT_OK;
}

static void name_roles(struct serve *serve)
{
	for (size_t i = 0; i < ROLES; i++) {
		if (serve->roles[i]) {
			size_t len = strlen(serve->role_text);
			snprintf(serve->role_text + len, sizeof(serve->role_text) - len, "%s%s", len ? "," : "",
				 role_names[i]);
		}
	}
}

static int need_keys(const struct serve *serve, struct sw_diag *diag)
{
	int err = sw_config_check_fit(serve->config, diag);
	err = err ? err : sw_config_need(serve->config, "bus", "url", diag);
	err = err ? err : sw_config_need(serve->config, "store", "url", diag);
	if (!err && serve->roles[ROLE_GATEWAY]) {
		err = sw_config_need(serve->config, "auth", "keys_dir", diag);
	}
	if (!err && serve->roles[ROLE_ADMIN]) {
		err = sw_config_need(serve->config, "admin", "token", diag);
	}
	if (!err && serve->roles[ROLE_GATEWAY] && serve->config->gateway.tls_listen.host[0]) {
		err = sw_config_need(serve->config, "gateway", "tls_cert", diag);
		err = err ? err : sw_config_need(serve->config, "gateway", "tls_key", diag);
	}
	return err;
}

/* ---- signals: all threads have them blocked, this one takes them ---- */

static sigset_t block_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return set;
}

/* Whether the process shall end. */
static bool wait_for_end(const sigset_t *signals, int64_t ms)
{
	struct timespec timeout = {ms / 1000, ms % 1000 * 1000000};
	int number = sigtimedwait(signals, NULL, &timeout);
	return number == SIGTERM || number == SIGINT;
}

/* ---- the start, step by step, each until it works ---- */

typedef int (*start_fn)(struct serve *serve, struct sw_diag *diag);

static int start_store(struct serve *serve, struct sw_diag *diag)
{
	struct sw_pg *pg = sw_pg_new(&serve->pg);
	int err = sw_pg_connect(pg, sw_clock_mono_ms() + ATTEMPT_MS, diag);
	err = err ? err : sw_migrate_check(pg, diag);
	sw_pg_free(pg);
	return err;
}

static int start_node(struct serve *serve, struct sw_diag *diag)
{
	char address[300];
	snprintf(address, sizeof(address), "%s:%u", serve->config->admin.listen.host, sw_ops_port(serve->ops));
	int err = sw_node_open(&serve->pg, serve->role_text, address, &serve->node, diag);
	if (!err) {
		sw_idgen_init(&serve->ids, sw_node_slot(serve->node));
		atomic_store(&serve->ids_ready, true);
	}
	return err;
}

static void set_starting(struct serve *serve, const char *what, const struct sw_diag *diag)
{
	pthread_mutex_lock(&serve->starting_lock);
	snprintf(serve->starting, sizeof(serve->starting), "%s%s%.120s", what, diag && diag->text[0] ? ": " : "",
		 diag ? diag->text : "");
	pthread_mutex_unlock(&serve->starting_lock);
}

/* SW_EEND: told to end meanwhile. */
static int start_step(struct serve *serve, const sigset_t *signals, const char *what, start_fn step,
		      struct sw_diag *diag)
{
	int64_t pause_ms = RETRY_MS;
	while (true) {
		*diag = (struct sw_diag){0};
		set_starting(serve, what, NULL);
		int err = step(serve, diag);
		if (err == SW_OK || !sw_err_retryable(err)) {
			return err;
		}
		set_starting(serve, what, diag);
		SW_LOG(WARN, "app.waiting", SW_F_STR("for", what), SW_F_ERR(err), SW_F_STR("detail", diag->text),
		       SW_F_INT("retry_ms", pause_ms));
		if (wait_for_end(signals, pause_ms)) {
			return SW_EEND;
		}
		pause_ms = pause_ms * 2 < RETRY_MS_MAX ? pause_ms * 2 : RETRY_MS_MAX;
	}
}

static int start(struct serve *serve, const sigset_t *signals, struct sw_diag *diag)
{
	int err = serve_open_ops(serve, diag);
	err = err ? err : start_step(serve, signals, "store", start_store, diag);
	err = err ? err : start_step(serve, signals, "node slot", start_node, diag);
	err = err ? err : start_step(serve, signals, "broker", serve_declare, diag);
	err = err ? err : serve_open_roles(serve, diag);
	if (!err) {
		set_starting(serve, "", NULL);
	}
	return err;
}

/* ---- running ---- */

static void reload(struct serve *serve)
{
	struct sw_config *fresh = NULL;
	struct sw_diag diag = {0};
	enum sw_log_level level;
	int err = sw_cli_load_config(&fresh, &diag);
	if (!err && sw_log_level_parse(fresh->log.level, &level)) {
		sw_log_set_level(level);
	}
	sw_config_free(fresh);
	if (!err && serve->gateway) {
		err = sw_gateway_reload(serve->gateway, &diag);
	}
	if (serve->pusher) {
		sw_pusher_reload(serve->pusher);
	}
	if (err) {
		SW_LOG(ERROR, "app.reload_failed", SW_F_STR("detail", diag.text));
	} else {
		SW_LOG(INFO, "app.reloaded", SW_F_STR("log_level", serve->config->log.level));
	}
}

static void run(struct serve *serve, const sigset_t *signals)
{
	SW_LOG(INFO, "app.ready", SW_F_STR("roles", serve->role_text), SW_F_INT("ops_port", sw_ops_port(serve->ops)),
	       SW_F_INT("port", serve->gateway ? sw_gateway_state(serve->gateway).port : 0),
	       SW_F_INT("tls_port", serve->gateway ? sw_gateway_state(serve->gateway).tls_port : 0));
	while (true) {
		int number = sigwaitinfo(signals, NULL);
		if (number == SIGHUP) {
			reload(serve);
		} else if (number == SIGTERM || number == SIGINT) {
			SW_LOG(INFO, "app.stopping", SW_F_INT("signal", number));
			return;
		}
	}
}

/* ---- the end ---- */

/* Whatever hangs then (a name that does not resolve, a peer that takes no goodbye): nothing is lost by ending. */
static void *force_end(void *arg)
{
	const struct serve *serve = arg;
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	bool asked = wait_for_end(&signals, serve->config->node.stop_timeout_ms);
	SW_LOG(ERROR, "app.stop_forced", SW_F_STR("reason", asked ? "a second signal" : "[node] stop_timeout"),
	       SW_F_STR("closing", serve->closing));
	_exit(SW_EXIT_FAILURE);
}

static void end(struct serve *serve)
{
	pthread_t watch;
	bool watched = pthread_create(&watch, NULL, force_end, serve) == 0;
	serve_close(serve);
	if (watched) {
		pthread_cancel(watch);
		pthread_join(watch, NULL);
	}
}

static void apply_log(const struct sw_config *config)
{
	enum sw_log_level level;
	if (sw_log_level_parse(config->log.level, &level)) {
		sw_log_set_level(level);
	}
	sw_log_set_json(strcmp(config->log.format, "json") == 0);
}

int sw_cmd_serve(const struct sw_config *config, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"roles", 'r', "LIST", 0, "what this process does (default: [node] roles)", 0}, {0}};
	static const struct argp argp = {.options = options,
					 .parser = on_option,
					 .args_doc = "",
					 .doc = "Runs the roles of this process until TERM."};
	struct serve *serve = sw_xcalloc(1, sizeof(*serve));
	struct sw_diag diag = {0};
	const char *roles = NULL;
	serve->config = config;
	pthread_mutex_init(&serve->starting_lock, NULL);
	pthread_mutex_init(&serve->taking_lock, NULL);
	argp_parse(&argp, argc, argv, 0, NULL, &roles);
	int code = SW_EXIT_OK;
	if (roles) {
		code = parse_roles(serve, roles);
	} else {
		for (size_t i = 0; i < ROLES; i++) {
			serve->roles[i] = sw_config_has_role(config, role_names[i]);
		}
	}
	name_roles(serve);
	if (code == SW_EXIT_OK && !serve->role_text[0]) {
		code = sw_cli_usage("serve", "--roles: expected at least one");
	}
	int err = code ? SW_EEND : need_keys(serve, &diag);
	err = err ? err : sw_bus_config_parse(config->bus.url, &serve->bus_text, &diag);
	if (!err) {
		sigset_t signals = block_signals();
		apply_log(config);
		err = serve_prepare(serve, &diag);
		err = err ? err : start(serve, &signals, &diag);
		if (err == SW_OK) {
			run(serve, &signals);
		}
		if (err == SW_OK || err == SW_EEND) {
			end(serve);
		}
	}
	if (err && err != SW_EEND) {
		code = sw_cli_fail(err, &diag);
		/* A port in use, an address that is not ours, a store of another version: the operator must change something. */
		code = code == SW_EXIT_FAILURE || err == SW_EVERSION ? SW_EXIT_CONFIG : code;
		/* Half-started threads are still running: nothing of theirs may be freed. */
		_exit(code);
	}
	pthread_mutex_destroy(&serve->starting_lock);
	pthread_mutex_destroy(&serve->taking_lock);
	free(serve);
	return code;
}
