/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/job.h"

#include <surewire/json.h>

#include <stdio.h>
#include <string.h>

static const char *const class_names[] = {
#define SW_JOB_CLASS(NAME, name, number) [number] = #name,
#include "proto/job_classes.def"
#undef SW_JOB_CLASS
};

static const struct reason {
	const char *name;
	const char *text;
} reasons[] = {
	[SW_JOB_REASON_NONE] = {"", ""},
#define SW_JOB_REASON(NAME, name, number, text) [number] = {#name, text},
#include "proto/job_reasons.def"
#undef SW_JOB_REASON
};

const char *sw_job_class_name(uint8_t class)
{
	return class < SW_JOB_CLASSES ? class_names[class] : "unknown";
}

const char *sw_job_reason_name(uint8_t reason)
{
	return reason < SW_JOB_REASONS ? reasons[reason].name : "";
}

struct sw_bytes sw_job_reason_text(struct sw_bytes name)
{
	for (size_t i = 0; i < SW_JOB_REASONS; i++) {
		if (sw_bytes_equal_str(name, reasons[i].name)) {
			return sw_bytes_str(reasons[i].text);
		}
	}
	return name;
}

int sw_job_queue_name(enum sw_job_queue queue, struct sw_bytes provider, char *name_out, size_t size)
{
	if (provider.len == 0 || memchr(provider.ptr, 0, provider.len)) {
		return SW_EINVAL;
	}
	int len = snprintf(name_out, size, "%s.%.*s", queue == SW_JOB_QUEUE_URGENT ? "urgent" : "push",
			   SW_BYTES_FMT(provider));
	return len > 0 && (size_t)len < size ? SW_OK : SW_EINVAL;
}

void sw_job_step_put(struct sw_buf *out, int step)
{
	sw_buf_printf(out, "{\"step\":%d}", step);
}

uint8_t sw_job_step(uint8_t class, struct sw_bytes content)
{
	struct sw_diag ignored = {0};
	json_t *json = NULL;
	if (class != SW_JOB_CHAT || !content.len || sw_json_parse(content, 2, &json, &ignored) != SW_OK) {
		return 0;
	}
	json_int_t step = json_integer_value(json_object_get(json, "step"));
	json_decref(json);
	return step > 0 && step <= UINT8_MAX ? (uint8_t)step : 0;
}
