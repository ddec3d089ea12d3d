/* SPDX-License-Identifier: Apache-2.0 */
/* Which of Apple's push types a notification is, and what that asks of its priority (push_types.def). */
#include "apns_int.h"

#include <string.h>

enum {
	LOW = 1U << SW_PUSH_PRIORITY_LOW,
	NORMAL = 1U << SW_PUSH_PRIORITY_NORMAL,
	HIGH = 1U << SW_PUSH_PRIORITY_HIGH,
};
enum { ONCE = 1, TOKEN_ONLY = 2 };

static const struct sw_apns_push_type types[] = {
#define SW_APNS_PUSH_TYPE(type, name, suffix, bytes_max, priorities, shows, aps, flags) \
	[SW_APPLE_##type] = {name,                                                      \
			     suffix,                                                    \
			     bytes_max,                                                 \
			     priorities,                                                \
			     SW_APNS_SHOWS_##shows,                                     \
			     aps,                                                       \
			     ((flags)&ONCE) != 0,                                       \
			     ((flags)&TOKEN_ONLY) != 0},
#include "push_types.def"
#undef SW_APNS_PUSH_TYPE
};

int sw_apns_push_type(const struct sw_notification *n, const struct sw_apns_push_type **type_out,
		      struct sw_diag *diag_out)
{
	bool silent = n->kind == SW_PUSH_SILENT;
	size_t index = (size_t)n->apple.type;
	if (index == SW_APPLE_BY_KIND) {
		index = silent ? SW_APPLE_BACKGROUND : SW_APPLE_ALERT;
	}
	if (index >= sizeof(types) / sizeof(types[0])) {
		return sw_diag_set(diag_out, SW_EINVAL, "push type: expected one that Apple knows");
	}
	const struct sw_apns_push_type *type = &types[index];
	if (type->shows == (silent ? SW_APNS_SHOWS_MUST : SW_APNS_SHOWS_NEVER)) {
		return sw_diag_set(diag_out, SW_EINVAL, "push type %s: expected %s notification", type->name,
				   silent ? "an alert, not a silent" : "a silent");
	}
	*type_out = type;
	return SW_OK;
}

const char *sw_apns_priority(const struct sw_apns_push_type *type, enum sw_push_priority wanted)
{
	if (type->priorities & (1U << wanted)) {
		return wanted == SW_PUSH_PRIORITY_LOW ? "1" : wanted == SW_PUSH_PRIORITY_NORMAL ? "5" : "10";
	}
	return type->priorities & NORMAL ? "5" : "10";
}

bool sw_apns_is_topic_of(struct sw_bytes topic, struct sw_bytes app)
{
	if (topic.len < app.len || memcmp(topic.ptr, app.ptr, app.len) != 0) {
		return false;
	}
	struct sw_bytes suffix = sw_bytes(topic.ptr + app.len, topic.len - app.len);
	for (size_t i = SW_APPLE_ALERT; i < sizeof(types) / sizeof(types[0]); i++) {
		if (sw_bytes_equal_str(suffix, types[i].topic_suffix)) {
			return true;
		}
	}
	return false;
}
