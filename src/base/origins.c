/* SPDX-License-Identifier: Apache-2.0 */
/* The table of origins; see origins.h. */
#include <surewire/mem.h>
#include <surewire/origins.h>

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct sw_origin *sw_origins_find(const struct sw_origins *origins, const char *text)
{
	struct sw_origin *origin;
	DL_FOREACH (origins->live, origin) {
		if (strcmp(origin->text, text) == 0) {
			return origin;
		}
	}
	return NULL;
}

static struct sw_origin *add(struct sw_origins *origins, const struct sw_url *url, const struct sw_endpoint *common)
{
	struct sw_origin *origin = sw_xcalloc(1, origins->origin_bytes);
	memcpy(origin->host, url->host, sizeof(origin->host));
	memcpy(origin->text, url->origin, sizeof(origin->text));
	origin->endpoint = *common;
	origin->endpoint.host = origin->host;
	origin->endpoint.port = url->port;
	origin->endpoint.plain = url->plain;
	DL_PREPEND(origins->live, origin);
	origins->live_count++;
	return origin;
}

static void retire_oldest(struct sw_origins *origins)
{
	struct sw_origin *oldest = origins->live->prev; /* utlist: the head's prev is the tail */
	DL_DELETE(origins->live, oldest);
	DL_APPEND(origins->retired, oldest);
	origins->live_count--;
	origins->going_count++;
}

int sw_origins_take(struct sw_origins *origins, const struct sw_url *url, const struct sw_endpoint *common,
		    struct sw_origin **origin_out, struct sw_diag *diag_out)
{
	struct sw_origin *origin = sw_origins_find(origins, url->origin);
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
	*origin_out = add(origins, url, common);
	return SW_OK;
}

const struct sw_endpoint *sw_origins_retired(struct sw_origins *origins)
{
	struct sw_origin *origin = origins->retired;
	if (!origin) {
		return NULL;
	}
	DL_DELETE(origins->retired, origin);
	DL_APPEND(origins->leaving, origin);
	return &origin->endpoint;
}

static void drop(const struct sw_origins *origins, struct sw_origin *origin)
{
	if (origins->drop) {
		origins->drop(origin);
	} else {
		free(origin);
	}
}

void sw_origins_closed(struct sw_origins *origins, const struct sw_endpoint *endpoint)
{
	struct sw_origin *origin;
	DL_FOREACH (origins->leaving, origin) {
		if (&origin->endpoint == endpoint) {
			DL_DELETE(origins->leaving, origin);
			origins->going_count--;
			drop(origins, origin);
			return;
		}
	}
}

static void drop_list(const struct sw_origins *origins, struct sw_origin *list)
{
	while (list) {
		struct sw_origin *origin = list;
		list = origin->next;
		drop(origins, origin);
	}
}

void sw_origins_release(struct sw_origins *origins)
{
	drop_list(origins, origins->live);
	drop_list(origins, origins->retired);
	drop_list(origins, origins->leaving);
	*origins = (struct sw_origins){.max = origins->max};
}
