/* SPDX-License-Identifier: Apache-2.0 */
/* The ring and its JSON. Repeats are found by a linear look at 64-bit hashes, the newest first. */
#include "sim/record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <surewire/mem.h>

#include "base/hash.h"
#include "base/utf8.h"

struct sw_sim_record {
	uint64_t seq;
	const char *provider;
	char *token;
	char *id;
	char *collapse_id;
	char *topic;
	uint8_t *payload;
	size_t payload_len;
	json_t *headers;
	int64_t received_at_ms;
	unsigned repeats;
};

void sw_sim_records_init(struct sw_sim_records *records, size_t max)
{
	*records = (struct sw_sim_records){.ring = sw_xcalloc(max, sizeof(struct sw_sim_record *)),
					   .hashes = sw_xcalloc(max, sizeof(uint64_t)),
					   .max = max,
					   .next_seq = 1,
					   .first_seq = 1};
}

static void record_free(struct sw_sim_record *record)
{
	free(record->token);
	free(record->id);
	free(record->collapse_id);
	free(record->topic);
	free(record->payload);
	json_decref(record->headers);
	free(record);
}

void sw_sim_records_clear(struct sw_sim_records *records)
{
	for (uint64_t seq = records->first_seq; seq < records->next_seq; seq++) {
		struct sw_sim_record **slot = &records->ring[seq % records->max];
		record_free(*slot);
		*slot = NULL;
	}
	records->first_seq = records->next_seq;
}

void sw_sim_records_release(struct sw_sim_records *records)
{
	if (records->ring) {
		sw_sim_records_clear(records);
		free(records->ring);
		free(records->hashes);
		records->ring = NULL;
		records->hashes = NULL;
	}
}

static char *copy(struct sw_bytes text)
{
	return sw_xstrndup(text.len ? (const char *)text.ptr : "", text.len);
}

static unsigned count_repeats(const struct sw_sim_records *records, uint64_t hash)
{
	for (uint64_t seq = records->next_seq; seq-- > records->first_seq;) {
		if (records->hashes[seq % records->max] == hash) {
			return records->ring[seq % records->max]->repeats + 1;
		}
	}
	return 0;
}

unsigned sw_sim_records_put(struct sw_sim_records *records, const struct sw_sim_record_new *new)
{
	struct sw_sim_record *record = sw_xcalloc(1, sizeof(*record));
	record->seq = records->next_seq;
	record->provider = new->provider;
	uint64_t hash = sw_hash_mix64(sw_hash_bytes64(new->repeat_key) ^ sw_hash_bytes64(sw_bytes_str(new->provider)));
	record->token = copy(new->token);
	record->id = copy(new->id);
	record->collapse_id = copy(new->collapse_id);
	record->topic = copy(new->topic);
	record->payload = sw_xmemdup(new->payload.len ? new->payload.ptr : (const uint8_t *)"", new->payload.len);
	record->payload_len = new->payload.len;
	record->headers = new->headers;
	record->received_at_ms = new->received_at_ms;
	record->repeats = count_repeats(records, hash);
	if (records->next_seq - records->first_seq == records->max) {
		record_free(records->ring[records->first_seq % records->max]);
		records->first_seq++;
	}
	records->ring[records->next_seq % records->max] = record;
	records->hashes[records->next_seq % records->max] = hash;
	records->next_seq++;
	return record->repeats;
}

/* JSON wants UTF-8: a byte that is none becomes a question mark. */
static void put_text(struct sw_buf *out, struct sw_bytes text)
{
	if (sw_utf8_valid(text)) {
		sw_json_put_string(out, text);
		return;
	}
	uint8_t *plain = sw_xmemdup(text.ptr, text.len);
	for (size_t i = 0; i < text.len; i++) {
		plain[i] = plain[i] > 0x7f ? '?' : plain[i];
	}
	sw_json_put_string(out, sw_bytes(plain, text.len));
	free(plain);
}

static void put_member(struct sw_buf *out, const char *name, struct sw_bytes text)
{
	sw_buf_printf(out, ",\"%s\":", name);
	put_text(out, text);
}

static void put_headers(struct sw_buf *out, const json_t *headers)
{
	const char *name;
	json_t *value;
	const char *comma = "";
	sw_buf_put_str(out, ",\"headers\":{");
	json_object_foreach ((json_t *)(uintptr_t)headers, name, value) {
		sw_buf_put_str(out, comma);
		sw_json_put_cstr(out, name);
		sw_buf_put_char(out, ':');
		sw_json_put_string(out, sw_bytes(json_string_value(value), json_string_length(value)));
		comma = ",";
	}
	sw_buf_put_str(out, "}");
}

static void put_record(struct sw_buf *out, const struct sw_sim_record *record)
{
	sw_buf_printf(out, "{\"seq\":%" PRIu64 ",\"provider\":\"%s\",\"received_at_ms\":%" PRId64 ",\"repeats\":%u",
		      record->seq, record->provider, record->received_at_ms, record->repeats);
	put_member(out, "token", sw_bytes_str(record->token));
	put_member(out, "id", sw_bytes_str(record->id));
	put_member(out, "collapse_id", sw_bytes_str(record->collapse_id));
	put_member(out, "topic", sw_bytes_str(record->topic));
	put_headers(out, record->headers);
	put_member(out, "payload", sw_bytes(record->payload, record->payload_len));
	sw_buf_put_char(out, '}');
}

static bool matches(const struct sw_sim_record *record, const struct sw_sim_record_query *query)
{
	return (!query->provider.ptr || sw_bytes_equal_str(query->provider, record->provider)) &&
	       (!query->token.ptr || sw_bytes_equal_str(query->token, record->token));
}

void sw_sim_records_write(const struct sw_sim_records *records, const struct sw_sim_record_query *query,
			  struct sw_buf *out)
{
	uint64_t seq = query->since >= records->first_seq ? query->since + 1 : records->first_seq;
	size_t count = 0;
	sw_buf_put_str(out, "{\"records\":[");
	for (; seq < records->next_seq && count < query->limit; seq++) {
		const struct sw_sim_record *record = records->ring[seq % records->max];
		if (matches(record, query)) {
			sw_buf_put_str(out, count++ ? "," : "");
			put_record(out, record);
		}
	}
	uint64_t last = seq < records->next_seq ? seq : records->next_seq;
	sw_buf_printf(out, "],\"next\":%" PRIu64 ",\"more\":%s}", last - 1,
		      last < records->next_seq ? "true" : "false");
}
