/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher and a consumer that record what happens, in a vhost of this run. Bodies are numbers, so that order,
 * loss and repetition can be seen. All waits are bounded and fail the test. */
#ifndef TEST_BUS_FIXTURE_H
#define TEST_BUS_FIXTURE_H

#include "bus/topology.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { NUMBERS_MAX = 60000, WAIT_MAX_MS = 60000 };

extern struct sw_bus_config test_config; /* of the run's vhost */

int fixture_open(void **state);
int fixture_close(void **state);
/* False when a group could not be set up: cmocka then runs nothing, and says that nothing failed. */
bool fixture_was_opened(void);
/* ingest.0, ingest.1, mailbox.0, push.apns and the stages, with room for 100,000. */
void declare_topology(void);

/* Results by number; -1000: none yet. */
struct outcomes {
	pthread_mutex_t lock;
	int results[NUMBERS_MAX];
	int done;
};
void outcomes_init(struct outcomes *outcomes);
void outcomes_wait(struct outcomes *outcomes, int count);
int outcomes_done(struct outcomes *outcomes);
/* How many ended with this result. */
int outcomes_count(struct outcomes *outcomes, int result);

/* Sends number; waits while the publisher is busy. exchange: static. */
void publish_number(struct sw_publisher *publisher, struct outcomes *outcomes, const char *exchange,
		    const char *routing_key, int number);

/* The same to a queue, with a body of size_bytes (>= 4). */
void publish_sized(struct sw_publisher *publisher, struct outcomes *outcomes, const char *queue, int number,
		   size_t size_bytes);

/* What a consumer saw. */
struct seen {
	struct sw_consumer *consumer;
	pthread_mutex_t lock;
	enum { SEEN_ACK, SEEN_HOLD, SEEN_REQUEUE } mode; /* what happens to a delivery at once */
	int first[NUMBERS_MAX];                          /* numbers in the order of their first delivery */
	int first_count;
	int times[NUMBERS_MAX];
	int total;
	int redelivered;
	int64_t delivery_count_max;
	size_t bytes_max;
	int downs;
	struct sw_delivery *held[NUMBERS_MAX];
	int held_count;
};
/* By name, or with a config of one's own (on_delivery, on_state and ctx are filled in). */
struct seen *seen_open_with(const struct sw_bus_config *config, struct sw_consumer_config *consumer_config, int mode);
struct seen *seen_open(const char *queue, uint16_t prefetch, int mode);
void seen_wait_total(struct seen *seen, int total);
void seen_wait_distinct(struct seen *seen, int count);
int seen_downs(struct seen *seen);
void seen_wait_downs(struct seen *seen, int count);
void seen_wait_redelivered(struct seen *seen, int count);
/* Ends what is held, oldest first: ack, requeue or free. From then on deliveries are acked at once. */
void seen_end_held(struct seen *seen, void (*end)(struct sw_delivery *));
/* Frees what is held, stops, frees. */
void seen_close(struct seen *seen);

void wait_publisher_connected(struct sw_publisher *publisher, bool connected);
void wait_consumer_connected(struct sw_consumer *consumer, bool connected);
struct sw_publisher *open_publisher(const char *role);
/* Drains for up to WAIT_MAX_MS. */
void close_publisher(struct sw_publisher *publisher);
int64_t from_now_ms(int64_t ms);

/* The group of test_bus_faults.c. */
int run_fault_tests(void);

#endif
