/* SPDX-License-Identifier: Apache-2.0 */
/* Private to `surewire doctor`: its checks. Each looks at one thing and writes what it found, or what is wrong, into
 * the diag. DOCTOR_SKIP: this process has no use for it. */
#ifndef SW_APP_CLI_DOCTOR_H
#define SW_APP_CLI_DOCTOR_H

#include "app/config.h"

enum { DOCTOR_SKIP = 1 };

/* cli_doctor_local.c: this machine and its files. */
int sw_doctor_needs(const struct sw_config *config, struct sw_diag *diag_out);
int sw_doctor_sizes(const struct sw_config *config, struct sw_diag *diag_out);
int sw_doctor_keys(const struct sw_config *config, struct sw_diag *diag_out);
int sw_doctor_tls(const struct sw_config *config, struct sw_diag *diag_out);
int sw_doctor_files(const struct sw_config *config, struct sw_diag *diag_out);
int sw_doctor_push(const struct sw_push_instance *instance, struct sw_diag *diag_out);

/* cli_doctor_net.c: servers and ports. */
int sw_doctor_broker(const struct sw_config *config, struct sw_diag *diag_out);
int sw_doctor_store(const struct sw_config *config, struct sw_diag *diag_out);
int sw_doctor_schema(const struct sw_config *config, struct sw_diag *diag_out);
int sw_doctor_clock(const struct sw_config *config, struct sw_diag *diag_out);
int sw_doctor_port_gateway(const struct sw_config *config, struct sw_diag *diag_out);
int sw_doctor_port_tls(const struct sw_config *config, struct sw_diag *diag_out);
int sw_doctor_port_admin(const struct sw_config *config, struct sw_diag *diag_out);

#endif
