/* SPDX-License-Identifier: Apache-2.0 */
/* User names to ids: a cache per loop, and reads from the store on pool threads. */
#include "base/hash.h"
#include "gateway/gateway_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

struct name_entry {
	int64_t user;
	char name[];
};

static uint64_t name_hash(const void *entry)
{
	return sw_hash_keyed64(sw_bytes_str(((const struct name_entry *)entry)->name));
}

static bool name_is(const void *entry, const void *key)
{
	return sw_bytes_equal(sw_bytes_str(((const struct name_entry *)entry)->name), *(const struct sw_bytes *)key);
}

static const struct sw_table_ops name_ops = {.hash = name_hash, .is = name_is, .free = free};

void names_open(struct gw_loop *loop)
{
	sw_table_init(&loop->names, &name_ops);
}

void names_close(struct gw_loop *loop)
{
	sw_table_release(&loop->names);
}

int64_t names_find(struct gw_loop *loop, struct sw_bytes name)
{
	const struct name_entry *entry = sw_table_find(&loop->names, sw_hash_keyed64(name), &name);
	return entry ? entry->user : 0;
}

static bool every_other(const void *entry, void *ctx)
{
	(void)entry;
	bool *drop = ctx;
	*drop = !*drop;
	return *drop;
}

void names_add(struct gw_loop *loop, struct sw_bytes name, int64_t user)
{
	if (names_find(loop, name)) {
		return;
	}
	if (loop->names.count >= NAMES_MAX) {
		bool drop = false;
		sw_table_sweep(&loop->names, every_other, &drop);
	}
	struct name_entry *entry = sw_xcalloc(1, sizeof(*entry) + name.len + 1);
	entry->user = user;
	memcpy(entry->name, name.ptr, name.len);
	sw_table_add(&loop->names, entry);
}

int read_start(struct gw_loop *loop, struct gw_read *read)
{
	read->loop = loop;
	read->job.reply_to = &loop->reads;
	read->job.deadline_mono_ms = sw_clock_mono_ms() + READ_DEADLINE_MS;
	int err = sw_pg_pool_submit(loop->gateway->pool, &read->job);
	loop->reads_out += err == SW_OK;
	return err;
}

void reads_finish(struct gw_loop *loop)
{
	struct sw_mail *mails = sw_mailbox_take(&loop->reads);
	while (mails) {
		struct gw_read *read = (struct gw_read *)mails;
		mails = mails->next;
		loop->reads_out--;
		read->err = read->job.error ? read->job.error : read->err;
		read->done(read);
	}
}

static void on_run(struct sw_pg_job *job, struct sw_pg *pg)
{
	struct name_read *read = (struct name_read *)job;
	struct sw_arena arena;
	struct sw_pg_params params;
	struct sw_diag diag = {0};
	sw_arena_init(&arena);
	struct sw_bytes *names = sw_arena_alloc(&arena, read->count * sizeof(*names));
	for (size_t i = 0; i < read->count; i++) {
		names[i] = sw_bytes_str(read->names[i]);
	}
	sw_pg_params_init(&params, &arena);
	sw_pg_add_texts(&params, names, read->count);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_GATEWAY_FIND_ACCOUNTS, &params);
	read->read.err = sw_pg_run(pg, job->deadline_mono_ms, &diag);
	if (read->read.err == SW_OK) {
		const struct sw_pg_result *found = sw_pg_result(pg, 0);
		for (size_t row = 0; row < sw_pg_rows(found); row++) {
			for (size_t i = 0; i < read->count; i++) {
				if (sw_bytes_equal(sw_pg_bytes(found, row, 0), names[i])) {
					read->users[i] = sw_pg_i64(found, row, 1);
				}
			}
		}
	}
	sw_arena_release(&arena);
}

static void on_done(struct gw_read *read)
{
	struct name_read *names = (struct name_read *)read;
	for (size_t i = 0; i < names->count && !read->err; i++) {
		if (names->users[i]) {
			names_add(read->loop, sw_bytes_str(names->names[i]), names->users[i]);
		}
	}
	names->found(names);
	name_read_free(names);
}

struct name_read *name_read_new(struct gw_loop *loop, int64_t number, size_t count)
{
	struct name_read *read = sw_xcalloc(1, sizeof(*read));
	read->read.loop = loop;
	read->read.number = number;
	read->read.job.run = on_run;
	read->read.done = on_done;
	read->names = sw_xcalloc(count, sizeof(*read->names));
	read->users = sw_xcalloc(count, sizeof(*read->users));
	read->count = count;
	return read;
}

void name_read_free(struct name_read *read)
{
	for (size_t i = 0; i < read->count; i++) {
		free(read->names[i]);
	}
	free(read->names);
	free(read->users);
	free(read);
}

int name_read_start(struct name_read *read)
{
	return read_start(read->read.loop, &read->read);
}
