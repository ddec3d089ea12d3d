/* SPDX-License-Identifier: Apache-2.0 */
/* Applied migrations must be exactly the first ones of our list, byte by byte: then the rest follows. The table is
 * compared under a session's advisory lock, so that programs started together do the work once. */
#include "store/migrate_int.h"
#include "store/pg_int.h"

#include "base/hash.h"

#include <surewire/clock.h>

#include <inttypes.h>
#include <string.h>

/* "surewire" in ASCII. */
#define LOCK_SQL "SELECT pg_advisory_lock(8319681666757522021)"

enum { CHECKSUM_TEXT_LEN = 64, CHECK_MS = 10000, MIGRATE_MS = 30 * 60 * 1000 };

static void checksum(const char *sql, char text_out[CHECKSUM_TEXT_LEN + 1])
{
	uint8_t digest[CHECKSUM_TEXT_LEN / 2];
	sw_hash_sha256(sw_bytes_str(sql), digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		text_out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		text_out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	text_out[CHECKSUM_TEXT_LEN] = '\0';
}

/* A query without parameters, results in binary. */
static int query(struct sw_pg *pg, const char *sql, int64_t deadline_mono_ms, struct sw_diag *diag_out)
{
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_pg_params none;
	sw_pg_params_init(&none, &arena);
	int err = sw_pg_exec(pg, sql, &none, deadline_mono_ms, diag_out);
	sw_arena_release(&arena);
	return err;
}

/* SW_OK when the rows (version, checksum) are the beginning of our list. */
static int compare(const struct sw_pg_result *rows, const struct sw_migration *list, unsigned count,
		   struct sw_diag *diag_out)
{
	size_t n = sw_pg_rows(rows);
	if (n > count || (n && sw_pg_i32(rows, n - 1, 0) > (int32_t)count)) {
		return sw_diag_set(diag_out, SW_EVERSION,
				   "store is at version %" PRId32 ", this program knows up to %u: use a newer program",
				   sw_pg_i32(rows, n - 1, 0), count);
	}
	for (size_t i = 0; i < n; i++) {
		char expected[CHECKSUM_TEXT_LEN + 1];
		checksum(list[i].sql, expected);
		if (sw_pg_i32(rows, i, 0) != (int32_t)list[i].version) {
			return sw_diag_set(diag_out, SW_EVERSION,
					   "store has no record of migration %04u_%s, but of later ones",
					   list[i].version, list[i].name);
		}
		if (!sw_bytes_equal_str(sw_pg_bytes(rows, i, 1), expected)) {
			return sw_diag_set(diag_out, SW_EVERSION,
					   "migration %04u_%s differs from what was applied to this store: applied "
					   "migrations must not be changed",
					   list[i].version, list[i].name);
		}
	}
	return SW_OK;
}

/* Reads what was applied and compares; *applied_out: how many. No table is none. */
static int applied_version(struct sw_pg *pg, const struct sw_migration *list, unsigned count, unsigned *applied_out,
			   struct sw_diag *diag_out)
{
	int64_t deadline_ms = sw_clock_mono_ms() + CHECK_MS;
	*applied_out = 0;
	int err = query(pg, "SELECT to_regclass('schema_migration') IS NOT NULL", deadline_ms, diag_out);
	if (err != SW_OK || !sw_pg_bool(sw_pg_result(pg, 0), 0, 0)) {
		return err;
	}
	err = query(pg, "SELECT version, checksum FROM schema_migration ORDER BY version", deadline_ms, diag_out);
	if (err != SW_OK) {
		return err;
	}
	const struct sw_pg_result *rows = sw_pg_result(pg, 0);
	*applied_out = (unsigned)sw_pg_rows(rows);
	return compare(rows, list, count, diag_out);
}

static int record(struct sw_pg *pg, const struct sw_migration *migration, int64_t deadline_mono_ms,
		  struct sw_diag *diag_out)
{
	char sum[CHECKSUM_TEXT_LEN + 1];
	checksum(migration->sql, sum);
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_pg_params params;
	sw_pg_params_init(&params, &arena);
	sw_pg_add_i32(&params, (int32_t)migration->version);
	sw_pg_add_text(&params, sw_bytes_str(migration->name));
	sw_pg_add_text(&params, sw_bytes_str(sum));
	int err = sw_pg_exec(pg,
			     "INSERT INTO schema_migration (version, name, checksum)"
			     " VALUES ($1::integer, $2::text, $3::text)",
			     &params, deadline_mono_ms, diag_out);
	sw_arena_release(&arena);
	return err;
}

static int apply_in_transaction(struct sw_pg *pg, const struct sw_migration *migration, int64_t deadline_mono_ms,
				struct sw_diag *diag_out)
{
	int err = sw_pg_exec(pg, migration->sql, NULL, deadline_mono_ms, diag_out);
	if (err == SW_OK && PQtransactionStatus(pg->conn) != PQTRANS_INTRANS) {
		return sw_diag_set(diag_out, SW_ESQL, "it must not end the transaction it runs in");
	}
	if (err == SW_OK) {
		err = record(pg, migration, deadline_mono_ms, diag_out);
	}
	if (err == SW_OK) {
		err = sw_pg_exec(pg, "COMMIT", NULL, deadline_mono_ms, diag_out);
	}
	return err;
}

static int apply(struct sw_pg *pg, const struct sw_migration *migration, struct sw_diag *diag_out)
{
	int64_t deadline_ms = sw_clock_mono_ms() + MIGRATE_MS;
	struct sw_diag reason = {0};
	int err = sw_pg_exec(pg, "BEGIN", NULL, deadline_ms, &reason);
	if (err == SW_OK) {
		err = apply_in_transaction(pg, migration, deadline_ms, &reason);
	}
	if (err != SW_OK) {
		/* Ends with the connection too, which the caller closes. */
		return sw_diag_set(diag_out, err, "migration %04u_%s: %.200s", migration->version, migration->name,
				   reason.text);
	}
	return SW_OK;
}

static int migrate(struct sw_pg *pg, const struct sw_migration *list, unsigned count, unsigned *applied_out,
		   struct sw_diag *diag_out)
{
	int64_t deadline_ms = sw_clock_mono_ms() + MIGRATE_MS;
	int err = sw_pg_connect(pg, deadline_ms, diag_out);
	if (err == SW_OK) {
		err = sw_pg_exec(pg, LOCK_SQL, NULL, deadline_ms, diag_out);
	}
	if (err == SW_OK) {
		err = sw_pg_exec(pg,
				 "CREATE TABLE IF NOT EXISTS schema_migration (version integer PRIMARY KEY,"
				 " name text NOT NULL, checksum text NOT NULL,"
				 " applied_at timestamptz NOT NULL DEFAULT now())",
				 NULL, deadline_ms, diag_out);
	}
	unsigned version = 0;
	if (err == SW_OK) {
		err = applied_version(pg, list, count, &version, diag_out);
	}
	for (; err == SW_OK && version < count; version++) {
		err = apply(pg, &list[version], diag_out);
		*applied_out += err == SW_OK;
	}
	return err;
}

int sw_migrate_list(const struct sw_pg_config *config, const struct sw_migration *list, unsigned count,
		    unsigned *applied_out, struct sw_diag *diag_out)
{
	/* Waiting for the lock and building an index take their time. */
	struct sw_pg_config patient = *config;
	patient.statement_timeout_ms = 0;
	struct sw_pg *pg = sw_pg_new(&patient);
	*applied_out = 0;
	int err = migrate(pg, list, count, applied_out, diag_out);
	sw_pg_free(pg); /* and with it the lock */
	return err;
}

int sw_migrate_check_list(struct sw_pg *pg, const struct sw_migration *list, unsigned count, struct sw_diag *diag_out)
{
	unsigned version = 0;
	int err = applied_version(pg, list, count, &version, diag_out);
	if (err == SW_OK && version < count) {
		return sw_diag_set(diag_out, SW_EVERSION,
				   "store is at version %u, this program needs %u: run \"surewire migrate\"", version,
				   count);
	}
	return err;
}

int sw_migrate(const struct sw_pg_config *config, unsigned *applied_out, struct sw_diag *diag_out)
{
	return sw_migrate_list(config, sw_migrations, sw_migration_count, applied_out, diag_out);
}

int sw_migrate_check(struct sw_pg *pg, struct sw_diag *diag_out)
{
	return sw_migrate_check_list(pg, sw_migrations, sw_migration_count, diag_out);
}
