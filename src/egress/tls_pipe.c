/* SPDX-License-Identifier: Apache-2.0 */
/* A BIO without memory of its own: OpenSSL reads from a borrowed run and writes into a buffer of the owner. OpenSSL's
 * memory BIOs copy what is read and wipe their whole buffer with every reset. No I/O. */
#include "egress/tls_pipe_int.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static int on_read(BIO *bio, char *to, int len)
{
	struct sw_tls_pipe *pipe = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (pipe->in.len == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	size_t n = (size_t)len < pipe->in.len ? (size_t)len : pipe->in.len;
	memcpy(to, pipe->in.ptr, n);
	pipe->in.ptr += n;
	pipe->in.len -= n;
	return (int)n;
}

static int on_write(BIO *bio, const char *from, int len)
{
	struct sw_tls_pipe *pipe = BIO_get_data(bio);
	sw_buf_put(&pipe->out, from, (size_t)len);
	return len;
}

static long on_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "surewire");
	if (method == NULL || BIO_meth_set_read(method, on_read) != 1 || BIO_meth_set_write(method, on_write) != 1 ||
	    BIO_meth_set_ctrl(method, on_ctrl) != 1) {
		abort();
	}
}

void sw_tls_pipe_init(struct sw_tls_pipe *pipe, SSL *ssl)
{
	pthread_once(&method_once, make_method);
	pipe->in = sw_bytes(NULL, 0);
	sw_buf_init(&pipe->out, SIZE_MAX);
	BIO *bio = BIO_new(method);
	if (bio == NULL) {
		abort();
	}
	BIO_set_data(bio, pipe);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
}

void sw_tls_pipe_release(struct sw_tls_pipe *pipe)
{
	sw_buf_release(&pipe->out);
}
