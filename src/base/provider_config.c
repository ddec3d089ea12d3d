/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that several providers have, read in one way; see provider_config.h. */
#include <surewire/provider_config.h>

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

const char *sw_provider_text(const struct sw_provider_config *config, const char *key, const char *fallback)
{
	const char *text = config->get(config, key);
	return text && *text ? text : fallback;
}

int sw_provider_expected(const struct sw_provider_config *config, const char *key, const char *what,
			 struct sw_diag *diag_out)
{
	return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] %s: expected %s", config->instance, key, what);
}

int sw_provider_number(const struct sw_provider_config *config, const char *key, int limit, int *value_io,
		       struct sw_diag *diag_out)
{
	const char *text = sw_provider_text(config, key, NULL);
	uint64_t value;
	if (!text) {
		return SW_OK;
	}
	if (sw_bytes_to_u64(sw_bytes_str(text), &value) != SW_OK || value < 1 || value > (uint64_t)limit) {
		return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] %s: expected a number from 1 to %d, not \"%s\"",
				   config->instance, key, limit, text);
	}
	*value_io = (int)value;
	return SW_OK;
}

static bool parse_duration(const char *text, int64_t limit_ms, int64_t *ms_out)
{
	static const struct {
		const char *suffix;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	size_t digits = strspn(text, "0123456789");
	uint64_t number;
	if (sw_bytes_to_u64(sw_bytes(text, digits), &number) != SW_OK) {
		return false;
	}
	if (number == 0 && !text[digits]) {
		*ms_out = 0;
		return true;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + digits, units[i].suffix) == 0 && number <= (uint64_t)(limit_ms / units[i].ms)) {
			*ms_out = (int64_t)number * units[i].ms;
			return true;
		}
	}
	return false;
}

int sw_provider_duration(const struct sw_provider_config *config, const char *key, int64_t limit_ms, int64_t *ms_io,
			 struct sw_diag *diag_out)
{
	const char *text = sw_provider_text(config, key, NULL);
	if (!text || parse_duration(text, limit_ms, ms_io)) {
		return SW_OK;
	}
	return sw_diag_set(diag_out, SW_ECONFIG,
			   "[push.%s] %s: expected a duration (like 10s, 5m, 24h) of at most %" PRId64
			   " s, or 0, not \"%s\"",
			   config->instance, key, limit_ms / 1000, text);
}

int sw_provider_flag(const struct sw_provider_config *config, const char *key, bool *flag_out, struct sw_diag *diag_out)
{
	const char *text = sw_provider_text(config, key, "false");
	*flag_out = strcmp(text, "true") == 0;
	return *flag_out || strcmp(text, "false") == 0 ? SW_OK
						       : sw_provider_expected(config, key, "true or false", diag_out);
}

/* ---- lists of apps ---- */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

bool sw_provider_next_item(struct sw_bytes *rest, struct sw_bytes *item_out)
{
	if (rest->len == 0) {
		return false;
	}
	const uint8_t *comma = memchr(rest->ptr, ',', rest->len);
	size_t len = comma ? (size_t)(comma - rest->ptr) : rest->len;
	struct sw_bytes item = sw_bytes(rest->ptr, len);
	*rest = comma ? sw_bytes(comma + 1, rest->len - len - 1) : sw_bytes(rest->ptr + len, 0);
	while (item.len && is_blank(item.ptr[0])) {
		item = sw_bytes(item.ptr + 1, item.len - 1);
	}
	while (item.len && is_blank(item.ptr[item.len - 1])) {
		item.len--;
	}
	*item_out = item;
	return true;
}

int sw_provider_apps(const struct sw_provider_config *config, struct sw_bytes *apps_out, struct sw_diag *diag_out)
{
	struct sw_bytes rest = sw_bytes_str(sw_provider_text(config, "apps", ""));
	struct sw_bytes app;
	*apps_out = rest;
	while (sw_provider_next_item(&rest, &app)) {
		if (app.len == 0) {
			return sw_provider_expected(config, "apps", "app names separated by commas, none of them empty",
						    diag_out);
		}
	}
	return SW_OK;
}

bool sw_provider_serves(struct sw_bytes apps, struct sw_bytes app)
{
	struct sw_bytes rest = apps;
	struct sw_bytes item;
	size_t count = 0;
	while (sw_provider_next_item(&rest, &item)) {
		if (sw_bytes_equal(item, app)) {
			return true;
		}
		count++;
	}
	return count == 0 || (count == 1 && app.len == 0);
}

int sw_provider_check_app(const struct sw_provider_config *config, struct sw_bytes app, struct sw_diag *diag_out)
{
	struct sw_bytes apps;
	int err = sw_provider_apps(config, &apps, diag_out);
	if (err || sw_provider_serves(apps, app)) {
		return err;
	}
	return sw_diag_set(diag_out, SW_EINVAL, "app: expected one of apps of [push.%s]", config->instance);
}

/* ---- the server ---- */

/* Host names and addresses as they go into a request; no scheme, no path. */
static bool is_host(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:_");
	return len > 0 && len <= 253 && text[len] == '\0';
}

int sw_provider_endpoint(const struct sw_provider_config *config, struct sw_endpoint *endpoint_io,
			 struct sw_diag *diag_out)
{
	int port = endpoint_io->port;
	endpoint_io->host = sw_provider_text(config, "host", endpoint_io->host);
	endpoint_io->ca_file = sw_provider_text(config, "ca_file", endpoint_io->ca_file);
	if (!is_host(endpoint_io->host)) {
		return sw_provider_expected(config, "host", "a host name without scheme, port and path", diag_out);
	}
	if (endpoint_io->ca_file && access(endpoint_io->ca_file, R_OK) != 0) {
		return sw_provider_expected(config, "ca_file", "a readable file of certificates (PEM)", diag_out);
	}
	int err = sw_provider_number(config, "connections", SW_PROVIDER_CONNECTIONS_LIMIT,
				     &endpoint_io->connections_max, diag_out);
	err = err ? err : sw_provider_number(config, "port", UINT16_MAX, &port, diag_out);
	endpoint_io->port = (uint16_t)port;
	return err;
}

int sw_provider_check_address(const struct sw_provider_ops *ops, const struct sw_provider_config *config,
			      struct sw_bytes token, struct sw_bytes app, struct sw_diag *diag_out)
{
	int err = ops->check_token_for ? ops->check_token_for(config, token, diag_out)
				       : ops->check_token(token, diag_out);
	return err || !ops->check_app_for ? err : ops->check_app_for(config, app, diag_out);
}
