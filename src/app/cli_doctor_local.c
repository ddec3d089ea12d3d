/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine and its files must offer. */
#include "app/cli_doctor.h"

#include "auth/keyset.h"
#include "net/tls.h"

#include <string.h>
#include <sys/resource.h>

enum { FILES_BESIDE_CONNECTIONS = 512, ADMIN_TOKEN_CHARS_MIN = 16 };

struct need {
	const char *role; /* NULL: every role */
	const char *section;
	const char *key;
};

static const struct need needs[] = {
	{NULL, "bus", "url"},
	{NULL, "store", "url"},
	{"gateway", "auth", "keys_dir"},
	{"admin", "admin", "token"},
};

int sw_doctor_needs(const struct sw_config *config, struct sw_diag *diag_out)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (needs[i].role && !sw_config_has_role(config, needs[i].role)) {
			continue;
		}
		int err = sw_config_need(config, needs[i].section, needs[i].key, diag_out);
		if (err) {
			return err;
		}
	}
	if (sw_config_has_role(config, "admin") && strlen(config->admin.token) < ADMIN_TOKEN_CHARS_MIN) {
		return sw_diag_set(diag_out, SW_ECONFIG, "[admin] token: expected at least %d characters, got %zu",
				   ADMIN_TOKEN_CHARS_MIN, strlen(config->admin.token));
	}
	return sw_diag_set(diag_out, SW_OK, "all set");
}

int sw_doctor_sizes(const struct sw_config *config, struct sw_diag *diag_out)
{
	int err = sw_config_check_fit(config, diag_out);
	return err ? err : sw_diag_set(diag_out, SW_OK, "fit together");
}

int sw_doctor_keys(const struct sw_config *config, struct sw_diag *diag_out)
{
	if (!config->auth.keys_dir[0]) {
		return DOCTOR_SKIP;
	}
	struct sw_keyset *keyset = NULL;
	int err = sw_keyset_load(config->auth.keys_dir, &keyset, diag_out);
	if (!err) {
		sw_diag_set(diag_out, SW_OK, "%zu in %s", sw_keyset_count(keyset), config->auth.keys_dir);
	}
	sw_keyset_unref(keyset);
	return err;
}

int sw_doctor_tls(const struct sw_config *config, struct sw_diag *diag_out)
{
	if (!config->gateway.tls_listen.host[0]) {
		return DOCTOR_SKIP;
	}
	int err = sw_config_need(config, "gateway", "tls_cert", diag_out);
	err = err ? err : sw_config_need(config, "gateway", "tls_key", diag_out);
	struct sw_tls *tls = NULL;
	err = err ? err : sw_tls_open(config->gateway.tls_cert, config->gateway.tls_key, &tls, diag_out);
	sw_tls_free(tls);
	return err ? err : sw_diag_set(diag_out, SW_OK, "certificate and key fit");
}

int sw_doctor_files(const struct sw_config *config, struct sw_diag *diag_out)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		return sw_diag_set(diag_out, SW_EIO, "the limit of open files cannot be read");
	}
	bool is_gateway = sw_config_has_role(config, "gateway");
	rlim_t wanted = FILES_BESIDE_CONNECTIONS + (is_gateway ? (rlim_t)config->gateway.connections_max : 0);
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
		return sw_diag_set(diag_out, SW_ECONFIG, "expected a limit of at least %llu open files, got %llu",
				   (unsigned long long)wanted, (unsigned long long)limit.rlim_cur);
	}
	return sw_diag_set(diag_out, SW_OK, "at least %llu may be open", (unsigned long long)wanted);
}

int sw_doctor_push(const struct sw_push_instance *instance, struct sw_diag *diag_out)
{
	struct sw_provider *provider = NULL;
	int err = instance->ops->open(&instance->provider_config, &provider, diag_out);
	if (!err) {
		instance->ops->close(provider);
		sw_diag_set(diag_out, SW_OK, "%s, keys and files are good (nothing was sent)", instance->ops->name);
	}
	return err;
}
