/* SPDX-License-Identifier: Apache-2.0 */
/* URLs that devices register as tokens of webhooks. Properties: what is taken has a host, a port and a path that can go
 * into a request as they are, and reads the same again when it is put together; what is refused says what was expected. */
#include "fuzz.h"

#include "webhook/webhook_int.h"

#include <stdio.h>
#include <string.h>

static const char *get_nothing(const struct sw_provider_config *config, const char *key)
{
	(void)config;
	(void)key;
	return NULL;
}

static void check_url(const struct sw_url *url)
{
	struct sw_url again;
	char text[SW_URL_ORIGIN_MAX + SW_URL_MAX + 1];
	FUZZ_CHECK(url->host[0] && strlen(url->host) <= SW_URL_HOST_MAX && url->port > 0 && !url->plain);
	FUZZ_CHECK(strspn(url->host, "abcdefghijklmnopqrstuvwxyz0123456789.-_:") == strlen(url->host));
	FUZZ_CHECK(strncmp(url->origin, "https://", 8) == 0 && strstr(url->origin, url->host));
	FUZZ_CHECK(url->path[0] == '/' && fuzz_printable(url->path) && !strpbrk(url->path, " #\"\\"));
	int len = snprintf(text, sizeof(text), "%s%s", url->origin, url->path);
	FUZZ_CHECK(sw_url_read(sw_bytes(text, (size_t)len), &again));
	FUZZ_CHECK(strcmp(again.host, url->host) == 0 && again.port == url->port);
	FUZZ_CHECK(strcmp(again.origin, url->origin) == 0 && strcmp(again.path, url->path) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sw_provider_config config = {.instance = "one", .get = get_nothing};
	struct sw_bytes token = sw_bytes(data, size);
	struct sw_diag diag = {""};
	struct sw_url url;
	int err = sw_provider_webhook.check_token_for(&config, token, &diag);
	if (err == SW_OK) {
		FUZZ_CHECK(size <= SW_WEBHOOK_TOKEN_MAX && sw_url_read(token, &url));
		FUZZ_CHECK(sw_provider_webhook.check_token(token, NULL) == SW_OK);
		check_url(&url);
	} else {
		FUZZ_CHECK(err == SW_EINVAL && strncmp(diag.text, "webhook token: expected ", 24) == 0);
	}
	return 0;
}
