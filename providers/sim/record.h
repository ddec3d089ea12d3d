/* SPDX-License-Identifier: Apache-2.0 */
/* What was accepted: a ring of the last notifications. Not thread-safe: the caller holds the lock of the simulator. */
#ifndef SW_SIM_RECORD_H
#define SW_SIM_RECORD_H

#include <surewire/json.h>

/* All borrowed; copied by put. */
struct sw_sim_record_new {
	const char *provider;
	struct sw_bytes token;      /* device token or mail address */
	struct sw_bytes id;         /* apns-id, FCM message name, Message-ID */
	struct sw_bytes repeat_key; /* what stays the same when the same notification is sent again */
	struct sw_bytes collapse_id;
	struct sw_bytes topic; /* APNs topic, FCM project, mail sender */
	struct sw_bytes payload;
	json_t *headers;        /* object of strings; the reference is taken */
	int64_t received_at_ms; /* wall clock */
};

struct sw_sim_record;
struct sw_sim_records {
	struct sw_sim_record **ring;
	uint64_t *hashes; /* of provider and repeat_key, beside the ring: the search for repeats reads nothing else */
	size_t max;
	uint64_t next_seq;  /* of the next record; the first is 1 */
	uint64_t first_seq; /* older ones were dropped or deleted */
};

struct sw_sim_record_query {
	struct sw_bytes provider; /* ptr NULL: any, likewise token */
	struct sw_bytes token;
	uint64_t since; /* only records with a greater seq */
	size_t limit;
};

void sw_sim_records_init(struct sw_sim_records *records, size_t max);
void sw_sim_records_release(struct sw_sim_records *records);
/* Returns how many records with the same provider and repeat_key came before (within the ring). */
unsigned sw_sim_records_put(struct sw_sim_records *records, const struct sw_sim_record_new *record);
void sw_sim_records_clear(struct sw_sim_records *records);
/* {"records":[…],"next":SEQ,"more":BOOL}: the oldest that match; SEQ is the `since` of the next call. */
void sw_sim_records_write(const struct sw_sim_records *records, const struct sw_sim_record_query *query,
			  struct sw_buf *out);

#endif
