/* SPDX-License-Identifier: Apache-2.0 */
/* What the HTTP stand-ins have in common: one request with the faults that may strike it, and the port that takes both
 * versions of HTTP or HTTP/2 alone. One thread: the connection's. */
#ifndef SW_SIM_EXCHANGE_H
#define SW_SIM_EXCHANGE_H

#include "sim/sim_int.h"

/* A push. Both functions are called under the lock, fill the reply, and name what statistics count as refused; NULL:
 * nothing was. */
struct sw_sim_exchange {
	enum sw_sim_provider provider;
	struct sw_bytes subject; /* the token that a fault may name */
	/* As the real service does. */
	const char *(*process)(void *ctx, struct sw_sim_reply *reply);
	/* As a fault with a status or a dead token says. Retry-After is added behind it. */
	const char *(*answer_fault)(void *ctx, const struct sw_sim_action *action, struct sw_sim_reply *reply);
	void *ctx;
};
void sw_sim_exchange(struct sw_sim *sim, const struct sw_sim_exchange *exchange, struct sw_sim_reply *reply);

/* A request for an access token. */
struct sw_sim_token_exchange {
	enum sw_sim_provider provider;
	struct sw_bytes subject;  /* who asks, as a fault may name them */
	const char *client_error; /* of a fault that names none, below status 500 */
	const char *server_error;
	void (*refuse)(struct sw_sim_reply *reply, int status, const char *error, const char *description);
	/* Under the lock. The error it was refused with, or NULL. */
	const char *(*answer)(void *ctx, struct sw_sim_reply *reply);
	void *ctx;
};
void sw_sim_token_exchange(struct sw_sim *sim, const struct sw_sim_token_exchange *exchange,
			   struct sw_sim_reply *reply);

enum sw_sim_http { SW_SIM_HTTP2_ONLY, SW_SIM_HTTP_ANY };
/* TLS, then requests to the handler until the connection ends. */
void sw_sim_http_serve(struct sw_sim_link *link, const struct sw_sim_http_handler *handler, enum sw_sim_http versions);

#endif
