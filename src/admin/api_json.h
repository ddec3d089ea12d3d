/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of the API, from rows as they are in the store. Ids and positions are strings, times are milliseconds since
 * 1970. Pure; docs/openapi-admin.yaml describes every object. */
#ifndef SW_ADMIN_API_JSON_H
#define SW_ADMIN_API_JSON_H

#include "base/uuid.h"

#include <surewire/buf.h>

struct sw_item_job;

/* Objects of one array: puts the comma before all but the first. */
struct sw_json_list {
	struct sw_buf *out;
	bool open;
};
void sw_json_list_next(struct sw_json_list *list);

struct sw_dead_row {
	int64_t id;
	struct sw_uuid job;
	int64_t event;
	int64_t user;
	struct sw_bytes user_name; /* "": no such account */
	struct sw_bytes device;
	struct sw_bytes provider;
	struct sw_bytes app;
	struct sw_bytes reason;
	int32_t status;
	int64_t at_ms;
	int32_t replays;
	int64_t replayed_at_ms; /* with replays > 0 */
	struct sw_uuid replay_job;
	struct sw_bytes replay_outcome; /* of the latest replay */
};
/* One letter with everything. Lists are JSON as the store has them. */
struct sw_dead_detail {
	struct sw_dead_row row;
	const struct sw_item_job *job; /* what it carries; NULL: it cannot be read */
	size_t payload_bytes;
	struct sw_bytes attempts;
	struct sw_bytes replay_list;
	int64_t replay_of; /* the letter whose replay this was; 0: none */
};
/* The device's token is never shown. */
void sw_json_put_dead(struct sw_buf *out, const struct sw_dead_row *row);
void sw_json_put_dead_detail(struct sw_buf *out, const struct sw_dead_detail *detail);

struct sw_message_row {
	int64_t id;
	int64_t conv;
	int64_t seq;
	struct sw_bytes sender;
	struct sw_bytes kind;
	int64_t at_ms;
};
/* The members without braces: "event":…,"conv":… */
void sw_json_put_message(struct sw_buf *out, const struct sw_message_row *row);

/* One try of a delivery, and the delivery itself again. */
struct sw_delivery_row {
	struct sw_uuid job;
	struct sw_bytes user;
	int64_t pos;
	struct sw_bytes device;
	struct sw_bytes provider;
	struct sw_bytes state;
	int32_t attempts;
	int32_t last_status;
	struct sw_bytes last_reason;
	int64_t created_at_ms;
	int64_t updated_at_ms;
	bool has_attempt;
	int32_t number;
	int64_t at_ms;
	int32_t duration_ms;
	struct sw_bytes outcome;
	int32_t status;
	struct sw_bytes reason;
	int64_t planned_at_ms;          /* 0: not recorded */
	struct sw_bytes planned_reason; /* sw_job_reason_name */
	int64_t next_at_ms;             /* 0: there is no next try, or it is not recorded */
};
/* Rows of one job stand together. */
struct sw_json_deliveries {
	struct sw_json_list list;
	struct sw_json_list attempts;
	struct sw_uuid job;
	size_t count;
};
void sw_json_deliveries_begin(struct sw_json_deliveries *d, struct sw_buf *out);
void sw_json_deliveries_add(struct sw_json_deliveries *d, const struct sw_delivery_row *row);
void sw_json_deliveries_end(struct sw_json_deliveries *d);

/* One device of a recipient, and the recipient itself again. */
struct sw_recipient_row {
	struct sw_bytes user;
	int64_t pos; /* 0: not in the inbox yet */
	bool notify;
	bool has_device;
	struct sw_bytes device;
	struct sw_bytes platform;
	struct sw_bytes provider;
	int64_t cursor;
	int64_t active_cursor;
	int32_t routed_after_ms; /* after it was stored; -1: not recorded, nor the next two */
	int32_t sockets;         /* open ones that it was sent towards */
	int32_t pushes;          /* that were planned at once */
	int64_t acked_at_ms;     /* by this device; 0: not, or not recorded; the same with the next ones */
	int64_t sent_at_ms;      /* by then it was written to the device's socket */
	int64_t acked_upto;      /* the pos of that ack */
	int64_t read_at_ms;      /* acked by then, and its person was there */
};
/* Rows of one user stand together. */
struct sw_json_recipients {
	struct sw_json_list list;
	struct sw_json_list devices;
	struct sw_bytes user; /* borrowed from the last row */
	size_t count;
};
void sw_json_recipients_begin(struct sw_json_recipients *r, struct sw_buf *out);
void sw_json_recipients_add(struct sw_json_recipients *r, const struct sw_recipient_row *row);
void sw_json_recipients_end(struct sw_json_recipients *r);

/* "key":"value" and so on, with a comma before unless it is the first member of the object. */
void sw_json_put_id(struct sw_buf *out, const char *key, int64_t value);
void sw_json_put_int(struct sw_buf *out, const char *key, int64_t value);
void sw_json_put_bool(struct sw_buf *out, const char *key, bool value);
void sw_json_put_text(struct sw_buf *out, const char *key, struct sw_bytes value);
void sw_json_put_uuid(struct sw_buf *out, const char *key, const struct sw_uuid *value);
void sw_json_put_null(struct sw_buf *out, const char *key);
/* value: JSON. */
void sw_json_put_raw(struct sw_buf *out, const char *key, struct sw_bytes value);
/* 0 is null. */
void sw_json_put_id_or_null(struct sw_buf *out, const char *key, int64_t value);
void sw_json_put_int_or_null(struct sw_buf *out, const char *key, int64_t value);

#endif
