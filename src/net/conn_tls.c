/* SPDX-License-Identifier: Apache-2.0 */
/* TLS on a connection through a BIO without buffers: OpenSSL reads what lies in the loop's read buffer and writes into
 * the loop's scratch buffer, so that an idle session holds nothing of ours. */
#include "net/conn_int.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Ciphertext that is made ahead of the socket; the rest waits in the queue as shared blobs. */
enum { AHEAD_BYTES = 65536 };

static BIO_METHOD *bio_method;
static pthread_once_t bio_once = PTHREAD_ONCE_INIT;

static int on_bio_read(BIO *bio, char *to, int size)
{
	struct sw_conn *conn = BIO_get_data(bio);
	struct sw_bytes *in = &conn->net->cipher_in;
	BIO_clear_retry_flags(bio);
	if (in->len == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	size_t n = in->len < (size_t)size ? in->len : (size_t)size;
	memcpy(to, in->ptr, n);
	in->ptr += n;
	in->len -= n;
	return (int)n;
}

static int on_bio_write(BIO *bio, const char *from, int size)
{
	struct sw_conn *conn = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	sw_buf_put(&conn->net->cipher_out, from, (size_t)size);
	return conn->net->cipher_out.err ? -1 : size;
}

static long on_bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static void make_bio_method(void)
{
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "surewire connection");
	if (!bio_method) {
		abort();
	}
	BIO_meth_set_read(bio_method, on_bio_read);
	BIO_meth_set_write(bio_method, on_bio_write);
	BIO_meth_set_ctrl(bio_method, on_bio_ctrl);
}

void sw_conn_tls_start(struct sw_conn *conn, struct sw_tls *tls)
{
	pthread_once(&bio_once, make_bio_method);
	BIO *bio = BIO_new(bio_method);
	if (!bio) {
		abort();
	}
	BIO_set_data(bio, conn);
	BIO_set_init(bio, 1);
	conn->ssl = sw_tls_session(tls);
	SSL_set_bio(conn->ssl, bio, bio);
}

static void send_cipher(struct sw_conn *conn)
{
	struct sw_buf *out = &conn->net->cipher_out;
	sw_conn_send_copy(conn, sw_buf_bytes(out));
	sw_buf_clear(out);
}

/* A failed session: its alert goes out as far as the socket takes it. */
static void fail(struct sw_conn *conn)
{
	send_cipher(conn);
	ERR_clear_error();
	sw_conn_close(conn, SW_CONN_TLS);
}

static void on_no_more(struct sw_conn *conn, int rc)
{
	switch (SSL_get_error(conn->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_ZERO_RETURN:
		sw_conn_on_eof(conn);
		break;
	default:
		fail(conn);
		break;
	}
}

void sw_conn_tls_input(struct sw_conn *conn, uint8_t *ptr, size_t len)
{
	struct sw_net *net = conn->net;
	net->cipher_in = sw_bytes(ptr, len);
	sw_buf_clear(&net->cipher_out);
	for (;;) {
		ERR_clear_error();
		int n = SSL_read(conn->ssl, net->record, sizeof(net->record));
		if (n <= 0) {
			send_cipher(conn);
			on_no_more(conn, n);
			break;
		}
		send_cipher(conn);
		sw_conn_deliver(conn, net->record, (size_t)n);
		if (conn->closing) {
			break;
		}
	}
	net->cipher_in = (struct sw_bytes){NULL, 0};
	if (!conn->closing && conn->queue_count && conn->writes == 0) {
		sw_conn_schedule_flush(conn);
	}
}

/* Up to one record of plaintext from the front of the queue: in place when it is one blob. */
static struct sw_bytes gather_record(struct sw_conn *conn)
{
	struct sw_blob *first = conn->queue[conn->queue_first];
	size_t len = first->len - conn->head_sent;
	if (conn->queue_count == 1 || len >= SW_NET_RECORD_BYTES) {
		return sw_bytes(first->data + conn->head_sent, len < SW_NET_RECORD_BYTES ? len : SW_NET_RECORD_BYTES);
	}
	uint8_t *to = conn->net->gather;
	size_t filled = 0;
	size_t skip = conn->head_sent;
	for (uint32_t i = 0; i < conn->queue_count && filled < SW_NET_RECORD_BYTES; i++) {
		struct sw_blob *blob = conn->queue[conn->queue_first + i];
		size_t room = SW_NET_RECORD_BYTES - filled;
		size_t n = blob->len - skip < room ? blob->len - skip : room;
		memcpy(to + filled, blob->data + skip, n);
		filled += n;
		skip = 0;
	}
	return sw_bytes(to, filled);
}

/* False when no more can be encrypted now. */
static bool encrypt_one(struct sw_conn *conn)
{
	struct sw_bytes plain = gather_record(conn);
	ERR_clear_error();
	int n = SSL_write(conn->ssl, plain.ptr, (int)plain.len);
	if (n > 0) {
		sw_conn_queue_consume(conn, (size_t)n);
		return true;
	}
	if (SSL_get_error(conn->ssl, n) != SSL_ERROR_WANT_READ) {
		fail(conn);
	}
	return false;
}

void sw_conn_tls_flush(struct sw_conn *conn)
{
	struct sw_buf *out = &conn->net->cipher_out;
	bool more = SSL_is_init_finished(conn->ssl);
	while (more && conn->queue_count && conn->writes == 0 && !conn->closing) {
		sw_buf_clear(out);
		while (more && conn->queue_count && out->len < AHEAD_BYTES) {
			more = encrypt_one(conn);
		}
		send_cipher(conn);
	}
}

void sw_conn_tls_say_goodbye(struct sw_conn *conn)
{
	sw_buf_clear(&conn->net->cipher_out);
	ERR_clear_error();
	if (SSL_is_init_finished(conn->ssl)) {
		SSL_shutdown(conn->ssl);
	}
	ERR_clear_error();
	send_cipher(conn);
}
