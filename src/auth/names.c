/* SPDX-License-Identifier: Apache-2.0 */
/* Which names people and devices may have. Narrow on purpose: they become parts of queues, logs and addresses. */
#include "auth/token.h"

static bool is_lower_or_digit(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_one_of(uint8_t c, const char *set)
{
	for (; *set; set++) {
		if ((uint8_t)*set == c) {
			return true;
		}
	}
	return false;
}

bool sw_user_name_valid(struct sw_bytes name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (!is_lower_or_digit(name.ptr[i]) && !is_one_of(name.ptr[i], "._@+-")) {
			return false;
		}
	}
	return name.len >= 1 && name.len <= SW_USER_NAME_MAX;
}

bool sw_device_name_valid(struct sw_bytes name)
{
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.ptr[i];
		bool upper = c >= 'A' && c <= 'Z';
		if (!upper && !is_lower_or_digit(c) && !is_one_of(c, "._:-")) {
			return false;
		}
	}
	return name.len >= 1 && name.len <= SW_TOKEN_DEVICE_MAX;
}
