/* SPDX-License-Identifier: Apache-2.0 */
/* rabbitmq-c, trap by trap: no default capabilities (a cancelled consumer would wait for ever), RPCs without deadline,
 * heartbeats only inside its own calls. Passwords never reach a text. */
#include "bus/dial.h"

#include <surewire/mem.h>

#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_MAX = 131072, GOODBYE_TIMEOUT_S = 2 };

/* Client-side reply codes of AMQP 0-9-1. */
enum { ACCESS_REFUSED = 403, NOT_ALLOWED = 530 };

static bool text_has(amqp_bytes_t text, const char *part)
{
	return memmem(text.bytes, text.len, part, strlen(part)) != NULL;
}

static int login_error(const struct sw_bus_config *config, const amqp_rpc_reply_t *reply, struct sw_diag *diag_out)
{
	if (reply->reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) {
		return sw_diag_set(diag_out, SW_ECONNECT, "broker %s:%u: %s", config->host, config->port,
				   amqp_error_string2(reply->library_error));
	}
	if (reply->reply.id != AMQP_CONNECTION_CLOSE_METHOD) {
		return sw_diag_set(diag_out, SW_ECONNECT, "broker %s:%u: unexpected answer to the login", config->host,
				   config->port);
	}
	const amqp_connection_close_t *close = reply->reply.decoded;
	int code = close->reply_code;
	int len = (int)close->reply_text.len;
	const char *text = close->reply_text.bytes;
	if (code == ACCESS_REFUSED || (code == NOT_ALLOWED && text_has(close->reply_text, "refused"))) {
		return sw_diag_set(diag_out, SW_EAUTH, "broker %s:%u refused user '%s' on vhost '%s': %.*s",
				   config->host, config->port, config->user, config->vhost, len, text);
	}
	int err = code == NOT_ALLOWED ? SW_ECONFIG : SW_ECONNECT;
	return sw_diag_set(diag_out, err, "broker %s:%u, vhost '%s': %.*s", config->host, config->port, config->vhost,
			   len, text);
}

static int login(amqp_connection_state_t conn, const struct sw_bus_config *config, const char *label,
		 struct sw_diag *diag_out)
{
	static const char *const names[] = {"consumer_cancel_notify", "connection.blocked", "publisher_confirms",
					    "basic.nack"};
	enum { NAMES = sizeof(names) / sizeof(names[0]) };
	amqp_table_entry_t capabilities[NAMES];
	for (int i = 0; i < NAMES; i++) {
		capabilities[i] = (amqp_table_entry_t){
			.key = amqp_cstring_bytes(names[i]),
			.value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1},
		};
	}
	char *connection_name = sw_xasprintf("%s %s", config->name, label);
	amqp_table_entry_t entries[] = {
		{.key = amqp_cstring_bytes("capabilities"),
		 .value = {.kind = AMQP_FIELD_KIND_TABLE, .value.table = {NAMES, capabilities}}},
		{.key = amqp_cstring_bytes("connection_name"),
		 .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(connection_name)}},
	};
	amqp_table_t properties = {2, entries};
	amqp_rpc_reply_t reply = amqp_login_with_properties(conn, config->vhost, 0, FRAME_MAX, config->heartbeat_s,
							    &properties, AMQP_SASL_METHOD_PLAIN, config->user,
							    config->password);
	free(connection_name);
	return reply.reply_type == AMQP_RESPONSE_NORMAL ? SW_OK : login_error(config, &reply, diag_out);
}

static int open_socket(amqp_connection_state_t conn, const struct sw_bus_config *config, struct sw_diag *diag_out)
{
	struct timeval connect = {config->connect_timeout_ms / 1000, config->connect_timeout_ms % 1000 * 1000};
	struct timeval rpc = {SW_BUS_RPC_TIMEOUT_S, 0};
	int status = amqp_set_handshake_timeout(conn, &connect);
	status = status < 0 ? status : amqp_set_rpc_timeout(conn, &rpc);
	amqp_socket_t *socket = status < 0 ? NULL : amqp_tcp_socket_new(conn);
	if (!socket) {
		return sw_diag_set(diag_out, SW_ECONNECT, "broker: the client library cannot make a socket");
	}
	status = amqp_socket_open_noblock(socket, config->host, config->port, &connect);
	if (status < 0) {
		return sw_diag_set(diag_out, SW_ECONNECT, "broker %s:%u: %s", config->host, config->port,
				   amqp_error_string2(status));
	}
	return SW_OK;
}

static int prepare(amqp_connection_state_t conn, const struct sw_bus_config *config, const char *label,
		   int *heartbeat_s_out, struct sw_diag *diag_out)
{
	int err = open_socket(conn, config, diag_out);
	err = err < 0 ? err : login(conn, config, label, diag_out);
	if (err < 0) {
		return err;
	}
	amqp_channel_open(conn, SW_BUS_CHANNEL);
	err = sw_bus_reply(conn, "channel", diag_out);
	if (err < 0) {
		return SW_ECONNECT;
	}
	/* Its heartbeats would land in the middle of a frame that we have sent in part. */
	*heartbeat_s_out = amqp_get_heartbeat(conn);
	if (amqp_tune_connection(conn, amqp_get_channel_max(conn), amqp_get_frame_max(conn), 0) < 0) {
		return sw_diag_set(diag_out, SW_ECONNECT, "broker: the client library cannot be tuned");
	}
	return SW_OK;
}

int sw_bus_dial(const struct sw_bus_config *config, const char *label, amqp_connection_state_t *conn_out,
		int *heartbeat_s_out, struct sw_diag *diag_out)
{
	amqp_connection_state_t conn = amqp_new_connection();
	if (!conn) {
		return sw_diag_set(diag_out, SW_ECONNECT, "broker: the client library has no memory");
	}
	int err = prepare(conn, config, label, heartbeat_s_out, diag_out);
	if (err < 0) {
		sw_bus_hang_up(conn, false);
		conn = NULL;
	}
	*conn_out = conn;
	return err;
}

void sw_bus_hang_up(amqp_connection_state_t conn, bool politely)
{
	if (!conn) {
		return;
	}
	if (politely) {
		/* A failure changes nothing for us. */
		struct timeval goodbye = {GOODBYE_TIMEOUT_S, 0};
		(void)amqp_set_rpc_timeout(conn, &goodbye);
		(void)amqp_connection_close(conn, AMQP_REPLY_SUCCESS);
	}
	(void)amqp_destroy_connection(conn);
}

int sw_bus_reply(amqp_connection_state_t conn, const char *what, struct sw_diag *diag_out)
{
	const amqp_rpc_reply_t got = amqp_get_rpc_reply(conn);
	const amqp_rpc_reply_t *reply = &got;
	if (reply->reply_type == AMQP_RESPONSE_NORMAL) {
		return SW_OK;
	}
	if (reply->reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply->reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
		const amqp_channel_close_t *close = reply->reply.decoded;
		return sw_diag_set(diag_out, close->reply_code == AMQP_NOT_FOUND ? SW_ENOTFOUND : SW_ECONFIG,
				   "%s: %.*s", what, (int)close->reply_text.len, (const char *)close->reply_text.bytes);
	}
	if (reply->reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply->reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
		const amqp_connection_close_t *close = reply->reply.decoded;
		return sw_diag_set(diag_out, SW_EUNAVAILABLE, "%s: %.*s", what, (int)close->reply_text.len,
				   (const char *)close->reply_text.bytes);
	}
	return sw_diag_set(diag_out, SW_EUNAVAILABLE, "%s: %s", what, amqp_error_string2(reply->library_error));
}
