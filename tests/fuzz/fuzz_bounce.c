/* SPDX-License-Identifier: Apache-2.0 */
/* What a mail system pipes in: anybody's bytes. Properties: texts are printable, a status has its form, and only a
 * permanent failure costs an address. */
#include "fuzz.h"

#include "bounce/report.h"

#include <surewire/mem.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void check_status(const char *text)
{
	unsigned dots = 0;
	for (const char *c = text; *c; c++) {
		FUZZ_CHECK(*c == '.' || isdigit((unsigned char)*c));
		dots += *c == '.';
	}
	FUZZ_CHECK(!text[0] || (strchr("245", text[0]) && dots == 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(sw_bytes(data, size));
	struct sw_bounce_report *report = sw_xcalloc(1, sizeof(*report));
	struct sw_diag diag = {""};
	int err = sw_bounce_read(sw_bytes(copy, size), report, &diag);
	FUZZ_CHECK(err == SW_OK || diag.text[0]);
	FUZZ_CHECK(report->address_count <= SW_BOUNCE_ADDRESSES_MAX);
	FUZZ_CHECK(fuzz_printable(report->text));
	check_status(report->status);
	if (err == SW_OK && !sw_bounce_keeps(report)) {
		FUZZ_CHECK(report->action == SW_BOUNCE_FAILED && report->status[0] == '5');
	}
	free(report);
	free(copy);
	return 0;
}
