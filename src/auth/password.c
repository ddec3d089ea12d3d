/* SPDX-License-Identifier: Apache-2.0 */
/* scrypt hashes as text. The parameters travel with the hash, so that they can be raised for new passwords without
 * touching old ones; a hash that asks for absurd ones is refused instead of computed. */
#include "auth/password.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COST_LOG2 = 15, /* N = 32768, r = 8: 32 MiB */
	BLOCK_SIZE = 8,
	PARALLEL = 1,
	COST_LOG2_MAX = 20,
	BLOCK_SIZE_MAX = 16,
	PARALLEL_MAX = 4,
	SALT_BYTES = 16,
	HASH_BYTES = 32,
	BASE64_MAX = 48,
};

struct record {
	unsigned cost_log2;
	unsigned block_size;
	unsigned parallel;
	uint8_t salt[SALT_BYTES];
	uint8_t hash[HASH_BYTES];
};

static int derive(struct sw_bytes password, const struct record *record, uint8_t hash_out[HASH_BYTES])
{
	uint64_t n = UINT64_C(1) << record->cost_log2;
	/* 128 N r bytes for the table, and as much again is more than the rest needs. */
	uint64_t memory_max = 256 * n * record->block_size + (UINT64_C(1) << 20);
	return EVP_PBE_scrypt((const char *)password.ptr, password.len, record->salt, SALT_BYTES, n, record->block_size,
			      record->parallel, memory_max, hash_out, HASH_BYTES) == 1
		     ? SW_OK
		     : SW_EINVAL;
}

static void put_base64(const uint8_t *bytes, int len, char text_out[BASE64_MAX])
{
	int n = EVP_EncodeBlock((unsigned char *)text_out, bytes, len);
	while (n > 0 && text_out[n - 1] == '=') {
		text_out[--n] = '\0';
	}
}

/* Compares by encoding again, so that only the one canonical text of len bytes is accepted. */
static bool get_base64(const char *text, uint8_t *bytes_out, size_t len)
{
	char padded[BASE64_MAX + 4];
	uint8_t decoded[BASE64_MAX];
	char again[BASE64_MAX];
	size_t chars = strlen(text);
	if (chars != (len * 8 + 5) / 6) {
		return false;
	}
	snprintf(padded, sizeof(padded), "%s%s", text, &"==="[chars % 4 ? chars % 4 - 1 : 3]);
	if (EVP_DecodeBlock(decoded, (const unsigned char *)padded, (int)strlen(padded)) < (int)len) {
		return false;
	}
	memcpy(bytes_out, decoded, len);
	put_base64(decoded, (int)len, again);
	return strcmp(again, text) == 0;
}

static int parse(const char *text, struct record *record_out)
{
	char salt[BASE64_MAX];
	char hash[BASE64_MAX];
	int used = 0;
	/* The widths in the format keep every number small: sscanf has no overflow to hide here. */
	if (strlen(text) >= SW_PASSWORD_HASH_TEXT_MAX || /* NOLINTNEXTLINE(cert-err34-c) */
	    sscanf(text, "$scrypt$ln=%2u,r=%2u,p=%1u$%47[A-Za-z0-9+/]$%47[A-Za-z0-9+/]%n", &record_out->cost_log2,
		   &record_out->block_size, &record_out->parallel, salt, hash, &used) != 5 ||
	    text[used] != '\0') {
		return SW_EPARSE;
	}
	bool sane = record_out->cost_log2 >= 1 && record_out->cost_log2 <= COST_LOG2_MAX &&
		    record_out->block_size >= 1 && record_out->block_size <= BLOCK_SIZE_MAX &&
		    record_out->parallel >= 1 && record_out->parallel <= PARALLEL_MAX;
	return sane && get_base64(salt, record_out->salt, SALT_BYTES) && get_base64(hash, record_out->hash, HASH_BYTES)
		     ? SW_OK
		     : SW_EPARSE;
}

int sw_password_hash(struct sw_bytes password, char hash_out[SW_PASSWORD_HASH_TEXT_MAX], struct sw_diag *diag_out)
{
	if (password.len < SW_PASSWORD_BYTES_MIN || password.len > SW_PASSWORD_BYTES_MAX) {
		return sw_diag_set(diag_out, SW_EINVAL, "expected a password of %d to %d bytes, got %zu",
				   SW_PASSWORD_BYTES_MIN, SW_PASSWORD_BYTES_MAX, password.len);
	}
	struct record record = {.cost_log2 = COST_LOG2, .block_size = BLOCK_SIZE, .parallel = PARALLEL};
	if (RAND_bytes(record.salt, SALT_BYTES) != 1 || derive(password, &record, record.hash) != SW_OK) {
		return sw_diag_set(diag_out, SW_EIO, "OpenSSL could not compute scrypt");
	}
	char salt[BASE64_MAX];
	char hash[BASE64_MAX];
	put_base64(record.salt, SALT_BYTES, salt);
	put_base64(record.hash, HASH_BYTES, hash);
	snprintf(hash_out, SW_PASSWORD_HASH_TEXT_MAX, "$scrypt$ln=%u,r=%u,p=%u$%s$%s", record.cost_log2,
		 record.block_size, record.parallel, salt, hash);
	return SW_OK;
}

int sw_password_verify(struct sw_bytes password, const char *hash_text)
{
	struct record record;
	int err = parse(hash_text, &record);
	if (err) {
		return err;
	}
	if (password.len > SW_PASSWORD_BYTES_MAX) {
		return SW_EAUTH;
	}
	uint8_t hash[HASH_BYTES];
	err = derive(password, &record, hash);
	if (err) {
		return err;
	}
	return CRYPTO_memcmp(hash, record.hash, HASH_BYTES) == 0 ? SW_OK : SW_EAUTH;
}
