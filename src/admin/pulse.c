/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/pulse.h"

#include <surewire/mem.h>

#include <stdatomic.h>
#include <stdlib.h>

struct entry {
	struct sw_task task; /* first */
	struct sw_pulse *pulse;
	const char *name;
	struct sw_loop *loop;
	_Atomic bool answered;
	int64_t asked_ms; /* since when an answer is owed, the asker's */
};

struct sw_pulse {
	_Atomic unsigned refs; /* the owner, and each question under way */
	size_t count;
	struct entry entries[];
};

static void unref(struct sw_pulse *pulse)
{
	if (atomic_fetch_sub(&pulse->refs, 1) == 1) {
		free(pulse);
	}
}

static void on_asked(struct sw_task *task)
{
	struct entry *entry = (struct entry *)task;
	atomic_store(&entry->answered, true);
	unref(entry->pulse);
}

struct sw_pulse *sw_pulse_new(const struct sw_ops_loop *loops, size_t count)
{
	struct sw_pulse *pulse = sw_xcalloc(1, sizeof(*pulse) + count * sizeof(pulse->entries[0]));
	atomic_store(&pulse->refs, 1);
	pulse->count = count;
	for (size_t i = 0; i < count; i++) {
		struct entry *entry = &pulse->entries[i];
		entry->task.run = on_asked;
		entry->pulse = pulse;
		entry->name = loops[i].name;
		entry->loop = loops[i].loop;
		atomic_store(&entry->answered, true);
	}
	return pulse;
}

void sw_pulse_ask(struct sw_pulse *pulse, int64_t now_mono_ms)
{
	for (size_t i = 0; i < pulse->count; i++) {
		struct entry *entry = &pulse->entries[i];
		if (!atomic_load(&entry->answered)) {
			continue;
		}
		entry->asked_ms = now_mono_ms;
		atomic_store(&entry->answered, false);
		atomic_fetch_add(&pulse->refs, 1);
		if (!sw_loop_post_always(entry->loop, &entry->task)) {
			unref(pulse); /* the loop is being freed: it never answers again */
		}
	}
}

const char *sw_pulse_late(const struct sw_pulse *pulse, size_t index, int64_t now_mono_ms)
{
	size_t seen = 0;
	for (size_t i = 0; i < pulse->count; i++) {
		const struct entry *entry = &pulse->entries[i];
		bool late = !atomic_load(&entry->answered) && now_mono_ms - entry->asked_ms >= SW_PULSE_LATE_MS;
		if (late && seen++ == index) {
			return entry->name;
		}
	}
	return NULL;
}

void sw_pulse_free(struct sw_pulse *pulse)
{
	if (pulse) {
		unref(pulse);
	}
}
