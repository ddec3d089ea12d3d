/* SPDX-License-Identifier: Apache-2.0 */
/* The push services that are spoken to: a bounded table, because subscriptions come from strangers and name any host.
 * When it is full the one that was not used for longest has to go; its memory stays until the pusher has closed its
 * connections. */
#include "webpush_int.h"

#include <surewire/mem.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct sw_webpush_origin *sw_webpush_origin_find(const struct sw_provider *provider, const char *text)
{
	struct sw_webpush_origin *origin;
	DL_FOREACH (provider->origins.live, origin) {
		if (strcmp(origin->text, text) == 0) {
			return origin;
		}
	}
	return NULL;
}

static struct sw_webpush_origin *add(struct sw_provider *provider, const struct sw_webpush_subscription *sub)
{
	struct sw_webpush_origin *origin = sw_xcalloc(1, sizeof(*origin));
	memcpy(origin->host, sub->host, sizeof(origin->host));
	memcpy(origin->text, sub->origin, sizeof(origin->text));
	origin->endpoint = provider->endpoint;
	origin->endpoint.host = origin->host;
	origin->endpoint.port = sub->port;
	DL_PREPEND(provider->origins.live, origin);
	provider->origins.live_count++;
	return origin;
}

static void retire_oldest(struct sw_webpush_origins *origins)
{
	struct sw_webpush_origin *oldest = origins->live->prev; /* utlist: the head's prev is the tail */
	DL_DELETE(origins->live, oldest);
	DL_APPEND(origins->retired, oldest);
	origins->live_count--;
	origins->going_count++;
}

int sw_webpush_origin_take(struct sw_provider *provider, const struct sw_webpush_subscription *sub,
			   struct sw_webpush_origin **origin_out, struct sw_diag *diag_out)
{
	struct sw_webpush_origins *origins = &provider->origins;
	struct sw_webpush_origin *origin = sw_webpush_origin_find(provider, sub->origin);
	if (origin) {
		DL_DELETE(origins->live, origin);
		DL_PREPEND(origins->live, origin);
		*origin_out = origin;
		return SW_OK;
	}
	if (origins->live_count == origins->max) {
		if (origins->going_count == origins->max) {
			return sw_diag_set(diag_out, SW_EBUSY, "origins: connections to %zu others are still closing",
					   origins->going_count);
		}
		retire_oldest(origins);
	}
	*origin_out = add(provider, sub);
	return SW_OK;
}

const struct sw_endpoint *sw_webpush_endpoint_retired(struct sw_provider *provider)
{
	struct sw_webpush_origins *origins = &provider->origins;
	struct sw_webpush_origin *origin = origins->retired;
	if (!origin) {
		return NULL;
	}
	DL_DELETE(origins->retired, origin);
	DL_APPEND(origins->leaving, origin);
	return &origin->endpoint;
}

void sw_webpush_origin_forget_token(struct sw_webpush_origin *origin)
{
	if (origin->authorization) {
		sw_free_secret(origin->authorization, strlen(origin->authorization));
		origin->authorization = NULL;
	}
}

static void origin_free(struct sw_webpush_origin *origin)
{
	sw_webpush_origin_forget_token(origin);
	free(origin);
}

void sw_webpush_endpoint_closed(struct sw_provider *provider, const struct sw_endpoint *endpoint)
{
	struct sw_webpush_origins *origins = &provider->origins;
	struct sw_webpush_origin *origin;
	DL_FOREACH (origins->leaving, origin) {
		if (&origin->endpoint == endpoint) {
			DL_DELETE(origins->leaving, origin);
			origins->going_count--;
			origin_free(origin);
			return;
		}
	}
}

static void release_list(struct sw_webpush_origin *list)
{
	while (list) {
		struct sw_webpush_origin *origin = list;
		list = origin->next;
		origin_free(origin);
	}
}

void sw_webpush_origins_release(struct sw_provider *provider)
{
	release_list(provider->origins.live);
	release_list(provider->origins.retired);
	release_list(provider->origins.leaving);
	provider->origins = (struct sw_webpush_origins){.max = provider->origins.max};
}
