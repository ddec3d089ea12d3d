/* SPDX-License-Identifier: Apache-2.0 */
/* What an idle WebSocket costs on the heap: 5,000 of them are opened by a child process, then mallinfo2 is asked.
 * Prints the figure; asserts only that every one of them still echoes. With a sanitizer the figure means nothing.
 * Arguments: [connections [cert key]]. */
#include "net/http_serve.h"

#include <surewire/mem.h>

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sw_loop *loop;
static struct sw_net *net;
static struct sw_listener *listener;
static struct sw_http_server *server;
/* An hour until the first ping: the clients here do not answer any. */
static const struct sw_ws_limits limits = {
	.message_bytes_max = 65536, .queue_bytes_max = 65536, .ping_ms = 3600000, .missed_max = 2, .close_ms = 3000};
static size_t before_bytes;
static size_t echoes;

static void on_message(struct sw_ws *ws, void *ctx, struct sw_bytes text)
{
	(void)ctx;
	echoes++;
	if (sw_ws_send(ws, sw_ws_frame_text(text)) != SW_OK) {
		abort();
	}
}

static void on_close(struct sw_ws *ws, void *ctx, unsigned code, struct sw_bytes reason)
{
	(void)ws;
	(void)ctx;
	(void)code;
	(void)reason;
}

static const struct sw_ws_handlers handlers = {.on_message = on_message, .on_close = on_close};

static void on_request(void *ctx, struct sw_http_exchange *exchange)
{
	struct sw_ws *ws;
	(void)ctx;
	if (sw_http_upgrade(exchange, &(struct sw_ws_upgrade){.handlers = &handlers, .limits = &limits}, &ws) !=
	    SW_OK) {
		abort();
	}
}

static void on_conn(void *ctx, struct sw_conn *conn)
{
	(void)ctx;
	sw_http_serve(server, conn);
}

struct client {
	int fd;
	SSL *ssl;
};

static void put(struct client *client, const void *ptr, size_t len)
{
	ssize_t n = client->ssl ? SSL_write(client->ssl, ptr, (int)len) : write(client->fd, ptr, len);
	if (n != (ssize_t)len) {
		perror("client: write");
		_exit(1);
	}
}

static void expect(struct client *client, const void *bytes, size_t len)
{
	uint8_t got[512];
	size_t have = 0;
	while (have < len) {
		ssize_t n = client->ssl ? SSL_read(client->ssl, got + have, (int)(len - have))
					: read(client->fd, got + have, len - have);
		if (n <= 0) {
			perror("client: read");
			_exit(1);
		}
		have += (size_t)n;
	}
	if (memcmp(got, bytes, len) != 0) {
		fprintf(stderr, "client: unexpected answer\n");
		_exit(1);
	}
}

static void open_client(struct client *client, uint16_t port, SSL_CTX *tls)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	client->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		perror("client: connect");
		_exit(1);
	}
	int on = 1;
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (tls) {
		client->ssl = SSL_new(tls);
		SSL_set_fd(client->ssl, client->fd);
		if (SSL_connect(client->ssl) != 1) {
			fprintf(stderr, "client: no TLS\n");
			_exit(1);
		}
	}
	static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";
	struct sw_buf text;
	sw_buf_init(&text, 1024);
	sw_handshake_put_request(&text, "localhost", "/v1/ws", key, NULL);
	put(client, text.ptr, text.len);
	sw_buf_clear(&text);
	sw_handshake_put_answer(&text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", NULL);
	expect(client, text.ptr, text.len);
	sw_buf_release(&text);
}

/* The child: opens all, says so, waits for the word, lets each echo once. */
static void run_clients(size_t count, bool tls, const int port_pipe[2], const int ready_pipe[2])
{
	uint16_t port;
	char byte = 'r';
	if (read(port_pipe[0], &port, sizeof(port)) != sizeof(port)) {
		_exit(1);
	}
	SSL_CTX *ctx = NULL;
	if (tls) {
		ctx = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	}
	struct client *clients = sw_xcalloc(count, sizeof(*clients));
	for (size_t i = 0; i < count; i++) {
		open_client(&clients[i], port, ctx);
	}
	if (write(ready_pipe[1], &byte, 1) != 1 || read(port_pipe[0], &byte, 1) != 1) {
		_exit(1);
	}
	static const uint8_t hello[] = {0x81, 0x82, 0, 0, 0, 0, 'h', 'i'};
	static const uint8_t back[] = {0x81, 2, 'h', 'i'};
	for (size_t i = 0; i < count; i++) {
		put(&clients[i], hello, sizeof(hello));
		expect(&clients[i], back, sizeof(back));
	}
	_exit(0);
}

struct watch {
	uv_pipe_t pipe;
	int word_fd;
	size_t count;
	bool tls;
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	static char scratch[16];
	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(scratch, sizeof(scratch));
}

static void stop(struct watch *watch)
{
	uv_close((uv_handle_t *)&watch->pipe, NULL);
	sw_listener_close(listener);
	sw_net_close_conns(net);
	sw_loop_stop(loop);
}

/* First the child is ready, then its end closes the pipe. */
static void on_child(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct watch *watch = (struct watch *)stream;
	(void)buf;
	if (n < 0) {
		stop(watch);
		return;
	}
	size_t used = mallinfo2().uordblks - before_bytes;
	printf("%zu idle %s connections: %zu bytes of heap each (uv_tcp_t %zu, parser %zu)\n", sw_net_conns(net),
	       watch->tls ? "TLS WebSocket" : "WebSocket", used / watch->count, sizeof(uv_tcp_t),
	       sizeof(struct sw_ws_parser));
	fflush(stdout);
	if (write(watch->word_fd, "g", 1) != 1) {
		abort();
	}
}

static void serve(struct sw_tls *tls, struct watch *watch, int ready_fd)
{
	struct sw_net_limit limit = {.max = watch->count};
	loop = sw_loop_new("memory", 16);
	net = sw_net_new(loop, &limit);
	server = sw_http_server_new(&(struct sw_http_options){.on_request = on_request});
	struct sw_listen_options options = {.address = "127.0.0.1", .on_conn = on_conn, .tls = tls};
	struct sw_diag diag = {0};
	if (sw_listener_open(net, &options, &listener, &diag) != SW_OK) {
		fprintf(stderr, "%s\n", diag.text);
		exit(1);
	}
	uint16_t port = sw_listener_port(listener);
	uv_pipe_init(sw_loop_uv(loop), &watch->pipe, 0);
	uv_pipe_open(&watch->pipe, ready_fd);
	uv_read_start((uv_stream_t *)&watch->pipe, on_alloc, on_child);
	before_bytes = mallinfo2().uordblks;
	if (write(watch->word_fd, &port, sizeof(port)) != sizeof(port)) {
		abort();
	}
	sw_loop_run(loop);
	sw_loop_free(loop);
	sw_http_server_free(server);
	sw_net_free(net);
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 5000;
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	int port_pipe[2];
	int ready_pipe[2];
	if (pipe(port_pipe) != 0 || pipe(ready_pipe) != 0) {
		return 1;
	}
	pid_t child = fork();
	if (child == 0) {
		close(port_pipe[1]);
		close(ready_pipe[0]);
		run_clients(count, argc > 3, port_pipe, ready_pipe);
	}
	close(port_pipe[0]);
	close(ready_pipe[1]);
	struct sw_tls *tls = NULL;
	struct sw_diag diag = {0};
	if (argc > 3 && sw_tls_open(argv[2], argv[3], &tls, &diag) != SW_OK) {
		fprintf(stderr, "%s\n", diag.text);
		return 1;
	}
	struct watch watch = {.word_fd = port_pipe[1], .count = count, .tls = tls != NULL};
	serve(tls, &watch, ready_pipe[0]);
	sw_tls_free(tls);
	close(port_pipe[1]);
	int status = 0;
	waitpid(child, &status, 0);
	printf("%zu echoes\n", echoes);
	return status == 0 && echoes == count ? 0 : 1;
}
