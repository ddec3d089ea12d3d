/* SPDX-License-Identifier: Apache-2.0 */
/* The address of an HTTP resource that a stranger or an operator wrote, taken apart. Strict: what could be read in two
 * ways is none. Looks nothing up: whether a host may be spoken to is seen where its name is resolved (sw_endpoint,
 * public_only). Pure. */
#ifndef SUREWIRE_URL_H
#define SUREWIRE_URL_H

#include <surewire/bytes.h>

enum {
	SW_URL_MAX = 2048,
	SW_URL_HOST_MAX = 253,
	SW_URL_ORIGIN_MAX = SW_URL_HOST_MAX + 16, /* https://[HOST]:PORT */
};

struct sw_url {
	bool plain;                     /* http, else https */
	char host[SW_URL_HOST_MAX + 1]; /* lower case; an IPv6 address without brackets */
	uint16_t port;
	char origin[SW_URL_ORIGIN_MAX + 1]; /* RFC 6454: without the default port */
	char path[SW_URL_MAX + 1];          /* with query */
};

/* SCHEME://HOST[:PORT]/PATH, the scheme in lower case: no user, no fragment, at most SW_URL_MAX bytes. */
bool sw_url_read(struct sw_bytes text, struct sw_url *url_out);

#endif
