/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a provider's configuration section, with errors in one form: "[push.NAME] KEY: expected …". Only
 * sw_provider_file and sw_provider_secret read files. */
#ifndef SUREWIRE_PROVIDER_CONFIG_H
#define SUREWIRE_PROVIDER_CONFIG_H

#include <surewire/provider.h>

/* The key's text, or fallback when it is absent or empty. Borrowed. */
const char *sw_provider_text(const struct sw_provider_config *config, const char *key, const char *fallback);
/* SW_ECONFIG, with the text "[push.NAME] KEY: expected WHAT". */
int sw_provider_expected(const struct sw_provider_config *config, const char *key, const char *what,
			 struct sw_diag *diag_out);
/* 1 to limit; *value_io stays as it is when the key is absent. */
int sw_provider_number(const struct sw_provider_config *config, const char *key, int limit, int *value_io,
		       struct sw_diag *diag_out) SW_MUST_CHECK;
/* "15m", "90s", "0": 0 to limit_ms; *ms_io stays as it is when the key is absent. */
int sw_provider_duration(const struct sw_provider_config *config, const char *key, int64_t limit_ms, int64_t *ms_io,
			 struct sw_diag *diag_out) SW_MUST_CHECK;
/* true or false; false when the key is absent. */
int sw_provider_flag(const struct sw_provider_config *config, const char *key, bool *flag_out,
		     struct sw_diag *diag_out) SW_MUST_CHECK;

/* The next item of a comma-separated list, without the blanks around it. False at the end. */
bool sw_provider_next_item(struct sw_bytes *rest, struct sw_bytes *item_out);
/* The key `apps`: app names separated by commas, borrowed; empty when absent: every app. */
int sw_provider_apps(const struct sw_provider_config *config, struct sw_bytes *apps_out,
		     struct sw_diag *diag_out) SW_MUST_CHECK;
/* Is it one of those apps? An empty one means "the only one". */
bool sw_provider_serves(struct sw_bytes apps, struct sw_bytes app);
/* check_app_for of providers with that key. */
int sw_provider_check_app(const struct sw_provider_config *config, struct sw_bytes app,
			  struct sw_diag *diag_out) SW_MUST_CHECK;
/* Would the section take this token of this app? SW_OK, or SW_EINVAL with what was expected. Any thread. */
int sw_provider_check_address(const struct sw_provider_ops *ops, const struct sw_provider_config *config,
			      struct sw_bytes token, struct sw_bytes app, struct sw_diag *diag_out) SW_MUST_CHECK;
/* The keys host, port, ca_file and connections of an HTTP service; what endpoint_io says holds where they are absent. */
int sw_provider_endpoint(const struct sw_provider_config *config, struct sw_endpoint *endpoint_io,
			 struct sw_diag *diag_out) SW_MUST_CHECK;

/* A file that a key of the section names. */
struct sw_provider_source {
	const char *instance;
	const char *key;
	const char *path;
	const char *kind; /* for texts: "PEM file" */
};
/* The whole of it, terminated; the caller gives it back by sw_free_secret. SW_ECONFIG when it cannot be read, is no
 * regular file, is empty or larger than bytes_max. */
int sw_provider_file(const struct sw_provider_source *source, size_t bytes_max, struct sw_bytes *text_out,
		     struct sw_diag *diag_out) SW_MUST_CHECK;

enum { SW_PROVIDER_SECRET_MAX = 1024, SW_PROVIDER_CONNECTIONS_LIMIT = 64 };

/* The one line of a file (a password, a client's secret), without its line end, terminated; the key is for the text.
 * On an error `to` stays as it is. */
int sw_provider_secret(const char *instance, const char *key, const char *path, char to[SW_PROVIDER_SECRET_MAX + 1],
		       struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
