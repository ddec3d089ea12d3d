/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file, and each type of value. Input: a file; or, when it is a single line, a value for every row.
 * Properties: a refusal is one line that begins with the file; numbers keep the bounds of their row. */
#include "fuzz.h"

#include "app/config_rows.h"
#include "base/utf8.h"

#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

static const struct sw_provider_ops *const providers[] = {&sw_provider_apns,
							  &sw_provider_fcm,
							  &sw_provider_huawei,
							  &sw_provider_email,
							  &sw_provider_webpush,
							  &sw_provider_webhook,
							  NULL};

static void try_file(struct sw_bytes contents)
{
	struct fuzz_file file = fuzz_file_new(contents);
	struct sw_config *config = NULL;
	struct sw_diag diag = {""};
	struct sw_config_source source = {.path = file.path, .providers = providers};
	if (sw_config_load(&source, &config, &diag) == SW_OK) {
		for (size_t i = 0; i < config->push_count; i++) {
			FUZZ_CHECK(config->push[i].ops && config->push[i].name[0]);
		}
	} else {
		FUZZ_CHECK(!config && strncmp(diag.text, file.path, strlen(file.path)) == 0);
		FUZZ_CHECK(!strchr(diag.text, '\n'));
	}
	sw_config_free(config);
	fuzz_file_close(&file);
}

static void check_number(const struct sw_config *config, const struct sw_conf_row *row)
{
	const char *field = (const char *)config + row->offset;
	int64_t value = row->bounds.min;
	if (row->type == SW_CONF_INT) {
		value = *(const int *)(const void *)field;
	} else if (row->type == SW_CONF_DURATION) {
		value = *(const int64_t *)(const void *)field;
	} else if (row->type == SW_CONF_SIZE) {
		value = (int64_t) * (const size_t *)(const void *)field;
	} else if (row->type == SW_CONF_ADDRESS) {
		const struct sw_address *address = (const void *)field;
		FUZZ_CHECK(memchr(address->host, '\0', sizeof(address->host)));
		return;
	} else {
		return;
	}
	FUZZ_CHECK(value >= row->bounds.min && value <= row->bounds.max);
}

static void check_shown(const char *text)
{
	struct sw_conf_shown shown = sw_conf_show(text);
	for (const char *c = shown.text; *c; c++) {
		FUZZ_CHECK((uint8_t)*c >= 0x20 && *c != 0x7f);
	}
	FUZZ_CHECK(!sw_utf8_valid(sw_bytes_str(text)) || sw_utf8_valid(sw_bytes_str(shown.text)));
}

static void try_values(const char *text)
{
	struct sw_config_source source = {.providers = providers};
	struct sw_config *config = NULL;
	FUZZ_CHECK(sw_config_load(&source, &config, NULL) == SW_OK);
	for (size_t i = 0; i < sw_conf_row_count; i++) {
		struct sw_diag why = {""};
		if (sw_conf_value_set(config, &sw_conf_rows[i], text, ".", &why) == SW_OK) {
			if (text[0]) {
				check_number(config, &sw_conf_rows[i]);
			}
		} else {
			FUZZ_CHECK(strncmp(why.text, "expected ", 9) == 0 && !strchr(why.text, '\n'));
		}
	}
	int64_t ms = 0;
	FUZZ_CHECK(sw_config_parse_duration(text, &ms) != SW_OK || ms >= 0);
	check_shown(text);
	sw_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_bytes contents = sw_bytes(data, size);
	sw_log_set_level(SW_LOG_ERROR);
	if (size && memchr(data, '\n', size)) {
		try_file(contents);
		return 0;
	}
	char *text = sw_xstrndup((const char *)data, size);
	try_values(text);
	free(text);
	return 0;
}
