/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what verify_jwt.py judges: the tokens that the providers sign with fresh keys, as one JSON object. */
#include "fixture.h"

#include <surewire/json.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS 1790000000999

static void put_file(json_t *out, const char *key, const char *name)
{
	char text[8192];
	FILE *file = fopen(fixture_path(name), "r");
	size_t len = file ? fread(text, 1, sizeof(text), file) : 0;
	if (file) {
		fclose(file);
	}
	json_object_set_new(out, key, json_stringn(text, len));
}

static int put_apns(json_t *out, struct sw_arena *arena)
{
	struct config_fake fake;
	struct sw_provider *provider = NULL;
	struct sw_diag diag = {0};
	struct sw_send send;
	struct sw_push_target target = {.token = sw_bytes_str("ab")};
	struct sw_notification n = {.body = sw_bytes_str("Hi"), .badge = -1};
	fixture_ec_key("key.p8", "P-256", NULL);
	config_fake_init(&fake, "apns");
	config_fake_set(&fake, "key_file", fixture_path("key.p8"));
	config_fake_set(&fake, "key_id", "ABC123DEFG");
	config_fake_set(&fake, "team_id", "DEF123GHIJ");
	config_fake_set(&fake, "topics", "org.example.chat");
	int err = sw_provider_apns.open(&fake.config, &provider, &diag);
	err = err ? err : sw_provider_apns.encode(provider, &target, &n, NOW_MS, arena, &send, &diag);
	if (!err) {
		struct sw_bytes value = send.as.http.headers[0].value;
		json_object_set_new(out, "authorization", json_stringn((const char *)value.ptr, value.len));
		put_file(out, "apns_key", "key.p8.pub");
	}
	sw_provider_apns.close(provider);
	return err;
}

static int put_fcm(json_t *out, struct sw_arena *arena)
{
	struct config_fake fake;
	struct sw_provider *provider = NULL;
	struct sw_diag diag = {0};
	struct sw_credential_request request;
	fixture_account("account.json", NULL);
	config_fake_init(&fake, "fcm");
	config_fake_set(&fake, "service_account_file", fixture_path("account.json"));
	int err = sw_provider_fcm.open(&fake.config, &provider, &diag);
	err = err ? err : sw_provider_fcm.credential_request(provider, NOW_MS, arena, &request, &diag);
	if (!err) {
		json_object_set_new(out, "form", json_stringn((const char *)request.body.ptr, request.body.len));
		put_file(out, "fcm_key", "account.json.pub");
	}
	sw_provider_fcm.close(provider);
	return err;
}

int main(void)
{
	json_t *out = json_object();
	struct sw_arena arena;
	sw_arena_init(&arena);
	fixture_open();
	int err = put_apns(out, &arena);
	err = err ? err : put_fcm(out, &arena);
	fixture_close();
	char *text = json_dumps(out, JSON_INDENT(1));
	puts(text);
	free(text);
	json_decref(out);
	sw_arena_release(&arena);
	return err ? 1 : 0;
}
