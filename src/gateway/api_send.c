/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/messages and POST /v1/conversations: the same items as over the socket. Answered when stored (201), or after a
 * while when only accepted (202): then the same cid may be sent again to learn the result. */
#include "gateway/gateway_int.h"

#include "base/rng.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <inttypes.h>
#include <stdlib.h>

enum { GROUP_TITLE_BYTES_MAX = 256 };

static void put_answer(struct sw_buf *out, const struct sw_uuid *cid, const char *state)
{
	char text[SW_UUID_TEXT_LEN + 1];
	sw_uuid_format(cid, text);
	sw_buf_printf(out, "{\"cid\":\"%s\",\"state\":\"%s\"", text, state);
}

static void respond_stored(struct request *request, const struct sw_item_stored *stored)
{
	struct sw_buf out;
	sw_buf_init(&out, 512);
	put_answer(&out, &request->cid, "stored");
	sw_buf_printf(&out, ",\"conv\":\"%" PRId64 "\"", stored->conv);
	if (stored->seq) {
		sw_buf_printf(&out, ",\"id\":\"%" PRId64 "\",\"seq\":\"%" PRId64 "\"", stored->id, stored->seq);
	}
	sw_buf_put_char(&out, '}');
	sw_http_respond(request->exchange, 201, "application/json", NULL, sw_buf_bytes(&out));
	sw_buf_release(&out);
}

static void respond_rejected(struct request *request, const struct sw_item_rejected *rejected)
{
	char code[64];
	char text[256];
	snprintf(code, sizeof(code), "%.*s", SW_BYTES_FMT(rejected->code));
	snprintf(text, sizeof(text), "%.*s", SW_BYTES_FMT(rejected->message));
	sw_http_problem(request->exchange, sw_bytes_equal_str(rejected->code, "not_member") ? 403 : 409, code, text,
			NULL);
}

static void respond_accepted(struct request *request)
{
	struct sw_buf out;
	sw_buf_init(&out, 256);
	put_answer(&out, &request->cid, "accepted");
	sw_buf_put_char(&out, '}');
	sw_http_respond(request->exchange, 202, "application/json", "Retry-After: 2\r\n", sw_buf_bytes(&out));
	sw_buf_release(&out);
}

static void on_result(struct request *request, enum request_result result, const struct sw_item *item)
{
	switch (result) {
	case REQUEST_STORED:
		respond_stored(request, &item->as.stored);
		break;
	case REQUEST_REJECTED:
		respond_rejected(request, &item->as.rejected);
		break;
	case REQUEST_GONE:
	case REQUEST_TIMEOUT:
		if (request->accepted) {
			respond_accepted(request);
		} else {
			api_fail(request->exchange, SW_ERROR_UNAVAILABLE,
				 "not confirmed in time: send it again with the same cid");
		}
		break;
	case REQUEST_REFUSED:
		api_fail(request->exchange, SW_ERROR_UNAVAILABLE, NULL);
		break;
	default:
		return;
	}
	request_free(request);
}

static void publish(struct gw_loop *loop, struct request *request, const struct sw_item *item, unsigned partition)
{
	struct waiter waiter = {.kind = WAIT_REQUEST, .number = request->number, .cid = request->cid};
	if (lane_add(loop, SW_ROLE_SEQUENCER, partition, item, &waiter, false) != SW_OK) {
		on_result(request, REQUEST_REFUSED, NULL);
	}
}

/* What a request needs while names are looked up. */
struct pending {
	struct sw_http_exchange *exchange;
	char *name;
	int64_t user;
};

static struct pending *pending_new(struct sw_http_exchange *exchange, const char *name, int64_t user)
{
	struct pending *pending = sw_xcalloc(1, sizeof(*pending));
	*pending = (struct pending){exchange, sw_xstrdup(name), user};
	return pending;
}

static void pending_free(struct pending *pending)
{
	free(pending->name);
	free(pending);
}

/* ---- messages ---- */

static void send_now(struct gw_loop *loop, const struct pending *pending, const struct sw_send_frame *send,
		     const struct people *people)
{
	if (people->to_user == pending->user) {
		api_fail(pending->exchange, SW_ERROR_TO_SELF, NULL);
		return;
	}
	struct request *request = request_new(loop, pending->exchange, on_result, ANSWER_WAIT_MS);
	request->cid = send->cid;
	struct origin origin = {pending->user, pending->name, request->number};
	struct sw_item item = send_item(loop->gateway, send, &origin, people);
	publish(loop, request, &item, send_partition(&item));
}

static void on_people(struct name_read *read)
{
	struct pending *pending = read->ctx;
	struct sw_client_frame frame;
	struct sw_diag diag = {0};
	enum sw_error_code error = sw_client_send_parse(sw_http_body(pending->exchange),
							read->read.loop->gateway->config.body_bytes_max, &frame, &diag);
	struct people people;
	error = error ? error : people_found(read, &frame.as.send, &people, &diag);
	if (error) {
		api_fail(pending->exchange, error, diag.text);
	} else {
		send_now(read->read.loop, pending, &frame.as.send, &people);
		people_release(&people);
	}
	sw_client_frame_release(&frame);
	pending_free(pending);
}

static void start_names(struct name_read *read, void (*found)(struct name_read *), struct pending *pending)
{
	read->found = found;
	read->ctx = pending;
	if (name_read_start(read) != SW_OK) {
		read->read.err = SW_EBUSY;
		found(read);
		name_read_free(read);
	}
}

static void send_to(struct gw_loop *loop, struct pending *pending, const struct sw_send_frame *send)
{
	struct people people;
	if (people_find(loop, send, &people)) {
		send_now(loop, pending, send, &people);
		people_release(&people);
		pending_free(pending);
	} else {
		start_names(people_look_up(loop, 0, send), on_people, pending);
	}
}

void api_send(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user)
{
	struct sw_client_frame frame;
	struct sw_diag diag = {0};
	enum sw_error_code error = sw_client_send_parse(sw_http_body(exchange), loop->gateway->config.body_bytes_max,
							&frame, &diag);
	error = error ? error : people_check(loop->gateway, &frame.as.send, &diag);
	if (!error && !rate_take_user(loop->gateway, user)) {
		sw_metric_add(loop->gateway->metrics.limited, 1);
		error = SW_ERROR_RATE_LIMITED;
	}
	if (error) {
		api_fail(exchange, error, diag.text);
	} else {
		send_to(loop, pending_new(exchange, name, user), &frame.as.send);
	}
	sw_client_frame_release(&frame);
}

/* ---- conversations ---- */

struct wish {
	bool group;
	struct sw_uuid cid;
	struct sw_bytes title;
	json_t *members; /* array of names, borrowed */
	struct sw_bytes user;
};

static enum sw_error_code parse_wish(const struct gw_loop *loop, const json_t *root, struct wish *wish,
				     struct sw_diag *diag)
{
	struct sw_bytes kind = sw_json_get_str(root, "kind");
	struct sw_bytes cid = sw_json_get_str(root, "cid");
	*wish = (struct wish){.group = sw_bytes_equal_str(kind, "group"), .cid = sw_uuid_random()};
	if (cid.len && sw_uuid_parse(cid, &wish->cid) != SW_OK) {
		sw_diag_set(diag, SW_EINVAL, "cid: expected a UUID, 36 characters");
	} else if (!wish->group && !sw_bytes_equal_str(kind, "direct")) {
		sw_diag_set(diag, SW_EINVAL, "kind: expected \"direct\" or \"group\"");
	} else if (!wish->group) {
		wish->user = sw_json_get_str(root, "user");
		if (!wish->user.len) {
			sw_diag_set(diag, SW_EINVAL, "user: expected the name of the other person");
		}
	} else {
		wish->title = sw_json_get_str(root, "title");
		wish->members = json_object_get(root, "members");
		size_t count = json_is_array(wish->members) ? json_array_size(wish->members) : 0;
		unsigned others_max = loop->gateway->config.group_members_max - 1;
		if (count < 1 || count > others_max) {
			sw_diag_set(diag, SW_EINVAL, "members: expected 1 to %u names", others_max);
		} else if (wish->title.len > GROUP_TITLE_BYTES_MAX) {
			sw_diag_set(diag, SW_EINVAL, "title: expected at most %d bytes", GROUP_TITLE_BYTES_MAX);
		}
		for (size_t i = 0; i < count && !diag->text[0]; i++) {
			if (!json_is_string(json_array_get(wish->members, i))) {
				sw_diag_set(diag, SW_EINVAL, "members: expected names as strings");
			}
		}
	}
	return diag->text[0] ? SW_ERROR_BAD_FRAME : SW_ERROR_NONE;
}

/* The event that tells everybody: {"title":…,"members":[…]}. */
static void put_created(struct sw_buf *out, const struct wish *wish, const char *creator)
{
	sw_buf_put_str(out, "{\"title\":");
	sw_json_put_string(out, wish->title.ptr ? wish->title : sw_bytes("", 0));
	sw_buf_put_str(out, ",\"members\":[");
	sw_json_put_cstr(out, creator);
	for (size_t i = 0; i < json_array_size(wish->members); i++) {
		const char *name = json_string_value(json_array_get(wish->members, i));
		if (strcmp(name, creator) != 0) {
			sw_buf_put_char(out, ',');
			sw_json_put_cstr(out, name);
		}
	}
	sw_buf_put_str(out, "]}");
}

static size_t collect_members(const struct name_read *read, int64_t creator, int64_t *members)
{
	size_t count = 0;
	members[count++] = creator;
	for (size_t i = 0; i < read->count; i++) {
		bool seen = false;
		for (size_t k = 0; k < count; k++) {
			seen |= members[k] == read->users[i];
		}
		if (!seen) {
			members[count++] = read->users[i];
		}
	}
	return count;
}

static void create_now(struct name_read *read, const struct pending *pending, const struct wish *wish)
{
	struct gw_loop *loop = read->read.loop;
	struct sw_item item = {.kind = SW_ITEM_CREATE};
	struct sw_item_create *create = &item.as.create;
	struct sw_buf body;
	sw_buf_init(&body, 1 << 20);
	int64_t *members = sw_xcalloc(read->count + 1, sizeof(*members));
	if (!wish->group && read->users[0] == pending->user) {
		api_fail(pending->exchange, SW_ERROR_TO_SELF, NULL);
		goto out;
	}
	struct request *request = request_new(loop, pending->exchange, on_result, ANSWER_WAIT_MS);
	request->cid = wish->cid;
	*create = (struct sw_item_create){.sender = pending->user,
					  .sender_name = sw_bytes_str(pending->name),
					  .node = loop->gateway->config.node,
					  .session = request->number,
					  .cid = wish->cid,
					  .title = wish->title.ptr ? wish->title : sw_bytes("", 0),
					  .at_ms = sw_clock_wall_ms()};
	unsigned partition;
	if (wish->group) {
		put_created(&body, wish, pending->name);
		create->body = sw_buf_bytes(&body);
		create->members = (struct sw_item_list){members, collect_members(read, pending->user, members)};
		partition = (unsigned)sw_rng_below(SW_LOGICAL_PARTITIONS);
		create->conv = sw_id_next_low6(loop->gateway->config.ids, partition);
	} else {
		create->peer_lo = pending->user < read->users[0] ? pending->user : read->users[0];
		create->peer_hi = pending->user < read->users[0] ? read->users[0] : pending->user;
		create->body = sw_bytes("{}", 2);
		partition = sw_partition_of_pair(create->peer_lo, create->peer_hi);
	}
	create->content = sw_uuid_derive("surewire.create", create->body,
					 sw_bytes(&create->peer_hi, sizeof(create->peer_hi)));
	publish(loop, request, &item, partition);
out:
	free(members);
	sw_buf_release(&body);
}

static void on_members(struct name_read *read)
{
	struct pending *pending = read->ctx;
	json_t *root = NULL;
	struct wish wish;
	struct sw_diag diag = {0};
	for (size_t i = 0; i < read->count && !read->read.err; i++) {
		if (!read->users[i]) {
			sw_diag_set(&diag, SW_ENOTFOUND, "there is no user \"%.64s\"", read->names[i]);
		}
	}
	if (read->read.err) {
		api_fail(pending->exchange, SW_ERROR_UNAVAILABLE, "the store is away, try again");
	} else if (diag.text[0]) {
		api_fail(pending->exchange, SW_ERROR_UNKNOWN_USER, diag.text);
	} else if (sw_json_parse(sw_http_body(pending->exchange), SW_FRAME_DEPTH_MAX, &root, &diag) != SW_OK ||
		   parse_wish(read->read.loop, root, &wish, &diag) != SW_ERROR_NONE) {
		api_fail(pending->exchange, SW_ERROR_BAD_FRAME, diag.text);
	} else {
		create_now(read, pending, &wish);
	}
	json_decref(root);
	pending_free(pending);
}

void api_create(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user)
{
	json_t *root = NULL;
	struct wish wish;
	struct sw_diag diag = {0};
	if (sw_json_parse(sw_http_body(exchange), SW_FRAME_DEPTH_MAX, &root, &diag) != SW_OK || !json_is_object(root)) {
		api_fail(exchange, SW_ERROR_BAD_JSON, diag.text);
	} else if (parse_wish(loop, root, &wish, &diag) != SW_ERROR_NONE) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, diag.text);
	} else if (!rate_take_user(loop->gateway, user)) {
		api_fail(exchange, SW_ERROR_RATE_LIMITED, NULL);
	} else {
		size_t count = wish.group ? json_array_size(wish.members) : 1;
		struct name_read *read = name_read_new(loop, 0, count);
		for (size_t i = 0; i < count; i++) {
			read->names[i] = wish.group ? sw_xstrdup(json_string_value(json_array_get(wish.members, i)))
						    : sw_xstrndup((const char *)wish.user.ptr, wish.user.len);
		}
		start_names(read, on_members, pending_new(exchange, name, user));
	}
	json_decref(root);
}
