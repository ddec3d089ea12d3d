/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of keys as one immutable, counted set. */
#include "auth/keyset_int.h"

#include <surewire/mem.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_skipped(const char *name)
{
	return name[0] == '.' || name[strlen(name) - 1] == '~';
}

static int add(struct sw_keyset *keyset, const char *dir, const char *name, struct sw_diag *diag_out)
{
	if (is_skipped(name)) {
		return SW_OK;
	}
	if (keyset->count == SW_KEYSET_KEYS_MAX) {
		return sw_diag_set(diag_out, SW_ECONFIG, "%s: expected at most %d keys", dir, SW_KEYSET_KEYS_MAX);
	}
	struct sw_key *key = &keyset->keys[keyset->count];
	int err = sw_key_load(dir, name, key, diag_out);
	if (err) {
		return err;
	}
	if (sw_keyset_find(keyset, sw_bytes_str(key->kid))) {
		err = sw_diag_set(diag_out, SW_ECONFIG, "%s/%s: expected one key for each kid, got \"%s\" twice", dir,
				  name, key->kid);
		sw_key_release(key);
		return err;
	}
	keyset->count++;
	return SW_OK;
}

static int by_kid(const void *a, const void *b)
{
	return strcmp(((const struct sw_key *)a)->kid, ((const struct sw_key *)b)->kid);
}

int sw_keyset_load(const char *dir, struct sw_keyset **keyset_out, struct sw_diag *diag_out)
{
	struct dirent **names = NULL;
	int found = scandir(dir, &names, NULL, alphasort);
	if (found < 0) {
		return sw_diag_set(diag_out, SW_ECONFIG, "%s: expected a folder of keys: %s", dir, strerror(errno));
	}
	struct sw_keyset *keyset = sw_xcalloc(1, sizeof(*keyset));
	keyset->refs = 1;
	keyset->keys = sw_xcalloc(SW_KEYSET_KEYS_MAX, sizeof(*keyset->keys));
	int err = SW_OK;
	for (int i = 0; i < found; i++) {
		err = err ? err : add(keyset, dir, names[i]->d_name, diag_out);
		free(names[i]);
	}
	free(names);
	if (!err && keyset->count == 0) {
		err = sw_diag_set(diag_out, SW_ECONFIG, "%s: expected at least one key file, e.g. main.HS256.key", dir);
	}
	if (err) {
		sw_keyset_unref(keyset);
		return err;
	}
	qsort(keyset->keys, keyset->count, sizeof(*keyset->keys), by_kid);
	*keyset_out = keyset;
	return SW_OK;
}

struct sw_keyset *sw_keyset_ref(struct sw_keyset *keyset)
{
	keyset->refs++;
	return keyset;
}

void sw_keyset_unref(struct sw_keyset *keyset)
{
	if (!keyset || --keyset->refs > 0) {
		return;
	}
	for (size_t i = 0; i < keyset->count; i++) {
		sw_key_release(&keyset->keys[i]);
	}
	free(keyset->keys);
	free(keyset);
}

size_t sw_keyset_count(const struct sw_keyset *keyset)
{
	return keyset->count;
}

const struct sw_key *sw_keyset_find(const struct sw_keyset *keyset, struct sw_bytes kid)
{
	if (kid.len == 0) {
		return keyset->count == 1 ? &keyset->keys[0] : NULL;
	}
	for (size_t i = 0; i < keyset->count; i++) {
		if (sw_bytes_equal_str(kid, keyset->keys[i].kid)) {
			return &keyset->keys[i];
		}
	}
	return NULL;
}
