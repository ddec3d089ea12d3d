/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of connections, for conn*.c, listen.c and net.c only. */
#ifndef SW_NET_CONN_INT_H
#define SW_NET_CONN_INT_H

#include "base/metrics.h"
#include "net/conn.h"

enum { SW_NET_READ_BYTES = 65536, SW_NET_RECORD_BYTES = 16384, SW_CONN_CIPHER_BYTES_MAX = 262144 };

struct sw_net_metrics {
	struct sw_metric *open;
	struct sw_metric *accepted;
	struct sw_metric *refused_limit;
	struct sw_metric *refused_address;
	struct sw_metric *received_bytes;
	struct sw_metric *sent_bytes;
	struct sw_metric *closed[SW_CONN_REASONS];
};

struct sw_net {
	struct sw_loop *loop;
	struct sw_net_limit *limit;
	size_t conns; /* of this loop */
	struct sw_net_metrics metrics;
	/* Scratch, used within one call: ciphertext that is being decrypted, ciphertext made, plaintext either way. */
	struct sw_bytes cipher_in;
	struct sw_buf cipher_out;
	uint8_t record[SW_NET_RECORD_BYTES];
	uint8_t gather[SW_NET_RECORD_BYTES];
	uint8_t read[SW_NET_READ_BYTES];
};

/* The per-address hooks of a listener, alive as long as one of its connections. */
struct sw_conn_hooks {
	unsigned refs;
	void *ctx;
	bool (*admit)(void *ctx, const struct sw_peer *peer);
	void (*leave)(void *ctx, const struct sw_peer *peer);
};

struct sw_conn_unread;

/* One per socket: every byte here is paid tens of thousands of times. */
struct sw_conn {
	uv_tcp_t tcp;
	struct sw_net *net;
	const struct sw_conn_events *events;
	void *ctx;
	SSL *ssl;
	struct sw_conn_hooks *hooks;
	struct sw_conn_unread *unread;
	struct sw_wheel_node deadline;
	struct sw_turn flush;
	/* What is to be sent, oldest at first; the array is freed when empty. */
	struct sw_blob **queue;
	uint32_t queue_first;
	uint32_t queue_count;
	uint32_t queue_cap;
	uint32_t head_sent; /* bytes of the oldest blob that are gone already */
	size_t queued_bytes;
	uint32_t cipher_bytes; /* TLS: encrypted, with the kernel's buffer full */
	struct sw_peer peer;
	uint8_t reason; /* enum sw_conn_reason */
	uint8_t writes; /* uv_write requests under way */
	bool closing : 1;
	bool finishing : 1;
	bool goodbye : 1; /* close_notify was made */
	bool shut : 1;    /* our side of the stream is ended */
	bool eof : 1;
	bool was_full : 1; /* on_drained is owed */
	bool paused : 1;
};

/* conn.c: a connection that was just accepted; NULL when the limits refuse it. */
struct sw_conn *sw_conn_accept(struct sw_net *net, uv_stream_t *server, struct sw_conn_hooks *hooks,
			       struct sw_tls *tls);
void sw_conn_hooks_unref(struct sw_conn_hooks *hooks);
bool sw_conn_owns_handle(const uv_handle_t *handle);
/* To the owner, unless it is closing. */
void sw_conn_deliver(struct sw_conn *conn, uint8_t *ptr, size_t len);
/* The peer ended the stream: what is queued is still sent. */
void sw_conn_on_eof(struct sw_conn *conn);

/* conn_write.c */
void sw_conn_flush(struct sw_conn *conn);
void sw_conn_schedule_flush(struct sw_conn *conn);
/* Removes n sent bytes from the front of the queue. */
void sw_conn_queue_consume(struct sw_conn *conn, size_t n);
void sw_conn_queue_release(struct sw_conn *conn);
/* Writes, and copies what the kernel does not take now. */
void sw_conn_send_copy(struct sw_conn *conn, struct sw_bytes bytes);

/* conn_tls.c */
void sw_conn_tls_start(struct sw_conn *conn, struct sw_tls *tls);
void sw_conn_tls_input(struct sw_conn *conn, uint8_t *ptr, size_t len);
/* Encrypts from the queue and sends; stops when the socket is full or the handshake is not done. */
void sw_conn_tls_flush(struct sw_conn *conn);
void sw_conn_tls_say_goodbye(struct sw_conn *conn);

#endif
