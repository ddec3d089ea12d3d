/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a connection with one channel, and the texts of its failures. Blocking, bounded by deadlines. */
#ifndef SW_BUS_DIAL_H
#define SW_BUS_DIAL_H

#include "bus/bus.h"

#include <sys/time.h>

#include <amqp.h>

enum { SW_BUS_CHANNEL = 1, SW_BUS_RPC_TIMEOUT_S = 10 };

/* Connected, logged in, channel 1 open; the library's own heartbeats are off (link.c sends them; the topology needs
 * none). *heartbeat_s_out is what was agreed with the broker. SW_ECONNECT, SW_EAUTH, SW_ECONFIG (no such vhost). */
int sw_bus_dial(const struct sw_bus_config *config, const char *label, amqp_connection_state_t *conn_out,
		int *heartbeat_s_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* With a goodbye, so that everything sent before is processed, or without. NULL is allowed. */
void sw_bus_hang_up(amqp_connection_state_t conn, bool politely);
/* The last synchronous call: SW_OK; the broker closed the channel over it: SW_ENOTFOUND: there is no such thing,
 * SW_ECONFIG: else; SW_EUNAVAILABLE: the connection is lost. what: "queue ingest.0", for the text. */
int sw_bus_reply(amqp_connection_state_t conn, const char *what, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
