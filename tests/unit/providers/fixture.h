/* SPDX-License-Identifier: Apache-2.0 */
/* What provider tests share: a folder for key files made on the spot, and a configuration out of pairs. */
#ifndef SW_TEST_FIXTURE_H
#define SW_TEST_FIXTURE_H

#include <surewire/provider.h>

/* A configuration section out of "key", "value", …, NULL; a later pair wins, an empty value is an absent key. */
struct config_fake {
	struct sw_provider_config config;
	const char *pairs[64];
	size_t count; /* of texts: twice the pairs */
};
void config_fake_init(struct config_fake *fake, const char *instance);
void config_fake_set(struct config_fake *fake, const char *key, const char *value);

/* Files live in a folder of this process until fixture_close. Paths are static strings of the fixture. */
void fixture_open(void);
void fixture_close(void);
const char *fixture_path(const char *name);
void fixture_write(const char *name, const char *text, size_t len);
/* Fresh private keys in PEM form, and beside them NAME.pub. The cipher is NULL or e.g. "aes-128-cbc". */
void fixture_ec_key(const char *name, const char *curve, const char *cipher);
/* A service account with a fresh RSA key. Members given as JSON text replace the usual ones. */
void fixture_account(const char *name, const char *replacements);

#endif
