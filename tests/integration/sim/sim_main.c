/* SPDX-License-Identifier: Apache-2.0 */
/* `surewire sim` alone, so that its tests need nothing of the rest of the executable. */
#include "app/commands.h"

#include <stdio.h>

int sw_cli_fail(int err, const struct sw_diag *diag)
{
	fprintf(stderr, "surewire: %s\n", diag->text[0] ? diag->text : sw_err_text(err));
	return err == SW_ECONFIG ? SW_EXIT_CONFIG : SW_EXIT_UNAVAILABLE;
}

int main(int argc, char **argv)
{
	return sw_cmd_sim(NULL, argc, argv);
}
