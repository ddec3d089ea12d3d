/* SPDX-License-Identifier: Apache-2.0 */
/* What all subcommands share: how they fail, what they must not print, and the list of providers in this build. */
#include "app/commands.h"

#include <stdarg.h>

const struct sw_provider_ops *const sw_cli_providers[] = {
#define SW_PROVIDER(name) &sw_provider_##name,
#include "providers_gen.def"
#undef SW_PROVIDER
	NULL,
};

int sw_cli_fail(int err, const struct sw_diag *diag)
{
	fprintf(stderr, "surewire: %s\n", diag && diag->text[0] ? diag->text : sw_err_text(err));
	switch (err) {
	case SW_ECONFIG:
		return SW_EXIT_CONFIG;
	case SW_ECONNECT:
	case SW_ETIMEOUT:
	case SW_ECLOSED:
	case SW_EUNAVAILABLE:
	case SW_EAUTH:
	case SW_EVERSION:
		return SW_EXIT_UNAVAILABLE;
	default:
		return SW_EXIT_FAILURE;
	}
}

int sw_cli_usage(const char *command, const char *fmt, ...)
{
	char text[200];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "%s: %s (see %s --help)\n", command, text, command);
	return SW_EXIT_USAGE;
}

size_t sw_cli_dangerous(struct sw_bytes text)
{
	const uint8_t *c = text.ptr;
	if (c[0] < 0x20 || c[0] == 0x7f) {
		return 1;
	}
	if (text.len >= 2 && c[0] == 0xc2 && c[1] < 0xa0) {
		return 2;
	}
	bool turns = text.len >= 3 && c[0] == 0xe2 &&
		     ((c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae) || (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
	return turns ? 3 : 0;
}
