/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that works on alerts: turn after turn while there is something to do, else a look twice a second. */
#include "admin/admin_int.h"

#include <surewire/log.h>

enum { IDLE_MS = 500 };

void *sw_alert_main(void *arg)
{
	struct sw_admin *admin = arg;
	pthread_setname_np(pthread_self(), "admin-alert");
	struct sw_alert_runner *runner = sw_alert_runner_new(&admin->config.alerts, admin->config.pg, admin->publisher);
	bool told = false; /* that it cannot go on: one line a time */
	bool more;
	do {
		struct sw_diag diag = {0};
		int err = sw_alert_turn(runner, &more, &diag);
		if (err && !told) {
			SW_LOG(WARN, "admin.alerts_wait", SW_F_ERR(err), SW_F_STR("detail", diag.text));
		}
		told = err != SW_OK;
	} while (sw_pause_sleep(&admin->pause, more ? 0 : IDLE_MS));
	sw_alert_runner_free(runner);
	return NULL;
}
