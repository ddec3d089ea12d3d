/* SPDX-License-Identifier: Apache-2.0 */
/* One key file: its name gives kid and algorithm, its bytes the key. */
#include "auth/keyset_int.h"

#include <surewire/log.h>
#include <surewire/mem.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of a file, wiped when released. */
struct secret_file {
	uint8_t *ptr;
	size_t len;
	mode_t mode;
};

static bool kid_valid(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!alnum && c != '.' && c != '_' && c != '-') {
			return false;
		}
	}
	return len >= 1 && len <= SW_KEY_ID_MAX;
}

/* KID.ALG.EXT, split from the right: a kid may have dots. */
static int parse_name(const char *name, struct sw_key *key, struct sw_diag *diag_out)
{
	const char *ext = strrchr(name, '.');
	const char *alg = ext ? memrchr(name, '.', (size_t)(ext - name)) : NULL;
	if (!alg || !kid_valid(name, (size_t)(alg - name))) {
		return sw_diag_set(
			diag_out, SW_ECONFIG,
			"expected a name like main.HS256.key or idp.RS256.pem (kid of 1 to %d of A-Z a-z 0-9 . _ -)",
			SW_KEY_ID_MAX);
	}
	key->alg = sw_jwt_alg_parse(sw_bytes(alg + 1, (size_t)(ext - alg - 1)));
	const char *wanted = key->alg == SW_JWT_HS256 ? ".key" : ".pem";
	if (key->alg == SW_JWT_NONE || strcmp(ext, wanted) != 0) {
		return sw_diag_set(diag_out, SW_ECONFIG,
				   "expected the name to end in .HS256.key, .RS256.pem, .ES256.pem or .EdDSA.pem");
	}
	memcpy(key->kid, name, (size_t)(alg - name));
	return SW_OK;
}

static int read_all(int fd, struct secret_file *file, struct sw_diag *diag_out)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		return sw_diag_set(diag_out, SW_ECONFIG, "expected a regular file");
	}
	file->mode = st.st_mode;
	while (file->len <= SW_PEM_BYTES_MAX) {
		ssize_t n = read(fd, file->ptr + file->len, SW_PEM_BYTES_MAX + 1 - file->len);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return sw_diag_set(diag_out, SW_ECONFIG, "cannot be read: %s", strerror(errno));
		}
		if (n == 0) {
			return SW_OK;
		}
		file->len += (size_t)n;
	}
	return sw_diag_set(diag_out, SW_ECONFIG, "expected at most %d bytes", SW_PEM_BYTES_MAX);
}

static int read_file(const char *path, struct secret_file *file, struct sw_diag *diag_out)
{
	/* NONBLOCK: a FIFO in the folder must not hang the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		return sw_diag_set(diag_out, SW_ECONFIG, "cannot be opened: %s", strerror(errno));
	}
	file->ptr = sw_xmalloc(SW_PEM_BYTES_MAX + 1);
	int err = read_all(fd, file, diag_out);
	close(fd);
	return err;
}

enum { NOT_HEX = 16 };

static unsigned hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - (unsigned)'0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - (unsigned)'a' + 10 : NOT_HEX;
}

/* Text gets its line end removed: editors and "echo" add one that nobody means. Binary bytes are left alone. */
static struct sw_bytes trim_line_end(struct sw_bytes raw)
{
	size_t len = raw.len;
	while (len > 0 && (raw.ptr[len - 1] == '\n' || raw.ptr[len - 1] == '\r')) {
		len--;
	}
	for (size_t i = 0; i < len; i++) {
		if (raw.ptr[i] < 0x20 || raw.ptr[i] > 0x7e) {
			return raw;
		}
	}
	return sw_bytes(raw.ptr, len);
}

static bool is_hex(struct sw_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (hex_value(text.ptr[i]) == NOT_HEX) {
			return false;
		}
	}
	return text.len % 2 == 0 && text.len >= 2 * (size_t)SW_HMAC_SECRET_BYTES_MIN;
}

static void store_secret(struct sw_key *key, struct sw_bytes text)
{
	bool hex = is_hex(text);
	key->secret_len = hex ? text.len / 2 : text.len;
	key->secret = sw_xmalloc(key->secret_len + 1);
	for (size_t i = 0; i < key->secret_len; i++) {
		key->secret[i] = hex ? (uint8_t)(hex_value(text.ptr[2 * i]) << 4 | hex_value(text.ptr[2 * i + 1]))
				     : text.ptr[i];
	}
}

static int prepare_hmac(struct sw_key *key, struct sw_diag *diag_out)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	key->hmac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	if (!key->hmac || EVP_MAC_init(key->hmac, key->secret, key->secret_len, params) != 1) {
		return sw_diag_set(diag_out, SW_ECONFIG, "OpenSSL offers no HMAC with SHA-256");
	}
	return SW_OK;
}

static int load_secret(struct sw_key *key, const struct secret_file *file, struct sw_diag *diag_out)
{
	assert(file->ptr);
	struct sw_bytes text = trim_line_end(sw_bytes(file->ptr, file->len));
	if (memmem(text.ptr, text.len, "-----BEGIN", 10)) {
		return sw_diag_set(diag_out, SW_ECONFIG,
				   "expected a shared secret, got PEM: whoever has the public key could sign with it");
	}
	store_secret(key, text);
	if (key->secret_len < SW_HMAC_SECRET_BYTES_MIN || key->secret_len > SW_HMAC_SECRET_BYTES_MAX) {
		return sw_diag_set(diag_out, SW_ECONFIG, "expected a secret of %d to %d bytes, got %zu",
				   SW_HMAC_SECRET_BYTES_MIN, SW_HMAC_SECRET_BYTES_MAX, key->secret_len);
	}
	return prepare_hmac(key, diag_out);
}

static int load_public(struct sw_key *key, const struct secret_file *file, struct sw_diag *diag_out)
{
	assert(file->ptr);
	if (memmem(file->ptr, file->len, "PRIVATE KEY-----", 16)) {
		return sw_diag_set(diag_out, SW_ECONFIG,
				   "expected a public key, got a private one: keep it at the issuer");
	}
	int err = sw_pem_read(sw_bytes(file->ptr, file->len), SW_PEM_PUBLIC, &key->public_key, diag_out);
	return err ? err : sw_pem_check(key->public_key, key->alg, diag_out);
}

int sw_key_load(const char *dir, const char *name, struct sw_key *key_out, struct sw_diag *diag_out)
{
	*key_out = (struct sw_key){.alg = SW_JWT_NONE};
	struct secret_file file = {0};
	struct sw_diag why = {""};
	char *path = sw_xasprintf("%s/%s", dir, name);
	int err = parse_name(name, key_out, &why);
	if (!err) {
		err = read_file(path, &file, &why);
	}
	if (!err && key_out->alg == SW_JWT_HS256) {
		err = load_secret(key_out, &file, &why);
	} else if (!err) {
		err = load_public(key_out, &file, &why);
	}
	if (err) {
		err = sw_diag_set(diag_out, SW_ECONFIG, "%s: %s", path, why.text);
		sw_key_release(key_out);
	} else if (key_out->alg == SW_JWT_HS256 && (file.mode & S_IROTH)) {
		SW_LOG(WARN, "auth.secret_readable_by_all", SW_F_STR("file", path), SW_F_STR("expected", "chmod 600"));
	}
	sw_free_secret(file.ptr, file.ptr ? SW_PEM_BYTES_MAX + 1 : 0);
	free(path);
	return err;
}

void sw_key_release(struct sw_key *key)
{
	EVP_PKEY_free(key->public_key);
	EVP_MAC_CTX_free(key->hmac);
	sw_free_secret(key->secret, key->secret_len);
	*key = (struct sw_key){.alg = SW_JWT_NONE};
}
