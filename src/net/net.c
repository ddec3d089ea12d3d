/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net.h"

#include "net/conn_int.h"

#include <surewire/mem.h>

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

/* One record of ciphertext and its overhead fit many times; the bound only stops a runaway. */
enum { CIPHER_OUT_BYTES_MAX = 4 << 20 };

static void register_metrics(struct sw_net_metrics *m)
{
	static const char *const reasons[SW_CONN_REASONS] = {"reason=\"eof\"",   "reason=\"error\"",
							     "reason=\"tls\"",   "reason=\"timeout\"",
							     "reason=\"local\"", "reason=\"slow\""};
	m->open = sw_metric_gauge("surewire_net_connections", NULL, "Accepted connections open now.");
	m->accepted = sw_metric_counter("surewire_net_accepted_total", NULL, "Connections accepted.");
	const char *help = "Connections refused right after accept.";
	m->refused_limit = sw_metric_counter("surewire_net_refused_total", "reason=\"limit\"", help);
	m->refused_address = sw_metric_counter("surewire_net_refused_total", "reason=\"address\"", help);
	m->received_bytes = sw_metric_counter("surewire_net_received_bytes_total", NULL,
					      "Bytes received on accepted connections.");
	m->sent_bytes = sw_metric_counter("surewire_net_sent_bytes_total", NULL, "Bytes sent on accepted connections.");
	for (size_t i = 0; i < SW_CONN_REASONS; i++) {
		m->closed[i] = sw_metric_counter("surewire_net_closed_total", reasons[i],
						 "Connections closed, by reason.");
	}
}

struct sw_net *sw_net_new(struct sw_loop *loop, struct sw_net_limit *limit)
{
	/* libuv writes with writev(2): a peer that is gone must be an error, not the end of the process. */
	signal(SIGPIPE, SIG_IGN);
	struct sw_net *net = sw_xcalloc(1, sizeof(*net));
	net->loop = loop;
	net->limit = limit;
	sw_buf_init(&net->cipher_out, CIPHER_OUT_BYTES_MAX);
	register_metrics(&net->metrics);
	return net;
}

void sw_net_free(struct sw_net *net)
{
	if (net) {
		assert(net->conns == 0);
		sw_buf_release(&net->cipher_out);
		free(net);
	}
}

struct sw_loop *sw_net_loop(struct sw_net *net)
{
	return net->loop;
}

size_t sw_net_conns(const struct sw_net *net)
{
	return net->conns;
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
	if (sw_conn_owns_handle(handle)) {
		struct sw_conn *conn = (struct sw_conn *)handle;
		if (conn->net == ctx) {
			sw_conn_close(conn, SW_CONN_LOCAL);
		}
	}
}

void sw_net_close_conns(struct sw_net *net)
{
	uv_walk(sw_loop_uv(net->loop), close_handle, net);
}
