/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoints of one credential, and those of former ones until the pusher has closed their connections. */
#include "apns_int.h"

#include <surewire/mem.h>

#include <stdlib.h>

void sw_apns_hosts_renew(struct sw_provider *provider)
{
	struct sw_apns_hosts *old = provider->hosts;
	provider->hosts = sw_xmemdup(old, sizeof(*old));
	old->unnamed = 2;
	old->unclosed = 2;
	old->next = provider->retired;
	provider->retired = old;
}

void sw_apns_hosts_release(struct sw_provider *provider)
{
	while (provider->retired) {
		struct sw_apns_hosts *next = provider->retired->next;
		free(provider->retired);
		provider->retired = next;
	}
	free(provider->hosts);
	provider->hosts = NULL;
}

const struct sw_endpoint *sw_apns_endpoint_retired(struct sw_provider *provider)
{
	for (struct sw_apns_hosts *hosts = provider->retired; hosts; hosts = hosts->next) {
		if (hosts->unnamed) {
			return hosts->unnamed-- == 2 ? &hosts->production : &hosts->sandbox;
		}
	}
	return NULL;
}

void sw_apns_endpoint_closed(struct sw_provider *provider, const struct sw_endpoint *endpoint)
{
	struct sw_apns_hosts **link = &provider->retired;
	while (*link && &(*link)->production != endpoint && &(*link)->sandbox != endpoint) {
		link = &(*link)->next;
	}
	struct sw_apns_hosts *hosts = *link;
	if (hosts && --hosts->unclosed == 0) {
		*link = hosts->next;
		free(hosts);
	}
}
