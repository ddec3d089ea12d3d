/* SPDX-License-Identifier: Apache-2.0 */
/* Where a mail's receiver takes the address off, and where its bounces go: both signed, so that only who got a mail can
 * say so. Who reads them: the gateway (POST /v1/mail/unsubscribe) and `surewire bounce`. */
#include "email_int.h"

#include <string.h>

static bool is_https(const char *url)
{
	static const char scheme[] = "https://";
	size_t len = strlen(url);
	if (len <= sizeof(scheme) - 1 || len > SW_EMAIL_URL_MAX || strncmp(url, scheme, sizeof(scheme) - 1) != 0) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (url[i] <= ' ' || url[i] > '~' || strchr("<>\"'?#\\", url[i])) {
			return false;
		}
	}
	return true;
}

static bool is_bounce_address(struct sw_bytes address)
{
	const char *what;
	size_t name_len = address.len - sw_email_domain(address).len;
	return sw_email_is_address(address, &what) && name_len - 1 <= SW_EMAIL_BOUNCE_NAME_MAX &&
	       !memchr(address.ptr, '+', address.len) && address.len + 1 + SW_MAIL_TOKEN_CHARS <= SW_EMAIL_ADDRESS_MAX;
}

int sw_email_links_open(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	provider->unsubscribe_url = sw_provider_text(config, "unsubscribe_url", NULL);
	provider->bounce_address = sw_bytes_str(sw_provider_text(config, "bounce_address", ""));
	provider->signing_key_file = sw_provider_text(config, "signing_key_file", NULL);
	if (provider->unsubscribe_url && !is_https(provider->unsubscribe_url)) {
		return sw_provider_expected(config, "unsubscribe_url",
					    "the https:// address of /v1/mail/unsubscribe at the gateway, as it is "
					    "reached from outside, without a query",
					    diag_out);
	}
	if (provider->bounce_address.len && !is_bounce_address(provider->bounce_address)) {
		return sw_provider_expected(config, "bounce_address",
					    "name@example.org, the name of at most 11 characters and without +",
					    diag_out);
	}
	if ((provider->unsubscribe_url || provider->bounce_address.len) && !provider->signing_key_file) {
		return sw_provider_expected(config, "signing_key_file",
					    "a value: unsubscribe_url and bounce_address need it", diag_out);
	}
	return SW_OK;
}

static void sign(const struct sw_provider *provider, enum sw_mail_token_use use, const struct sw_push_target *target,
		 int64_t now_ms, char text_out[SW_MAIL_TOKEN_CHARS + 1])
{
	struct sw_mail_token token = {.account = target->account,
				      .address_id = sw_mail_address_id(target->account, target->device, target->token),
				      .issued_s = now_ms / 1000};
	sw_mail_token_write(sw_bytes_str(provider->signing_key), use, &token, text_out);
}

struct sw_bytes sw_email_envelope_from(const struct sw_provider *provider, const struct sw_push_target *target,
				       int64_t now_ms, struct sw_arena *arena)
{
	struct sw_bytes address = provider->bounce_address;
	if (!address.len) {
		return provider->sender;
	}
	char text[SW_MAIL_TOKEN_CHARS + 1];
	sign(provider, SW_MAIL_TOKEN_BOUNCE, target, now_ms, text);
	struct sw_bytes domain = sw_email_domain(address);
	struct sw_buf buf;
	sw_buf_init(&buf, SW_EMAIL_ADDRESS_MAX);
	sw_buf_printf(&buf, "%.*s+%s@", (int)(address.len - domain.len - 1), (const char *)address.ptr, text);
	sw_buf_put_bytes(&buf, domain);
	struct sw_bytes from = sw_arena_copy(arena, sw_buf_bytes(&buf));
	sw_buf_release(&buf);
	return from;
}

struct sw_bytes sw_email_unsubscribe_link(const struct sw_provider *provider, const struct sw_push_target *target,
					  int64_t now_ms, struct sw_arena *arena)
{
	if (!provider->unsubscribe_url) {
		return sw_bytes(NULL, 0);
	}
	char text[SW_MAIL_TOKEN_CHARS + 1];
	sign(provider, SW_MAIL_TOKEN_UNSUBSCRIBE, target, now_ms, text);
	struct sw_buf buf;
	sw_buf_init(&buf, SW_EMAIL_URL_MAX + SW_MAIL_TOKEN_CHARS + 4);
	sw_buf_printf(&buf, "%s?t=%s", provider->unsubscribe_url, text);
	struct sw_bytes link = sw_arena_copy(arena, sw_buf_bytes(&buf));
	sw_buf_release(&buf);
	return link;
}
