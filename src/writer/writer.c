/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes engines and their keeper. */
#include "writer/writer_int.h"

#include <surewire/mem.h>

#include <stdlib.h>

static void open_metrics(struct sw_writer *writer)
{
	writer->batches = sw_metric_counter("surewire_writer_batches_total", NULL,
					    "Transactions of the writer engine.");
	writer->items = sw_metric_counter("surewire_writer_items_total", NULL, "Items that went through them.");
	writer->conflicts = sw_metric_counter(
		"surewire_writer_conflicts_total", NULL,
		"Transactions repeated because of a key that existed: retries of clients, redeliveries.");
	writer->fenced = sw_metric_counter("surewire_writer_fenced_total", NULL,
					   "Transactions refused because the partition had moved.");
	writer->poisoned = sw_metric_counter("surewire_writer_poison_total", NULL,
					     "Envelopes parked in the dead letters because they cannot be applied.");
	writer->retried = sw_metric_counter("surewire_writer_publish_retries_total", NULL,
					    "Envelopes that the broker refused at first.");
	writer->batch_ms = sw_metric_histogram_ms("surewire_writer_batch_seconds", NULL, "Duration of a turn.");
}

int sw_writer_open(const struct sw_writer_config *config, struct sw_writer **writer_out, struct sw_diag *diag_out)
{
	for (size_t role = 0; role < SW_WRITER_ROLES; role++) {
		if (config->queues[role] < 1 || config->queues[role] > SW_LOGICAL_PARTITIONS) {
			return sw_diag_set(diag_out, SW_ECONFIG, "writer: %u queues, expected 1 to %d",
					   config->queues[role], SW_LOGICAL_PARTITIONS);
		}
	}
	struct sw_writer *writer = sw_xcalloc(1, sizeof(*writer));
	writer->config = *config;
	open_metrics(writer);
	sw_mailbox_init(&writer->keeper_inbox, SIZE_MAX, NULL, NULL);
	writer->engines = sw_xcalloc(config->engines, sizeof(*writer->engines));
	int err = SW_OK;
	for (unsigned i = 0; i < config->engines && !err; i++) {
		err = engine_start(writer, &writer->engines[i], diag_out);
	}
	if (!err && pthread_create(&writer->keeper, NULL, keeper_main, writer) != 0) {
		err = sw_diag_set(diag_out, SW_EIO, "writer: cannot start a thread");
	}
	/* Threads that did start cannot be taken back cleanly half-way; the process ends on this error. */
	if (err) {
		return err;
	}
	*writer_out = writer;
	return SW_OK;
}

struct sw_writer_state sw_writer_state(struct sw_writer *writer)
{
	struct sw_writer_state state = {.unowned = writer->unowned, .store_connected = writer->store_connected};
	for (unsigned i = 0; i < writer->config.engines; i++) {
		for (size_t role = 0; role < SW_WRITER_ROLES; role++) {
			state.owned[role] += writer->engines[i].owned[role];
		}
	}
	return state;
}

void sw_writer_close(struct sw_writer *writer)
{
	if (!writer) {
		return;
	}
	writer->stopping = true;
	for (unsigned i = 0; i < writer->config.engines; i++) {
		writer->engines[i].stopping = true;
		struct note *note = sw_xcalloc(1, sizeof(*note));
		note->kind = MAIL_WAKE;
		sw_mailbox_post_always(&writer->engines[i].inbox, &note->mail);
	}
	for (unsigned i = 0; i < writer->config.engines; i++) {
		pthread_join(writer->engines[i].thread, NULL);
	}
	writer->engines_done = true;
	sw_mailbox_close(&writer->keeper_inbox);
	pthread_join(writer->keeper, NULL);
	for (unsigned i = 0; i < writer->config.engines; i++) {
		engine_stop(&writer->engines[i]);
	}
	sw_mailbox_release(&writer->keeper_inbox);
	free(writer->engines);
	free(writer);
}
