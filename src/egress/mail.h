/* SPDX-License-Identifier: Apache-2.0 */
/* Mail dialogues with one relay through libcurl: EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA. One mail, one recipient.
 *
 * libcurl 7.88 waits for the reply to the final dot inside its own "done" step, even in multi mode. So each of the
 * relay's connections has a thread here; the caller sees only the loop: send, and `done` on the loop.
 * TLS: STARTTLS is mandatory or TLS is implicit; plain only towards loopback. Certificates are always verified.
 * All functions: the loop's thread. Sources: RFC 5321, 3207, 4954, 2047, 2046. */
#ifndef SW_EGRESS_MAIL_H
#define SW_EGRESS_MAIL_H

#include <uv.h>

#include <surewire/err.h>
#include <surewire/provider.h>

enum {
	SW_MAIL_CONNECTIONS_MAX = 16,
	SW_MAIL_CONNECT_TIMEOUT_MS = 15000,
	SW_MAIL_CLOSE_GRACE_MS = 10000, /* sw_mail_pool_close waits this long for running dialogues */
};

enum sw_mail_end {
	SW_MAIL_ANSWERED,       /* a definite reply, good or bad: reply.code, reply.stage */
	SW_MAIL_UNSENT,         /* the message was provably not accepted: lost before its end was sent */
	SW_MAIL_UNKNOWN,        /* lost after the final dot may have been sent */
	SW_MAIL_CONNECT_FAILED, /* no greeting, TLS or AUTH, and no reply code that says why */
};

/* Valid inside `done` only. */
struct sw_mail_result {
	enum sw_mail_end end;
	struct sw_mail_reply reply; /* code 0: none to the last command */
	const char *detail;         /* "" when ANSWERED */
	int64_t duration_ms;
};

/* The caller's storage, to be kept until `done`. */
struct sw_mail_call {
	const struct sw_mail_message *message; /* borrowed until done, also by another thread: do not write to it */
	/* Exactly once, on the loop, never from inside sw_mail_send. */
	void (*done)(struct sw_mail_call *call, const struct sw_mail_result *result);
	void *ctx;
};

struct sw_mail_pool;

/* The endpoint is borrowed until the pool is closed; connections_max dialogues run side by side, each bounded by
 * answer_timeout_ms; queue_max calls wait. A call that waited answer_timeout_ms ends UNSENT.
 * SW_ECONFIG with a text when the endpoint asks for plain mail beyond loopback. */
int sw_mail_pool_new(uv_loop_t *loop, const struct sw_endpoint *endpoint, size_t queue_max,
		     struct sw_mail_pool **pool_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* SW_EINVAL with a text when a header or address holds CR, LF or control characters or is malformed, SW_EBUSY when
 * queue_max calls wait already, SW_ECLOSED after close; then `done` is not called. */
int sw_mail_send(struct sw_mail_pool *pool, struct sw_mail_call *call, struct sw_diag *diag_out) SW_MUST_CHECK;
size_t sw_mail_in_flight(const struct sw_mail_pool *pool);
size_t sw_mail_queued(const struct sw_mail_pool *pool);
/* Takes no new work; what waits ends UNSENT; running dialogues may finish within SW_MAIL_CLOSE_GRACE_MS. `closed`
 * (NULL is allowed) is called on the loop after the last `done`; the pool is freed then. */
void sw_mail_pool_close(struct sw_mail_pool *pool, void (*closed)(void *ctx), void *ctx);

const char *sw_mail_end_name(enum sw_mail_end end);

#endif
