/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of clients, against a fixed set of keys. Input: a byte that chooses how the rest becomes a token: as it is;
 * or a line of header and a text of claims, which the harness signs with the shared secret, with the text of the public
 * key, or not at all. Properties: nobody gets in without the secret, and with it only as RFC 7519 and the policy say. */
#include "fuzz.h"

#include <surewire/b64url.h>
#include "auth/token.h"

#include <surewire/log.h>
#include <surewire/mem.h>

#include <openssl/hmac.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES_MAX = 1 << 20, LEEWAY_MS = 30000 };
enum { MODE_RAW, MODE_SIGNED, MODE_CONFUSED, MODE_UNSIGNED, MODES };

#define SECRET "0123456789abcdef0123456789abcdef"
static const char public_pem[] = "-----BEGIN PUBLIC KEY-----\n"
				 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
				 "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
				 "-----END PUBLIC KEY-----\n";
static const int64_t now_ms = INT64_C(1795500000000);
static const struct sw_token_policy policy = {
	.issuer = "https://idp.example", .audience = "surewire", .leeway_ms = LEEWAY_MS};

static void write_key(const char *folder, const char *name, const char *text)
{
	char *path = sw_xasprintf("%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	FUZZ_CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
	free(path);
}

static void remove_key(const char *folder, const char *name)
{
	char *path = sw_xasprintf("%s/%s", folder, name);
	unlink(path);
	free(path);
}

static struct sw_keyset *load_keys(void)
{
	char folder[] = "/tmp/surewire-fuzz-XXXXXX";
	struct sw_keyset *keyset = NULL;
	FUZZ_CHECK(mkdtemp(folder) != NULL);
	sw_log_set_level(SW_LOG_ERROR);
	write_key(folder, "main.HS256.key", SECRET);
	write_key(folder, "app.ES256.pem", public_pem);
	struct sw_diag diag = {""};
	if (sw_keyset_load(folder, &keyset, &diag) != SW_OK) {
		fprintf(stderr, "%s\n", diag.text);
	}
	remove_key(folder, "main.HS256.key");
	remove_key(folder, "app.ES256.pem");
	rmdir(folder);
	FUZZ_CHECK(keyset != NULL);
	return keyset;
}

static void put_signature(struct sw_buf *token, const char *secret)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	HMAC(EVP_sha256(), secret, (int)strlen(secret), token->ptr, token->len, digest, &len);
	sw_buf_put_char(token, '.');
	sw_b64url_encode(sw_bytes(digest, len), token);
}

static void build(int mode, struct sw_bytes header, struct sw_bytes claims, struct sw_buf *token)
{
	sw_b64url_encode(header, token);
	sw_buf_put_char(token, '.');
	sw_b64url_encode(claims, token);
	if (mode == MODE_UNSIGNED) {
		sw_buf_put_char(token, '.');
	} else {
		put_signature(token, mode == MODE_SIGNED ? SECRET : public_pem);
	}
}

/* A raw token that got in is exactly what the secret makes of its first two parts. */
static void check_signed(struct sw_bytes token)
{
	const uint8_t *dot = memrchr(token.ptr, '.', token.len);
	struct sw_buf again;
	sw_buf_init(&again, TEXT_BYTES_MAX);
	sw_buf_put(&again, token.ptr, (size_t)(dot - token.ptr));
	put_signature(&again, SECRET);
	FUZZ_CHECK(sw_bytes_equal(sw_buf_bytes(&again), token));
	sw_buf_release(&again);
}

static bool lists(const json_t *value, const char *word)
{
	const json_t *item = value;
	bool found = json_is_string(value) && strcmp(json_string_value(value), word) == 0;
	for (size_t i = 0; i < json_array_size(value); i++) {
		item = json_array_get(value, i);
		found = found || (json_is_string(item) && strcmp(json_string_value(item), word) == 0);
	}
	return found;
}

static void check_claims(struct sw_bytes header_text, struct sw_bytes claims_text, const struct sw_token *token)
{
	json_t *header = NULL;
	json_t *claims = NULL;
	FUZZ_CHECK(sw_json_parse(header_text, 8, &header, NULL) == SW_OK);
	FUZZ_CHECK(sw_json_parse(claims_text, 8, &claims, NULL) == SW_OK);
	FUZZ_CHECK(sw_bytes_equal_str(sw_json_get_str(header, "alg"), "HS256"));
	FUZZ_CHECK(sw_bytes_equal_str(sw_json_get_str(header, "kid"), "main") && !json_object_get(header, "crit"));
	FUZZ_CHECK(sw_bytes_equal_str(sw_json_get_str(claims, "iss"), policy.issuer));
	FUZZ_CHECK(lists(json_object_get(claims, "aud"), policy.audience));
	FUZZ_CHECK(sw_bytes_equal_str(sw_json_get_str(claims, "sub"), token->user));
	double expires = json_number_value(json_object_get(claims, "exp"));
	FUZZ_CHECK(expires * 1000 + LEEWAY_MS > (double)now_ms - 1);
	FUZZ_CHECK(!token->admin || memmem(claims_text.ptr, claims_text.len, "admin", 5) ||
		   memmem(claims_text.ptr, claims_text.len, "\\u", 2));
	json_decref(header);
	json_decref(claims);
}

static bool verify(struct sw_bytes token, struct sw_token *token_out)
{
	static struct sw_keyset *keyset;
	if (!keyset) {
		keyset = load_keys();
	}
	struct sw_diag diag = {""};
	uint8_t *copy = fuzz_copy(token);
	*token_out = (struct sw_token){.user = ""};
	int err = sw_token_verify(keyset, &policy, sw_bytes(copy, token.len), now_ms, token_out, &diag);
	free(copy);
	if (err == SW_OK) {
		FUZZ_CHECK(token.len <= SW_TOKEN_BYTES_MAX && sw_user_name_valid(sw_bytes_str(token_out->user)));
		FUZZ_CHECK(!token_out->device[0] || sw_device_name_valid(sw_bytes_str(token_out->device)));
		FUZZ_CHECK(token_out->expires_at_ms + LEEWAY_MS > now_ms && token_out->issued_at_ms >= 0);
		return true;
	}
	FUZZ_CHECK((err == SW_EAUTH || err == SW_EEXPIRED) && diag.text[0] && fuzz_printable(diag.text));
	FUZZ_CHECK(!token_out->user[0]);
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_bytes input = sw_bytes(data, size);
	int mode = fuzz_take_u8(&input) % MODES;
	struct sw_token verified;
	if (mode == MODE_RAW) {
		if (verify(input, &verified)) {
			check_signed(input);
		}
		return 0;
	}
	struct sw_bytes header = fuzz_take_line(&input);
	struct sw_buf token;
	sw_buf_init(&token, TEXT_BYTES_MAX);
	build(mode, header, input, &token);
	if (token.err == SW_OK && verify(sw_buf_bytes(&token), &verified)) {
		FUZZ_CHECK(mode == MODE_SIGNED);
		check_claims(header, input, &verified);
		/* The same token with one bit of its signature changed. */
		token.ptr[token.len - 2] ^= 1;
		FUZZ_CHECK(!verify(sw_buf_bytes(&token), &verified));
	}
	sw_buf_release(&token);
	return 0;
}
