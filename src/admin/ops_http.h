/* SPDX-License-Identifier: Apache-2.0 */
/* What every process offers to its operators over HTTP, on a loop and thread of its own: GET /healthz, /readyz, /metrics
 * without a token; with the role admin also the API (docs/openapi-admin.yaml) below /v1/admin/, with one. The paths are routes.def.
 * Plain HTTP: not for the public network. */
#ifndef SW_ADMIN_OPS_HTTP_H
#define SW_ADMIN_OPS_HTTP_H

#include "admin/admin.h"
#include "loop/loop.h"

#include <surewire/err.h>

enum { SW_READY_DETAIL_MAX = 1024 };

/* One thing that must be well for the process to do its work. */
struct sw_ready_check {
	const char *name; /* "broker", "store", "partitions": borrowed until close */
	/* The ops thread, at every GET /readyz; must not block. detail_out is "" at first: why not, or more about it. */
	bool (*check)(void *ctx, char detail_out[SW_READY_DETAIL_MAX]);
	void *ctx;
};

struct sw_ops_loop {
	const char *name;
	struct sw_loop *loop; /* freed after sw_ops_close */
};

/* Copied, the two lists too; what they point to is borrowed until close. */
struct sw_ops_config {
	const char *host;  /* numeric */
	uint16_t port;     /* 0: chosen by the system */
	const char *token; /* what the API wants as `Authorization: Bearer`; at least 16 characters when admin is set */
	const struct sw_ready_check *checks;
	size_t count;
	/* Loops that must answer for /healthz: one that did not within 10 s is named with 503. May be none. */
	const struct sw_ops_loop *loops;
	size_t loop_count;
	struct sw_admin *admin; /* NULL: without the API; closed after the ops */
};

struct sw_ops;

/* Listens when it returns SW_OK. SW_EINVAL: not an address; SW_ECONFIG: admin without a token; SW_EEXISTS: port in
 * use; SW_EPERM; SW_EIO. */
int sw_ops_open(const struct sw_ops_config *config, struct sw_ops **ops_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* As bound. */
uint16_t sw_ops_port(const struct sw_ops *ops);
/* Waits for requests under way (each has a deadline; a replay has the longest, about 20 s). NULL is allowed. */
void sw_ops_close(struct sw_ops *ops);

#endif
