/* SPDX-License-Identifier: Apache-2.0 */
/* Names and texts of errors, generated from errors.def. */
#include <surewire/err.h>

#include <stdarg.h>
#include <stdio.h>

struct row {
	int value;
	bool retryable;
	const char *name;
	const char *text;
};

static const struct row rows[] = {
	{SW_OK, false, "SW_OK", "success"},
#define SW_ERROR(name, value, retryable, text) {(value), (retryable), #name, (text)},
#include <surewire/errors.def>
#undef SW_ERROR
};

static const struct row *find(int err)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].value == err) {
			return &rows[i];
		}
	}
	return NULL;
}

const char *sw_err_name(int err)
{
	const struct row *row = find(err);
	return row ? row->name : "SW_EUNKNOWN";
}

const char *sw_err_text(int err)
{
	const struct row *row = find(err);
	return row ? row->text : "unknown error";
}

bool sw_err_retryable(int err)
{
	const struct row *row = find(err);
	return row && row->retryable;
}

int sw_diag_set(struct sw_diag *diag, int err, const char *fmt, ...)
{
	if (diag && !diag->text[0]) {
		va_list args;
		va_start(args, fmt);
		vsnprintf(diag->text, sizeof(diag->text), fmt, args);
		va_end(args);
	}
	return err;
}
