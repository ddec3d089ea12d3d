/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of Google's token service. Input: status (two bytes), a line that is not used here, the body. Properties:
 * a token that is taken fits a header and lives at most a day; a refusal says why, and leaves the old token alone. */
#include "answer.h"

#include "fcm/fcm_int.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

#define OLD_TOKEN "Bearer old"
enum { DAY_MS = 24 * 3600 * 1000, TOKEN_BYTES_MAX = 8 * 1024 };

static void check_taken(const struct sw_provider *provider, int64_t now_ms)
{
	const char *text = provider->authorization;
	size_t prefix = strlen("Bearer ");
	FUZZ_CHECK(strncmp(text, "Bearer ", prefix) == 0);
	FUZZ_CHECK(fuzz_printable(text) && !strchr(text + prefix, ' '));
	FUZZ_CHECK(strlen(text) > prefix && strlen(text) <= prefix + TOKEN_BYTES_MAX);
	FUZZ_CHECK(provider->expires_ms > now_ms && provider->expires_ms <= now_ms + DAY_MS);
	FUZZ_CHECK(provider->renew_ms > now_ms && provider->renew_ms <= provider->expires_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer_input input;
	struct sw_diag diag = {""};
	answer_input_init(&input, sw_bytes(data, size));
	int64_t now_ms = input.answer.now_ms;
	struct sw_provider provider = {
		.instance = "fcm", .authorization = sw_xstrdup(OLD_TOKEN), .expires_ms = now_ms + 1};
	int err = sw_fcm_credential_response(&provider, &input.http, now_ms, &diag);
	if (err == SW_OK) {
		check_taken(&provider, now_ms);
		FUZZ_CHECK(input.http.status == 200);
		FUZZ_CHECK(sw_fcm_credential_state(&provider, now_ms) == SW_CREDENTIAL_READY);
	} else {
		FUZZ_CHECK((err == SW_EAUTH || err == SW_EUNAVAILABLE) && diag.text[0] && fuzz_printable(diag.text));
		FUZZ_CHECK(strcmp(provider.authorization, OLD_TOKEN) == 0 && provider.expires_ms == now_ms + 1);
	}
	sw_fcm_credential_release(&provider);
	answer_input_release(&input);
	return 0;
}
