/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's URL. TLS and query parameters are refused with a text instead of being ignored. */
#include "bus/bus.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

static const char expected[] = "expected amqp://user:password@host[:port][/vhost]";

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A fresh string, or NULL for a bad escape, a NUL or an empty part. */
static char *decode(struct sw_bytes part)
{
	char *text = sw_xmalloc(part.len + 1);
	size_t len = 0;
	for (size_t i = 0; i < part.len; i++) {
		int c = part.ptr[i];
		if (c == '%') {
			int high = part.len - i > 2 ? hex_value((char)part.ptr[i + 1]) : -1;
			int low = part.len - i > 2 ? hex_value((char)part.ptr[i + 2]) : -1;
			c = high < 0 || low < 0 ? 0 : high * 16 + low;
			i += 2;
		}
		if (c == 0) {
			len = 0;
			break;
		}
		text[len++] = (char)c;
	}
	text[len] = '\0';
	if (len == 0) {
		sw_free_secret(text, part.len + 1);
		return NULL;
	}
	return text;
}

/* Cuts off what stands before the first c; all of it when there is none. */
static struct sw_bytes cut(struct sw_bytes *rest, char c, bool *found_out)
{
	const uint8_t *at = rest->len ? memchr(rest->ptr, c, rest->len) : NULL;
	struct sw_bytes part = {rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len};
	size_t taken = part.len + (at ? 1 : 0);
	*rest = (struct sw_bytes){rest->ptr + taken, rest->len - taken};
	*found_out = at != NULL;
	return part;
}

static int parse_credentials(struct sw_bytes part, struct sw_bus_config *config, struct sw_diag *diag_out)
{
	bool has_password;
	struct sw_bytes user = cut(&part, ':', &has_password);
	config->user = decode(user);
	config->password = has_password ? decode(part) : NULL;
	if (!config->user || !config->password) {
		return sw_diag_set(diag_out, SW_ECONFIG, "broker URL: bad user or password; %s, percent-encoded",
				   expected);
	}
	return SW_OK;
}

static int parse_host(struct sw_bytes part, struct sw_bus_config *config, struct sw_diag *diag_out)
{
	bool has_port;
	struct sw_bytes host;
	if (part.len && part.ptr[0] == '[') {
		bool closed;
		part = (struct sw_bytes){part.ptr + 1, part.len - 1};
		host = cut(&part, ']', &closed);
		has_port = part.len > 0 && part.ptr[0] == ':';
		if (!closed || (part.len && !has_port)) {
			return sw_diag_set(diag_out, SW_ECONFIG, "broker URL: bad address in brackets; %s", expected);
		}
		part = has_port ? (struct sw_bytes){part.ptr + 1, part.len - 1} : part;
	} else {
		host = cut(&part, ':', &has_port);
	}
	uint64_t port = 5672;
	if (has_port && (sw_bytes_to_u64(part, &port) < 0 || port == 0 || port > UINT16_MAX)) {
		return sw_diag_set(diag_out, SW_ECONFIG, "broker URL: port must be 1 to 65535; %s", expected);
	}
	config->port = (uint16_t)port;
	config->host = decode(host);
	if (!config->host) {
		return sw_diag_set(diag_out, SW_ECONFIG, "broker URL: no host; %s", expected);
	}
	return SW_OK;
}

static int parse_vhost(struct sw_bytes path, struct sw_bus_config *config, struct sw_diag *diag_out)
{
	static const uint8_t slash[] = "/";
	config->vhost = decode(path.len ? path : (struct sw_bytes){slash, 1});
	if (!config->vhost || (path.len && memchr(path.ptr, '/', path.len))) {
		return sw_diag_set(diag_out, SW_ECONFIG, "broker URL: bad vhost (write / in it as %%2F); %s", expected);
	}
	return SW_OK;
}

static int parse(struct sw_bytes url, struct sw_bus_config *config, struct sw_diag *diag_out)
{
	static const char scheme[] = "amqp://";
	size_t scheme_len = sizeof(scheme) - 1;
	if (url.len < scheme_len || memcmp(url.ptr, scheme, scheme_len) != 0) {
		return sw_diag_set(diag_out, SW_ECONFIG, "broker URL: scheme is not amqp; %s", expected);
	}
	if (memchr(url.ptr, '?', url.len) || memchr(url.ptr, '#', url.len)) {
		return sw_diag_set(diag_out, SW_ECONFIG, "broker URL: parameters are not supported; %s", expected);
	}
	struct sw_bytes rest = {url.ptr + scheme_len, url.len - scheme_len};
	bool has_path;
	struct sw_bytes authority = cut(&rest, '/', &has_path);
	bool has_user;
	struct sw_bytes credentials = cut(&authority, '@', &has_user);
	if (!has_user) {
		return sw_diag_set(diag_out, SW_ECONFIG, "broker URL: no user; %s", expected);
	}
	int err = parse_credentials(credentials, config, diag_out);
	err = err < 0 ? err : parse_host(authority, config, diag_out);
	return err < 0 ? err : parse_vhost(rest, config, diag_out);
}

int sw_bus_config_parse(const char *amqp_url, struct sw_bus_config *config_out, struct sw_diag *diag_out)
{
	*config_out = (struct sw_bus_config){
		.name = "surewire",
		.heartbeat_s = 20,
		.connect_timeout_ms = 5000,
		.inflight_messages_max = 2000,
		.inflight_bytes_max = 32 * 1024 * 1024,
	};
	int err = parse(sw_bytes_str(amqp_url), config_out, diag_out);
	if (err < 0) {
		sw_bus_config_release(config_out);
	}
	return err;
}

void sw_bus_config_release(struct sw_bus_config *config)
{
	if (config->password) {
		sw_free_secret((char *)config->password, strlen(config->password));
	}
	free((char *)config->host);
	free((char *)config->vhost);
	free((char *)config->user);
	config->host = config->vhost = config->user = config->password = NULL;
}
