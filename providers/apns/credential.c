/* SPDX-License-Identifier: Apache-2.0 */
/* The credential: a certificate, of which only a refusal is kept in mind, or the provider token: an ES256 JWT, cached, renewed between 20 and 60 minutes of age as Apple demands ("Establishing
 * a token-based connection to APNs"). Signing is ours alone, so nothing is ever fetched. Never prompts for a
 * passphrase: encrypted keys are refused. */
#include "apns_int.h"

#include <surewire/jwt.h>
#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_FILE_MAX_BYTES = 16 * 1024,
	MINUTE_MS = 60 * 1000,
	RENEW_MS = 45 * MINUTE_MS,
	RENEW_MIN_MS = 20 * MINUTE_MS, /* sooner is answered with TooManyProviderTokenUpdates */
	EXPIRY_MS = 60 * MINUTE_MS,
	SKEW_MS = MINUTE_MS, /* a token from further in the future than this means that the clock was set back */
	HOLD_MS = MINUTE_MS,
};

static int read_key(const struct sw_provider *provider, struct sw_bytes *pem_out, struct sw_diag *diag_out)
{
	const struct sw_provider_source source = {provider->instance, "key_file", provider->key_file, ".p8 file"};
	struct sw_bytes pem = {NULL, 0};
	int err = sw_provider_file(&source, KEY_FILE_MAX_BYTES, &pem, diag_out);
	if (err) {
		return err;
	}
	const char *text = (const char *)pem.ptr;
	assert(text);
	if (strstr(text, "ENCRYPTED")) {
		err = sw_diag_set(diag_out, SW_ECONFIG,
				  "[push.%s] key_file: expected a key without passphrase, as Apple issues it: %s",
				  provider->instance, provider->key_file);
	} else if (!strstr(text, "-----BEGIN ") || !strstr(text, "PRIVATE KEY-----")) {
		err = sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] key_file: expected a private key in PEM form: %s",
				  provider->instance, provider->key_file);
	}
	if (err) {
		sw_free_secret((void *)pem.ptr, pem.len);
		return err;
	}
	*pem_out = pem;
	return SW_OK;
}

static int sign(const struct sw_provider *provider, struct sw_bytes pem, int64_t now_ms, char **token_out,
		struct sw_diag *diag_out)
{
	json_t *claims = json_pack("{s:s, s:I}", "iss", provider->team_id, "iat", (json_int_t)(now_ms / 1000));
	if (!claims) {
		return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] team_id: cannot be written as JSON",
				   provider->instance);
	}
	int err = sw_jwt_sign("ES256", pem, provider->key_id, claims, token_out, diag_out);
	json_decref(claims);
	return err;
}

static void drop_token(struct sw_provider *provider)
{
	if (provider->authorization) {
		sw_free_secret(provider->authorization, strlen(provider->authorization));
		provider->authorization = NULL;
	}
}

static int load_certificate(struct sw_provider *provider, struct sw_diag *diag_out)
{
	uint8_t old[sizeof(provider->certificate.fingerprint)];
	memcpy(old, provider->certificate.fingerprint, sizeof(old));
	bool first = !provider->certificate.topics;
	int err = sw_apns_certificate_load(provider, diag_out);
	if (err) {
		return err;
	}
	if (!first && memcmp(old, provider->certificate.fingerprint, sizeof(old)) != 0) {
		sw_apns_hosts_renew(provider);
	}
	sw_apns_credential_accepted(provider);
	return SW_OK;
}

int sw_apns_credential_load(struct sw_provider *provider, struct sw_diag *diag_out)
{
	if (provider->cert_file) {
		return load_certificate(provider, diag_out);
	}
	struct sw_bytes pem = {NULL, 0};
	int err = read_key(provider, &pem, diag_out);
	if (err) {
		return err;
	}
	assert(pem.ptr);
	/* Signed and thrown away: a key that cannot sign is an error now, not at the first message. */
	char *trial = NULL;
	struct sw_diag cause = {0};
	if (sign(provider, pem, 0, &trial, &cause)) {
		sw_free_secret((void *)pem.ptr, pem.len);
		return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] key_file: expected an EC P-256 private key: %s",
				   provider->instance, cause.text);
	}
	free(trial);
	/* The same key keeps its token: Apple punishes needless renewal. */
	if (!provider->key_pem || !sw_bytes_equal(pem, sw_bytes(provider->key_pem, provider->key_len))) {
		drop_token(provider);
		if (provider->key_pem) {
			sw_apns_hosts_renew(provider);
		}
	}
	sw_free_secret(provider->key_pem, provider->key_len);
	provider->key_pem = (char *)pem.ptr;
	provider->key_len = pem.len;
	sw_apns_credential_accepted(provider);
	return SW_OK;
}

void sw_apns_credential_release(struct sw_provider *provider)
{
	drop_token(provider);
	sw_free_secret(provider->key_pem, provider->key_len);
	provider->key_pem = NULL;
}

int sw_apns_credential_ensure(struct sw_provider *provider, int64_t now_ms, struct sw_diag *diag_out)
{
	int64_t age_ms = now_ms - provider->issued_ms;
	if (provider->cert_file) {
		return SW_OK;
	}
	if (provider->authorization && age_ms >= -SKEW_MS && age_ms < RENEW_MS) {
		return SW_OK;
	}
	char *token = NULL;
	int err = sign(provider, sw_bytes(provider->key_pem, provider->key_len), now_ms, &token, diag_out);
	if (err) {
		bool still_good = provider->authorization && age_ms >= 0 && age_ms < EXPIRY_MS;
		return still_good ? SW_OK : err;
	}
	assert(token);
	drop_token(provider);
	provider->authorization = sw_xasprintf("bearer %s", token);
	provider->issued_ms = now_ms;
	sw_free_secret(token, strlen(token));
	return SW_OK;
}

enum sw_credential_state sw_apns_credential_state(struct sw_provider *provider, int64_t now_ms)
{
	if (provider->held && now_ms >= provider->held_since_ms && now_ms < provider->held_since_ms + HOLD_MS) {
		return SW_CREDENTIAL_BROKEN;
	}
	provider->held = false;
	return sw_apns_credential_ensure(provider, now_ms, NULL) ? SW_CREDENTIAL_BROKEN : SW_CREDENTIAL_READY;
}

void sw_apns_credential_refused(struct sw_provider *provider, int64_t now_ms)
{
	int64_t age_ms = now_ms - provider->issued_ms;
	bool renewable = age_ms >= RENEW_MIN_MS;
	provider->refusals++;
	/* Refused as expired although it is young: once it may be the clock that was just set. A second time in a row
	 * another token would not help, and would break the 20-minute rule on top. */
	if (!provider->cert_file && (renewable || (provider->refused_as_expired && provider->refusals == 1))) {
		drop_token(provider);
		return;
	}
	provider->held = true;
	provider->held_since_ms = now_ms;
}

void sw_apns_credential_accepted(struct sw_provider *provider)
{
	provider->refusals = 0;
	provider->refused_as_expired = false;
	provider->held = false;
}
