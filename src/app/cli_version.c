/* SPDX-License-Identifier: Apache-2.0 */
/* surewire version */
#include "app/commands.h"

int sw_cmd_version(const struct sw_config *config, int argc, char **argv)
{
	(void)config;
	if (argc > 1) {
		return sw_cli_usage(argv[0], "expected no argument, got '%s'", argv[1]);
	}
	puts("surewire " SW_VERSION);
	return SW_EXIT_OK;
}
