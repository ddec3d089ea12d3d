/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request of the command line, blocking. No redirects, no proxies, no second try. */
#ifndef SW_APP_CLI_HTTP_H
#define SW_APP_CLI_HTTP_H

#include <surewire/buf.h>

struct sw_cli_http {
	const char *method;
	const char *base; /* http://HOST:PORT, with or without a slash behind it */
	const char *path; /* from the first slash on, with the query */
	const char *token;
	const char *operator; /* who asks, for the operators' API; NULL: not said */
	const char *key;      /* header Idempotency-Key; NULL: none */
	const char *ca_file;  /* NULL: the system's */
	struct sw_bytes body; /* JSON; may be empty */
};

/* The status, or 0 with the reason in diag (SW_EUNAVAILABLE). answer: its bound is the limit. */
long sw_cli_http(const struct sw_cli_http *request, struct sw_buf *answer, struct sw_diag *diag_out);

#endif
