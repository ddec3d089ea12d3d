/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that must answer, and ports that must be free. */
#include "app/cli_doctor.h"

#include "app/cli_store.h"
#include "bus/dial.h"
#include "store/migrate.h"

#include <surewire/clock.h>

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLOCK_SKEW_MAX_MS = 2000 };

int sw_doctor_broker(const struct sw_config *config, struct sw_diag *diag_out)
{
	if (!config->bus.url[0]) {
		return DOCTOR_SKIP;
	}
	struct sw_bus_config bus;
	int err = sw_bus_config_parse(config->bus.url, &bus, diag_out);
	if (err) {
		return err;
	}
	bus.name = "surewire";
	bus.connect_timeout_ms = (int)config->bus.connect_timeout_ms;
	amqp_connection_state_t conn = NULL;
	int heartbeat_s = 0;
	err = sw_bus_dial(&bus, "doctor", &conn, &heartbeat_s, diag_out);
	if (!err) {
		sw_bus_hang_up(conn, true);
		sw_diag_set(diag_out, SW_OK, "%s:%u takes user %s", bus.host, bus.port, bus.user);
	}
	sw_bus_config_release(&bus);
	return err;
}

int sw_doctor_store(const struct sw_config *config, struct sw_diag *diag_out)
{
	if (!config->store.url[0]) {
		return DOCTOR_SKIP;
	}
	struct sw_pg *pg = NULL;
	int err = sw_cli_pg_open(config, &pg, diag_out);
	sw_pg_free(pg);
	return err ? err : sw_diag_set(diag_out, SW_OK, "connected");
}

int sw_doctor_schema(const struct sw_config *config, struct sw_diag *diag_out)
{
	struct sw_pg *pg = NULL;
	if (!config->store.url[0] || sw_cli_pg_open(config, &pg, NULL) != SW_OK) {
		return DOCTOR_SKIP; /* reported by the check of the store */
	}
	int err = sw_migrate_check(pg, diag_out);
	sw_pg_free(pg);
	return err ? err : sw_diag_set(diag_out, SW_OK, "up to date");
}

/* Half of the round trip is the best guess of when the store looked at its clock. */
static int measure_skew(struct sw_pg *pg, int64_t *skew_ms_out, struct sw_diag *diag_out)
{
	int64_t before_ms = sw_clock_wall_ms();
	int err = sw_cli_pg_run(pg, SW_SQL_APP_CLOCK_MS, NULL, diag_out);
	if (!err) {
		int64_t after_ms = sw_clock_wall_ms();
		*skew_ms_out = sw_pg_i64(sw_pg_result(pg, 0), 0, 0) - (before_ms + after_ms) / 2;
	}
	return err;
}

int sw_doctor_clock(const struct sw_config *config, struct sw_diag *diag_out)
{
	struct sw_pg *pg = NULL;
	if (!config->store.url[0] || sw_cli_pg_open(config, &pg, NULL) != SW_OK) {
		return DOCTOR_SKIP;
	}
	int64_t skew_ms = 0;
	int err = measure_skew(pg, &skew_ms, diag_out);
	/* Once more on the warm connection: the first round trip also prepared the statement. */
	err = err ? err : measure_skew(pg, &skew_ms, diag_out);
	sw_pg_free(pg);
	if (!err && llabs(skew_ms) > CLOCK_SKEW_MAX_MS) {
		err = sw_diag_set(diag_out, SW_EUNAVAILABLE,
				  "expected at most %d ms between this clock and the store's, got %lld",
				  CLOCK_SKEW_MAX_MS, (long long)skew_ms);
	}
	return err ? err : sw_diag_set(diag_out, SW_OK, "%lld ms from the store's", (long long)skew_ms);
}

static int try_bind(const struct addrinfo *info)
{
	int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC, info->ai_protocol);
	if (fd < 0) {
		return errno;
	}
	int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Without listen() Linux lets two sockets with SO_REUSEADDR share a port. */
	int reason = bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, 1) == 0 ? 0 : errno;
	close(fd);
	return reason;
}

static int check_port(const struct sw_address *address, struct sw_diag *diag_out)
{
	if (!address->host[0]) {
		return DOCTOR_SKIP;
	}
	char port[8];
	snprintf(port, sizeof(port), "%u", address->port);
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *info = NULL;
	int failed = getaddrinfo(address->host, port, &hints, &info);
	if (failed) {
		return sw_diag_set(diag_out, SW_ECONFIG, "%s: %s", address->host, gai_strerror(failed));
	}
	int reason = try_bind(info);
	freeaddrinfo(info);
	if (reason) {
		return sw_diag_set(diag_out, SW_EUNAVAILABLE, "%s port %s: %s", address->host, port, strerror(reason));
	}
	return sw_diag_set(diag_out, SW_OK, "%s port %s is free", address->host, port);
}

int sw_doctor_port_gateway(const struct sw_config *config, struct sw_diag *diag_out)
{
	return sw_config_has_role(config, "gateway") ? check_port(&config->gateway.listen, diag_out) : DOCTOR_SKIP;
}

int sw_doctor_port_tls(const struct sw_config *config, struct sw_diag *diag_out)
{
	return sw_config_has_role(config, "gateway") ? check_port(&config->gateway.tls_listen, diag_out) : DOCTOR_SKIP;
}

int sw_doctor_port_admin(const struct sw_config *config, struct sw_diag *diag_out)
{
	return check_port(&config->admin.listen, diag_out);
}
