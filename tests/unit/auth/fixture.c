/* SPDX-License-Identifier: Apache-2.0 */
/* See fixture.h. */
#include "fixture.h"

#include <surewire/b64url.h>

#include <surewire/mem.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "fixture: %s\n", what);
		abort();
	}
}

struct fixture_folder fixture_folder_new(void)
{
	struct fixture_folder folder;
	snprintf(folder.path, sizeof(folder.path), "/tmp/surewire-auth-XXXXXX");
	must(mkdtemp(folder.path) != NULL, "mkdtemp");
	return folder;
}

void fixture_folder_remove(const struct fixture_folder *folder)
{
	DIR *dir = opendir(folder->path);
	must(dir != NULL, "opendir");
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
	must(rmdir(folder->path) == 0, "rmdir");
}

void fixture_write(const struct fixture_folder *folder, const char *name, struct sw_bytes contents)
{
	char *path = sw_xasprintf("%s/%s", folder->path, name);
	FILE *file = fopen(path, "w");
	must(file && fwrite(contents.ptr, 1, contents.len, file) == contents.len && fclose(file) == 0, path);
	free(path);
}

void fixture_write_str(const struct fixture_folder *folder, const char *name, const char *contents)
{
	fixture_write(folder, name, sw_bytes_str(contents));
}

EVP_PKEY *fixture_key(const char *kind)
{
	EVP_PKEY *key = strncmp(kind, "RSA", 3) == 0 ? EVP_RSA_gen((unsigned)strtoul(kind + 3, NULL, 10))
		      : strcmp(kind, "P256") == 0    ? EVP_EC_gen("P-256")
		      : strcmp(kind, "P384") == 0    ? EVP_EC_gen("P-384")
						     : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	must(key != NULL, kind);
	return key;
}

static char *bio_text(BIO *bio)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);
	char *text = sw_xstrndup(data, (size_t)len);
	BIO_free(bio);
	return text;
}

char *fixture_public_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	must(PEM_write_bio_PUBKEY(bio, key) == 1, "public pem");
	return bio_text(bio);
}

char *fixture_private_pem(EVP_PKEY *key, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());
	must(PEM_write_bio_PKCS8PrivateKey(bio, key, passphrase ? EVP_aes_128_cbc() : NULL, passphrase,
					   passphrase ? (int)strlen(passphrase) : 0, NULL, NULL) == 1,
	     "private pem");
	return bio_text(bio);
}

char *fixture_token_raw(const char *header, const char *payload, struct sw_bytes signature)
{
	struct sw_buf token;
	sw_buf_init(&token, 1 << 20);
	sw_b64url_encode(sw_bytes_str(header), &token);
	sw_buf_put_char(&token, '.');
	sw_b64url_encode(sw_bytes_str(payload), &token);
	sw_buf_put_char(&token, '.');
	sw_b64url_encode(signature, &token);
	char *text = sw_xstrdup(sw_buf_cstr(&token));
	sw_buf_release(&token);
	return text;
}

static size_t der_to_raw(const uint8_t *der, size_t der_len, uint8_t *raw_out)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
	must(sig != NULL, "d2i");
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw_out, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw_out + 32, 32);
	ECDSA_SIG_free(sig);
	return 64;
}

static size_t sign_public(const struct fixture_signer *signer, struct sw_bytes text, uint8_t *signature_out,
			  size_t size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *digest = signer->alg == SW_JWT_EDDSA ? NULL : EVP_sha256();
	size_t len = size;
	must(EVP_DigestSignInit(ctx, NULL, digest, NULL, signer->key) == 1 &&
		     EVP_DigestSign(ctx, signature_out, &len, text.ptr, text.len) == 1,
	     "sign");
	EVP_MD_CTX_free(ctx);
	if (signer->alg == SW_JWT_ES256) {
		uint8_t der[256];
		memcpy(der, signature_out, len);
		len = der_to_raw(der, len, signature_out);
	}
	return len;
}

char *fixture_token(const struct fixture_signer *signer, const char *header, const char *payload)
{
	char *head = fixture_token_raw(header, payload, sw_bytes(NULL, 0));
	struct sw_bytes text = sw_bytes(head, strlen(head) - 1);
	uint8_t signature[512];
	size_t len = 0;
	if (signer->alg == SW_JWT_HS256) {
		unsigned n = 0;
		HMAC(EVP_sha256(), signer->secret.ptr, (int)signer->secret.len, text.ptr, text.len, signature, &n);
		len = n;
	} else if (signer->alg != SW_JWT_NONE) {
		len = sign_public(signer, text, signature, sizeof(signature));
	}
	free(head);
	return fixture_token_raw(header, payload, sw_bytes(signature, len));
}
