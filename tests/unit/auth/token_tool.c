/* SPDX-License-Identifier: Apache-2.0 */
/* For interop.py: `verify DIR AUDIENCE TOKEN` prints "ok USER DEVICE ADMIN" or "refused TEXT"; `mint DIR AUDIENCE USER`
 * prints a token. */
#include "auth/token.h"

#include <surewire/clock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int verify(const struct sw_keyset *keyset, const char *audience, const char *text)
{
	const struct sw_token_policy policy = {.audience = audience};
	struct sw_token token;
	struct sw_diag diag = {""};
	if (sw_token_verify(keyset, &policy, sw_bytes_str(text), sw_clock_wall_ms(), &token, &diag) != SW_OK) {
		printf("refused %s\n", diag.text);
	} else {
		printf("ok %s %s %d\n", token.user, token.device[0] ? token.device : "-", token.admin);
	}
	return 0;
}

static int mint(const struct sw_keyset *keyset, const char *audience, const char *user)
{
	const struct sw_token_claims claims = {.user = user, .audience = audience, .admin = true, .lifetime_ms = 60000};
	char *text = NULL;
	struct sw_diag diag = {""};
	if (sw_token_mint(keyset, &claims, sw_clock_wall_ms(), &text, &diag) != SW_OK) {
		fprintf(stderr, "%s\n", diag.text);
		return 1;
	}
	puts(text);
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
	struct sw_keyset *keyset = NULL;
	struct sw_diag diag = {""};
	if (argc != 5 || sw_keyset_load(argv[2], &keyset, &diag) != SW_OK) {
		fprintf(stderr, "usage: token_tool verify|mint DIR AUDIENCE TOKEN|USER: %s\n", diag.text);
		return 1;
	}
	int code = strcmp(argv[1], "mint") == 0 ? mint(keyset, argv[3], argv[4]) : verify(keyset, argv[3], argv[4]);
	sw_keyset_unref(keyset);
	return code;
}
