/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that makes the jobs of direct pushes, turn by turn; the work is direct/fan_out.c's. */
#include "admin/admin_int.h"
#include "direct/fan_out.h"

#include <surewire/log.h>

static void note_result(int err, const struct sw_diag *diag, bool *told)
{
	if (err && !*told) {
		SW_LOG(WARN, "admin.push_waits", SW_F_ERR(err), SW_F_STR("detail", diag->text));
	} else if (!err && *told) {
		SW_LOG(INFO, "admin.push_goes_on");
	}
	*told = err != SW_OK;
}

void *sw_push_main(void *arg)
{
	struct sw_admin *admin = arg;
	pthread_setname_np(pthread_self(), "admin-push");
	const struct sw_fan_out_config config = {admin->config.pg, admin->publisher, admin->config.direct};
	struct sw_fan_out *fan_out = sw_fan_out_new(&config);
	int64_t pause_ms = 0;
	bool told = false; /* one line a time */
	do {
		struct sw_diag diag = {0};
		int err = sw_fan_out_work(fan_out, &pause_ms, &diag);
		note_result(err, &diag, &told);
	} while (sw_pause_sleep(&admin->push_pause, pause_ms));
	sw_fan_out_free(fan_out);
	return NULL;
}
