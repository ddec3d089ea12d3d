/* SPDX-License-Identifier: Apache-2.0 */
/* What the server's SQLSTATEs mean to us (PostgreSQL manual, appendix A). Texts pass through; values of rows, which
 * the server puts into DETAIL, do not. */
#include "store/pg_int.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *prefix;
	int err;
} map[] = {
	{"23505", SW_ECONFLICT},    /* unique_violation */
	{"40001", SW_EAGAIN},       /* serialization_failure */
	{"40P01", SW_EAGAIN},       /* deadlock_detected */
	{"55P03", SW_EAGAIN},       /* lock_not_available */
	{"26000", SW_EAGAIN},       /* the server forgot a prepared statement: it is prepared anew */
	{"SW001", SW_EFENCED},      /* raised by sw_fence() */
	{"57014", SW_EUNAVAILABLE}, /* query_canceled, by statement_timeout */
	{"57P0", SW_EUNAVAILABLE},  /* shutting down, starting up */
	{"25006", SW_EUNAVAILABLE}, /* read_only_sql_transaction: a standby */
	{"53", SW_EUNAVAILABLE},    /* too many connections, disk full, out of memory */
	{"58", SW_EUNAVAILABLE},    /* system_error: input or output failed */
	{"XX", SW_EUNAVAILABLE},    /* internal_error: also a file that may not grow, a damaged page */
	{"28", SW_EAUTH},           /* invalid authorization */
	/* What an operator puts right. Never the fault of a message: nothing is buried for it. */
	{"42", SW_ESCHEMA}, /* undefined or changed table, column, function; no permission */
	{"3D", SW_ESCHEMA}, /* no such database */
	{"3F", SW_ESCHEMA}, /* no such schema */
};

int sw_pg_error_of(const char *sqlstate)
{
	for (size_t i = 0; sqlstate && i < sizeof(map) / sizeof(map[0]); i++) {
		if (strncmp(sqlstate, map[i].prefix, strlen(map[i].prefix)) == 0) {
			return map[i].err;
		}
	}
	return SW_ESQL;
}

static bool is_sqlstate(const char *text)
{
	for (size_t i = 0; i < 5; i++) {
		if (!isdigit((unsigned char)text[i]) && !isupper((unsigned char)text[i])) {
			return false;
		}
	}
	return text[5] == ':';
}

bool sw_pg_find_sqlstate(const char *message, char state_out[6])
{
	for (const char *at = strstr(message, ":  "); at; at = strstr(at + 1, ":  ")) {
		if (is_sqlstate(at + 3)) {
			memcpy(state_out, at + 3, 5);
			state_out[5] = '\0';
			return true;
		}
	}
	return false;
}

int sw_pg_result_error(const PGresult *res, struct sw_diag *diag_out)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	sw_pg_count_failure(state ? state : "lost");
	return sw_diag_set(diag_out, sw_pg_error_of(state), "%s (SQLSTATE %s)", text ? text : "no text",
			   state ? state : "unknown");
}

void sw_pg_count_failure(const char *class_text)
{
	/* A SQLSTATE has five characters of [0-9A-Z] and its class is the first two; our own words are lower case. */
	int len = isdigit((unsigned char)class_text[0]) || isupper((unsigned char)class_text[0])
			? 2
			: (int)strlen(class_text);
	char labels[32];
	snprintf(labels, sizeof(labels), "class=\"%.*s\"", len, class_text);
	sw_metric_add(sw_metric_counter("surewire_store_failures_total", labels,
					"Failed store operations by class of SQLSTATE, lost, timeout or connect."),
		      1);
}
