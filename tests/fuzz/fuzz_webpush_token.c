/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions, as apps register them. Properties: a refusal says what was expected and nothing of the input; what is
 * accepted names a host, a port and a path that fit into a request, and its address written anew means the same. */
#include "fuzz.h"

#include "webpush/webpush_int.h"

#include <surewire/b64url.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MAX = SW_WEBPUSH_TOKEN_MAX };

static void check_texts(const struct sw_webpush_subscription *sub)
{
	FUZZ_CHECK(sub->url.host[0] && strlen(sub->url.host) <= SW_URL_HOST_MAX && sub->url.port > 0);
	FUZZ_CHECK(strspn(sub->url.host, "abcdefghijklmnopqrstuvwxyz0123456789.-_:") == strlen(sub->url.host));
	FUZZ_CHECK(strncmp(sub->url.origin, "https://", 8) == 0 && strstr(sub->url.origin, sub->url.host));
	FUZZ_CHECK(sub->url.path[0] == '/' && fuzz_printable(sub->url.path) && !strpbrk(sub->url.path, " #\"\\"));
	FUZZ_CHECK(sub->point[0] == 4);
}

static void check_again(const struct sw_webpush_subscription *sub)
{
	char keys[2][96];
	char text[AGAIN_MAX];
	struct sw_webpush_subscription again;
	sw_b64url_encode_to(sw_bytes(sub->point, sizeof(sub->point)), keys[0]);
	sw_b64url_encode_to(sw_bytes(sub->auth, sizeof(sub->auth)), keys[1]);
	int len = snprintf(text, sizeof(text), "{\"endpoint\":\"%s%s\",\"keys\":{\"p256dh\":\"%s\",\"auth\":\"%s\"}}",
			   sub->url.origin, sub->url.path, keys[0], keys[1]);
	FUZZ_CHECK(len > 0 && len < AGAIN_MAX);
	FUZZ_CHECK(sw_webpush_subscription_read(sw_bytes(text, (size_t)len), &again, NULL) == SW_OK);
	FUZZ_CHECK(strcmp(again.url.host, sub->url.host) == 0 && again.url.port == sub->url.port);
	FUZZ_CHECK(strcmp(again.url.origin, sub->url.origin) == 0 && strcmp(again.url.path, sub->url.path) == 0);
	FUZZ_CHECK(memcmp(again.point, sub->point, sizeof(sub->point)) == 0);
	FUZZ_CHECK(memcmp(again.auth, sub->auth, sizeof(sub->auth)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_webpush_subscription sub;
	struct sw_diag diag = {""};
	uint8_t *copy = fuzz_copy(sw_bytes(data, size));
	struct sw_bytes token = sw_bytes(copy, size);
	int err = sw_webpush_check_token(token, &diag);
	if (err == SW_OK) {
		FUZZ_CHECK(sw_webpush_subscription_read(token, &sub, NULL) == SW_OK);
		check_texts(&sub);
		check_again(&sub);
	} else {
		FUZZ_CHECK(err == SW_EINVAL && strncmp(diag.text, "Web Push subscription: expected ", 32) == 0);
		FUZZ_CHECK(fuzz_printable(diag.text));
	}
	free(copy);
	return 0;
}
