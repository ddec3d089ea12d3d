/* SPDX-License-Identifier: Apache-2.0 */
/* The socket is made here, since libuv 1.44 has no option for SO_REUSEPORT. */
#include "net/listen.h"

#include "net/conn_int.h"

#include <surewire/mem.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Past that the connections there are have their turn first: libuv accepts for as long as somebody comes. */
enum { BACKLOG = 1024, ACCEPTS_PER_TURN = 64 };

struct sw_listener {
	uv_tcp_t tcp;
	struct sw_net *net;
	struct sw_tls *tls;
	void *ctx;
	void (*on_conn)(void *ctx, struct sw_conn *conn);
	struct sw_conn_hooks *hooks;
	struct sw_turn turn;
	unsigned accepted; /* in this turn */
	bool waiting;      /* one more came: libuv takes no further one until it is accepted */
	uint16_t port;
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int parse_address(const struct sw_listen_options *options, union address *addr_out, struct sw_diag *diag)
{
	if (uv_ip4_addr(options->address, options->port, &addr_out->v4) == 0 ||
	    uv_ip6_addr(options->address, options->port, &addr_out->v6) == 0) {
		return SW_OK;
	}
	return sw_diag_set(diag, SW_EINVAL, "cannot listen on \"%s\": a numeric IPv4 or IPv6 address was expected",
			   options->address);
}

static int failed(const struct sw_listen_options *options, int error, struct sw_diag *diag)
{
	if (error == EADDRINUSE) {
		return sw_diag_set(diag, SW_EEXISTS,
				   "%s port %u is in use by another process: stop it or choose another port",
				   options->address, (unsigned)options->port);
	}
	if (error == EACCES || error == EPERM) {
		return sw_diag_set(diag, SW_EPERM,
				   "not permitted to listen on %s port %u: ports below 1024 need a privilege",
				   options->address, (unsigned)options->port);
	}
	if (error == EADDRNOTAVAIL) {
		return sw_diag_set(diag, SW_EINVAL,
				   "cannot listen on %s: no interface of this machine has that address",
				   options->address);
	}
	return sw_diag_set(diag, SW_EIO, "cannot listen on %s port %u: %s", options->address, (unsigned)options->port,
			   strerror(error));
}

static int bind_socket(const struct sw_listen_options *options, const union address *addr, int *fd_out,
		       struct sw_diag *diag)
{
	int fd = socket(addr->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return failed(options, errno, diag);
	}
	int on = 1;
	socklen_t len = addr->any.sa_family == AF_INET6 ? sizeof(addr->v6) : sizeof(addr->v4);
	bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		  (!options->reuse_port || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
		  bind(fd, &addr->any, len) == 0;
	if (!ok) {
		int error = errno;
		close(fd);
		return failed(options, error, diag);
	}
	*fd_out = fd;
	return SW_OK;
}

static uint16_t read_port(const uv_tcp_t *tcp)
{
	union address addr = {0};
	int len = sizeof(addr);
	uv_tcp_getsockname(tcp, &addr.any, &len);
	return ntohs(addr.any.sa_family == AF_INET6 ? addr.v6.sin6_port : addr.v4.sin_port);
}

static void take(struct sw_listener *listener)
{
	uv_stream_t *server = (uv_stream_t *)&listener->tcp;
	struct sw_conn *conn = sw_conn_accept(listener->net, server, listener->hooks, listener->tls);
	if (conn) {
		listener->on_conn(listener->ctx, conn);
	}
}

static void on_turn_end(struct sw_turn *turn)
{
	struct sw_listener *listener = (struct sw_listener *)((char *)turn - offsetof(struct sw_listener, turn));
	listener->accepted = 0;
	if (listener->waiting) {
		listener->waiting = false;
		take(listener);
	}
}

static void on_connection(uv_stream_t *server, int status)
{
	struct sw_listener *listener = (struct sw_listener *)server;
	if (status != 0) {
		return;
	}
	sw_loop_at_turn_end(listener->net->loop, &listener->turn);
	if (listener->accepted++ < ACCEPTS_PER_TURN) {
		take(listener);
	} else {
		listener->waiting = true;
	}
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

int sw_listener_open(struct sw_net *net, const struct sw_listen_options *options, struct sw_listener **listener_out,
		     struct sw_diag *diag_out)
{
	union address addr = {0};
	int fd = -1;
	int rc = parse_address(options, &addr, diag_out);
	if (rc == SW_OK) {
		rc = bind_socket(options, &addr, &fd, diag_out);
	}
	if (rc) {
		return rc;
	}
	struct sw_listener *listener = sw_xcalloc(1, sizeof(*listener));
	listener->net = net;
	listener->tls = options->tls;
	listener->ctx = options->ctx;
	listener->on_conn = options->on_conn;
	listener->turn.run = on_turn_end;
	listener->hooks = sw_xmalloc(sizeof(*listener->hooks));
	*listener->hooks = (struct sw_conn_hooks){1, options->ctx, options->admit, options->leave};
	uv_tcp_init(sw_loop_uv(net->loop), &listener->tcp);
	int error = uv_tcp_open(&listener->tcp, fd);
	if (error) {
		close(fd);
	} else {
		error = uv_listen((uv_stream_t *)&listener->tcp, options->backlog ? options->backlog : BACKLOG,
				  on_connection);
	}
	if (error) {
		rc = failed(options, -error, diag_out);
		sw_listener_close(listener);
		return rc;
	}
	listener->port = read_port(&listener->tcp);
	*listener_out = listener;
	return SW_OK;
}

uint16_t sw_listener_port(const struct sw_listener *listener)
{
	return listener->port;
}

void sw_listener_close(struct sw_listener *listener)
{
	sw_turn_cancel(&listener->turn);
	sw_conn_hooks_unref(listener->hooks);
	uv_close((uv_handle_t *)&listener->tcp, on_closed);
}
