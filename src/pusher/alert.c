/* SPDX-License-Identifier: Apache-2.0 */
/* The notification of an alert: how much it may disturb follows from its severity, and its repeats replace one another. */
#include "pusher/pusher_int.h"

#include <surewire/json.h>

enum { CONTENT_BYTES_MAX = 64 << 10, CONTENT_DEPTH = 8 };

static enum sw_push_interruption interruption_of(struct sw_bytes severity)
{
	if (sw_bytes_equal_str(severity, "critical")) {
		return SW_PUSH_INTERRUPTION_CRITICAL;
	}
	if (sw_bytes_equal_str(severity, "high")) {
		return SW_PUSH_INTERRUPTION_TIME_SENSITIVE;
	}
	return SW_PUSH_INTERRUPTION_UNSET;
}

void sw_pusher_fill_alert(const struct sw_item_job *item, struct sw_notification *n_io)
{
	json_t *content = sw_json_of_answer(item->content, CONTENT_BYTES_MAX, CONTENT_DEPTH);
	bool sounds = json_is_true(json_object_get(content, "critical_sound"));
	n_io->interruption = interruption_of(sw_json_get_str(content, "severity"));
	if (n_io->interruption == SW_PUSH_INTERRUPTION_CRITICAL && !sounds) {
		n_io->interruption = SW_PUSH_INTERRUPTION_TIME_SENSITIVE; /* the app may not do more */
	}
	n_io->apple.critical_sound = sounds;
	n_io->priority = SW_PUSH_PRIORITY_HIGH;
	n_io->thread = n_io->collapse;
	n_io->data[0] = (struct sw_push_datum){"alert", n_io->collapse};
	n_io->data_count = 1;
	json_decref(content);
}
