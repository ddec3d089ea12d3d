/* SPDX-License-Identifier: Apache-2.0 */
/* The service-account file that Google's console issues: read with a limit, checked, split into what is used. Whether
 * its key can sign is found out in credential.c. */
#include "fcm_int.h"

#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <stdlib.h>
#include <string.h>

enum { ACCOUNT_FILE_MAX_BYTES = 32 * 1024, ACCOUNT_DEPTH_MAX = 4 };

/* A project id goes into the path of every request. */
static bool is_project_id(const char *id)
{
	size_t len = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:_");
	return len > 0 && len <= 128 && id[len] == '\0';
}

static char *member(const json_t *object, const char *key)
{
	struct sw_bytes value = sw_json_get_str(object, key);
	return value.len ? sw_xstrndup((const char *)value.ptr, value.len) : NULL;
}

static int lacks(const char *instance, const char *path, const char *what, struct sw_diag *diag_out)
{
	return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] service_account_file: expected %s in %s", instance, what,
			   path);
}

static int check(const char *instance, const char *path, const struct sw_fcm_account *account, struct sw_diag *diag_out)
{
	if (!account->client_email || !account->private_key_id) {
		return lacks(instance, path, "\"client_email\" and \"private_key_id\"", diag_out);
	}
	if (!account->project_id || !is_project_id(account->project_id)) {
		return lacks(instance, path, "\"project_id\", the id of a project", diag_out);
	}
	if (!account->token_uri || !sw_oauth_is_token_uri(account->token_uri)) {
		return lacks(instance, path, "\"token_uri\", an https address", diag_out);
	}
	if (!account->private_key || !strstr(account->private_key, "PRIVATE KEY-----")) {
		return lacks(instance, path, "\"private_key\", a key in PEM form", diag_out);
	}
	if (strstr(account->private_key, "ENCRYPTED")) {
		return lacks(instance, path, "\"private_key\" without passphrase", diag_out);
	}
	return SW_OK;
}

static int parse(const char *instance, const char *path, struct sw_bytes text, struct sw_fcm_account *account,
		 struct sw_diag *diag_out)
{
	json_t *object = NULL;
	struct sw_diag cause = {0};
	if (sw_json_parse(text, ACCOUNT_DEPTH_MAX, &object, &cause)) {
		return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] service_account_file: expected JSON, %s: %s",
				   instance, cause.text, path);
	}
	*account = (struct sw_fcm_account){
		.client_email = member(object, "client_email"),
		.private_key = member(object, "private_key"),
		.private_key_id = member(object, "private_key_id"),
		.project_id = member(object, "project_id"),
		.token_uri = member(object, "token_uri"),
	};
	if (!account->token_uri) {
		account->token_uri = sw_xstrdup("https://oauth2.googleapis.com/token");
	}
	/* Other files of the console ("authorized_user", google-services.json) are mistaken for it. */
	bool usable = sw_bytes_equal_str(sw_json_get_str(object, "type"), "service_account");
	json_decref(object);
	return usable ? check(instance, path, account, diag_out)
		      : lacks(instance, path, "\"type\" to be \"service_account\"", diag_out);
}

int sw_fcm_account_read(const char *instance, const char *path, struct sw_fcm_account *account_out,
			struct sw_diag *diag_out)
{
	const struct sw_provider_source source = {instance, "service_account_file", path, "JSON file"};
	struct sw_bytes text = {NULL, 0};
	int err = sw_provider_file(&source, ACCOUNT_FILE_MAX_BYTES, &text, diag_out);
	if (err) {
		return err;
	}
	struct sw_fcm_account account = {0};
	err = parse(instance, path, text, &account, diag_out);
	sw_free_secret((void *)text.ptr, text.len);
	if (err) {
		sw_fcm_account_release(&account);
		return err;
	}
	*account_out = account;
	return SW_OK;
}

void sw_fcm_account_release(struct sw_fcm_account *account)
{
	free(account->client_email);
	if (account->private_key) {
		sw_free_secret(account->private_key, strlen(account->private_key));
	}
	free(account->private_key_id);
	free(account->project_id);
	free(account->token_uri);
	*account = (struct sw_fcm_account){0};
}
