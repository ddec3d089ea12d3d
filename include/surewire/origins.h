/* SPDX-License-Identifier: Apache-2.0 */
/* The servers that a provider speaks to when its devices name them: a bounded table, because strangers may name any
 * host. When it is full the one that was not used for longest has to go; its memory stays until the pusher has closed
 * its connections (sw_provider_ops, endpoint_retired). The provider's thread. */
#ifndef SUREWIRE_ORIGINS_H
#define SUREWIRE_ORIGINS_H

#include <surewire/provider.h>
#include <surewire/url.h>

enum { SW_ORIGINS_DEFAULT = 64, SW_ORIGINS_LIMIT = 1024 };

/* May be the first member of what a provider keeps for each. */
struct sw_origin {
	struct sw_origin *next;
	struct sw_origin *prev;
	struct sw_endpoint endpoint;
	char host[SW_URL_HOST_MAX + 1];
	char text[SW_URL_ORIGIN_MAX + 1];
};

struct sw_origins {
	struct sw_origin *live;    /* the latest used first */
	struct sw_origin *retired; /* to be named to the pusher */
	struct sw_origin *leaving; /* named, its connections are being closed */
	size_t live_count;
	size_t going_count; /* retired and leaving */
	size_t max;
	size_t origin_bytes;                    /* of each, all zero but for its sw_origin */
	void (*drop)(struct sw_origin *origin); /* frees what the provider keeps with it, and it; NULL: plain memory */
};

/* The origin of url, now the latest used; a new one takes its endpoint from common. SW_EBUSY when too many are on their
 * way out. */
int sw_origins_take(struct sw_origins *origins, const struct sw_url *url, const struct sw_endpoint *common,
		    struct sw_origin **origin_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* NULL when it is not in the table. */
struct sw_origin *sw_origins_find(const struct sw_origins *origins, const char *text);
/* As sw_provider_ops has them. */
const struct sw_endpoint *sw_origins_retired(struct sw_origins *origins);
void sw_origins_closed(struct sw_origins *origins, const struct sw_endpoint *endpoint);
void sw_origins_release(struct sw_origins *origins);

#endif
