/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a send names: its recipient, when it goes to a person, and those it mentions. Ids from the cache, or looked up in
 * one read. */
#include "gateway/gateway_int.h"

#include <surewire/mem.h>

#include <stdlib.h>

static size_t count_of(const struct sw_send_frame *send)
{
	return (send->to_conv ? 0 : 1) + json_array_size(send->mentions);
}

static struct sw_bytes name_of(const struct sw_send_frame *send, size_t index)
{
	if (!send->to_conv && index == 0) {
		return send->to_user;
	}
	const json_t *name = json_array_get(send->mentions, index - (send->to_conv ? 0 : 1));
	return sw_bytes(json_string_value(name), json_string_length(name));
}

enum sw_error_code people_check(const struct sw_gateway *gateway, const struct sw_send_frame *send,
				struct sw_diag *diag)
{
	if (json_array_size(send->mentions) > gateway->config.mentions_max) {
		sw_diag_set(diag, SW_ELIMIT, "mentions: expected at most %u names", gateway->config.mentions_max);
		return SW_ERROR_BAD_FRAME;
	}
	for (size_t i = 0; i < count_of(send); i++) {
		if (!sw_user_name_valid(name_of(send, i))) {
			sw_diag_set(diag, SW_ENOTFOUND, "there is no user \"%.*s\"",
				    SW_BYTES_FMT(sw_bytes(name_of(send, i).ptr,
							  name_of(send, i).len < 64 ? name_of(send, i).len : 64)));
			return SW_ERROR_UNKNOWN_USER;
		}
	}
	return SW_ERROR_NONE;
}

static void take(const struct sw_send_frame *send, int64_t *users, struct people *people_out)
{
	size_t first = send->to_conv ? 0 : 1;
	*people_out = (struct people){
		.to_user = first ? users[0] : 0, .mentions = {users + first, count_of(send) - first}, .users = users};
}

bool people_find(struct gw_loop *loop, const struct sw_send_frame *send, struct people *people_out)
{
	size_t count = count_of(send);
	int64_t *users = sw_xcalloc(count + 1, sizeof(*users));
	for (size_t i = 0; i < count; i++) {
		users[i] = names_find(loop, name_of(send, i));
		if (!users[i]) {
			free(users);
			return false;
		}
	}
	take(send, users, people_out);
	return true;
}

struct name_read *people_look_up(struct gw_loop *loop, int64_t number, const struct sw_send_frame *send)
{
	struct name_read *read = name_read_new(loop, number, count_of(send));
	for (size_t i = 0; i < read->count; i++) {
		struct sw_bytes name = name_of(send, i);
		read->names[i] = sw_xstrndup((const char *)name.ptr, name.len);
	}
	return read;
}

enum sw_error_code people_found(const struct name_read *read, const struct sw_send_frame *send,
				struct people *people_out, struct sw_diag *diag)
{
	if (read->read.err) {
		sw_diag_set(diag, SW_EUNAVAILABLE, "the store is away, try again");
		return SW_ERROR_UNAVAILABLE;
	}
	for (size_t i = 0; i < read->count; i++) {
		if (!read->users[i]) {
			sw_diag_set(diag, SW_ENOTFOUND, "there is no user \"%.64s\"", read->names[i]);
			return SW_ERROR_UNKNOWN_USER;
		}
	}
	int64_t *users = sw_xcalloc(read->count + 1, sizeof(*users));
	memcpy(users, read->users, read->count * sizeof(*users));
	take(send, users, people_out);
	return SW_ERROR_NONE;
}

void people_release(struct people *people)
{
	free(people->users);
}
