/* SPDX-License-Identifier: Apache-2.0 */
/* What Prometheus expects of every process, read from /proc at each call. For this folder. */
#ifndef SW_ADMIN_PROCESS_METRICS_H
#define SW_ADMIN_PROCESS_METRICS_H

#include <surewire/buf.h>

void sw_process_metrics_export(struct sw_buf *out);

#endif
