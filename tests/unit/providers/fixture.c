/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and files for provider tests. Fails by assert: without them there is nothing to test. */
#include "fixture.h"

#include <surewire/json.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATHS_MAX = 16, PATH_BYTES = 256 };

static char folder[64];

static const char *config_get(const struct sw_provider_config *config, const char *key)
{
	const struct config_fake *fake = config->ctx;
	for (size_t i = fake->count; i > 0; i -= 2) {
		if (strcmp(fake->pairs[i - 2], key) == 0) {
			return fake->pairs[i - 1][0] ? fake->pairs[i - 1] : NULL;
		}
	}
	return NULL;
}

void config_fake_init(struct config_fake *fake, const char *instance)
{
	*fake = (struct config_fake){.config = {.instance = instance, .get = config_get}};
	fake->config.ctx = fake;
}

void config_fake_set(struct config_fake *fake, const char *key, const char *value)
{
	assert(fake->count + 2 <= sizeof(fake->pairs) / sizeof(fake->pairs[0]));
	fake->pairs[fake->count++] = key;
	fake->pairs[fake->count++] = value;
}

void fixture_open(void)
{
	snprintf(folder, sizeof(folder), "/tmp/surewire-test-XXXXXX");
	assert(mkdtemp(folder));
}

void fixture_close(void)
{
	DIR *dir = opendir(folder);
	assert(dir);
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		if (entry->d_name[0] != '.') {
			unlink(fixture_path(entry->d_name));
		}
	}
	closedir(dir);
	rmdir(folder);
}

const char *fixture_path(const char *name)
{
	static char paths[PATHS_MAX][PATH_BYTES];
	static unsigned next;
	char *path = NULL;
	char wanted[PATH_BYTES];
	snprintf(wanted, sizeof(wanted), "%s/%s", folder, name);
	for (size_t i = 0; i < PATHS_MAX && !path; i++) {
		path = strcmp(paths[i], wanted) == 0 ? paths[i] : NULL;
	}
	if (!path) {
		path = paths[next++ % PATHS_MAX];
		memcpy(path, wanted, sizeof(wanted));
	}
	return path;
}

void fixture_write(const char *name, const char *text, size_t len)
{
	FILE *file = fopen(fixture_path(name), "w");
	assert(file && fwrite(text, 1, len, file) == len);
	assert(fclose(file) == 0);
}

static char *pem_of(EVP_PKEY *key, const char *cipher, bool public)
{
	BIO *bio = BIO_new(BIO_s_mem());
	const EVP_CIPHER *by = cipher ? EVP_get_cipherbyname(cipher) : NULL;
	static const char passphrase[] = "secret";
	int ok = public ? PEM_write_bio_PUBKEY(bio, key)
			: PEM_write_bio_PKCS8PrivateKey(bio, key, by, by ? passphrase : NULL, by ? 6 : 0, NULL, NULL);
	assert(ok == 1);
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	char *text = strndup(data, (size_t)len);
	BIO_free(bio);
	return text;
}

static void write_public(const char *name, EVP_PKEY *key)
{
	char public_name[64];
	snprintf(public_name, sizeof(public_name), "%s.pub", name);
	char *text = pem_of(key, NULL, true);
	fixture_write(public_name, text, strlen(text));
	free(text);
}

void fixture_ec_key(const char *name, const char *curve, const char *cipher)
{
	EVP_PKEY *key = EVP_EC_gen(curve);
	assert(key);
	char *text = pem_of(key, cipher, false);
	fixture_write(name, text, strlen(text));
	free(text);
	write_public(name, key);
	EVP_PKEY_free(key);
}

void fixture_account(const char *name, const char *replacements)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	char *pem = pem_of(key, NULL, false);
	json_t *account = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "service_account", "project_id",
				    "demo-project", "private_key_id", "0123abcd", "private_key", pem, "client_email",
				    "push@demo-project.iam.gserviceaccount.com", "token_uri",
				    "https://oauth2.googleapis.com/token");
	json_t *other = replacements ? json_loads(replacements, 0, NULL) : json_object();
	assert(account && other && json_object_update(account, other) == 0);
	char *text = json_dumps(account, JSON_INDENT(1));
	fixture_write(name, text, strlen(text));
	write_public(name, key);
	free(text);
	free(pem);
	json_decref(account);
	json_decref(other);
	EVP_PKEY_free(key);
}
