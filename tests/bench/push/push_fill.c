/* SPDX-License-Identifier: Apache-2.0 */
/* Puts push jobs into a durable queue as the mailbox writers do: COUNT jobs for the people 1 … PEOPLE in turn, each
 * with one device, PER_LETTER jobs in a message. Returns when the broker has confirmed all of them. */
#include "bus/bus.h"
#include "proto/envelope.h"
#include "proto/job.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_MS = 24 * 3600 * 1000, WAIT_MS = 5, CLOSE_MS = 5000 };

struct fill {
	struct sw_publisher *publisher;
	const char *queue;
	size_t count;
	size_t people;
	size_t per_letter;
	_Atomic size_t confirmed;
	_Atomic size_t refused;
};

static void on_confirmed(struct sw_publish *p, int result)
{
	struct fill *fill = p->ctx;
	atomic_fetch_add(result == SW_OK ? &fill->confirmed : &fill->refused, 1);
	free(p);
}

static struct sw_uuid id_of(const char *purpose, size_t n)
{
	return sw_uuid_derive(purpose, sw_bytes(&n, sizeof(n)), sw_bytes(NULL, 0));
}

static void put_job(struct sw_buf *buf, const struct fill *fill, size_t n)
{
	char name[32];
	char token[80];
	snprintf(name, sizeof(name), "u%zu", n % fill->people + 1);
	snprintf(token, sizeof(token), "%064zx", n % fill->people + 1); /* push_server.token() */
	int64_t now_ms = sw_clock_wall_ms();
	struct sw_uuid id = sw_uuid_derive_at(now_ms, "bench.job", sw_bytes(&n, sizeof(n)), sw_bytes(NULL, 0));
	struct sw_item item = {
		.kind = SW_ITEM_JOB,
		.as.job = {.job = id,
			   .user = (int64_t)(n % fill->people + 1),
			   .user_name = sw_bytes_str(name),
			   .device = sw_bytes_str("phone"),
			   .provider = sw_bytes_str("apns"),
			   .app = sw_bytes_str("org.surewire.demo"),
			   .token = sw_bytes_str(token),
			   .registered_at_ms = 1,
			   .event = 7300000000000000000 + (int64_t)n,
			   .conv = 7200000000000000000 + (int64_t)(n % 1000),
			   .seq = (int64_t)n + 1,
			   .pos = (int64_t)n + 1,
			   .title = sw_bytes_str("Alice Example"),
			   .preview = sw_bytes_str("A preview of a message of usual length, as people write them to "
						   "each other every day."),
			   .badge = 3,
			   .created_at_ms = now_ms,
			   .expires_at_ms = now_ms + DAY_MS,
			   .reason = SW_JOB_REASON_OFFLINE,
			   .planned_at_ms = now_ms},
	};
	sw_item_put(buf, &item);
}

static struct sw_blob *letter(const struct fill *fill, size_t first)
{
	struct sw_buf buf;
	sw_buf_init(&buf, SW_ENVELOPE_BYTES_MAX);
	struct sw_uuid id = id_of("bench.section", first);
	sw_envelope_begin(&buf);
	size_t mark = sw_section_begin(&buf, &id);
	for (size_t n = first; n < first + fill->per_letter && n < fill->count; n++) {
		put_job(&buf, fill, n);
	}
	sw_section_end(&buf, mark);
	struct sw_blob *blob = sw_blob_new(sw_buf_bytes(&buf));
	sw_buf_release(&buf);
	return blob;
}

static void pause_a_little(void)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000L}, NULL);
}

static int publish(struct fill *fill, size_t first)
{
	struct sw_publish *p = sw_xcalloc(1, sizeof(*p));
	p->exchange = "";
	snprintf(p->routing_key, sizeof(p->routing_key), "%s", fill->queue);
	p->body = letter(fill, first);
	p->mandatory = true;
	p->persistent = true;
	p->done = on_confirmed;
	p->ctx = fill;
	int err;
	while ((err = sw_publisher_send(fill->publisher, p)) == SW_EBUSY) {
		pause_a_little();
	}
	return err;
}

static int fill_queue(struct fill *fill)
{
	size_t letters = 0;
	for (size_t first = 0; first < fill->count; first += fill->per_letter, letters++) {
		int err = publish(fill, first);
		if (err) {
			return err;
		}
	}
	while (atomic_load(&fill->confirmed) + atomic_load(&fill->refused) < letters) {
		pause_a_little();
	}
	return atomic_load(&fill->refused) ? SW_EREFUSED : SW_OK;
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: push_fill AMQP_URL QUEUE COUNT PEOPLE PER_LETTER\n");
		return 64;
	}
	struct sw_bus_config config;
	struct sw_diag diag = {""};
	struct fill fill = {
		.queue = argv[2],
		.count = strtoul(argv[3], NULL, 10),
		.people = strtoul(argv[4], NULL, 10),
		.per_letter = strtoul(argv[5], NULL, 10),
	};
	if (fill.people == 0 || fill.per_letter == 0) {
		fprintf(stderr, "push_fill: expected PEOPLE and PER_LETTER of at least 1\n");
		return 64;
	}
	if (sw_bus_config_parse(argv[1], &config, &diag) != SW_OK) {
		fprintf(stderr, "push_fill: %s\n", diag.text);
		return 1;
	}
	int err = sw_publisher_open(&config, "bench", &fill.publisher);
	if (err == SW_OK) {
		err = fill_queue(&fill);
		sw_publisher_close(fill.publisher, sw_clock_mono_ms() + CLOSE_MS);
	}
	if (err) {
		fprintf(stderr, "push_fill: %s\n", sw_err_text(err));
	}
	sw_bus_config_release(&config);
	return err ? 1 : 0;
}
