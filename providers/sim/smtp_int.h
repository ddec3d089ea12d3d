/* SPDX-License-Identifier: Apache-2.0 */
/* The state of one SMTP dialogue, shared by its commands and AUTH. One thread: the connection's. */
#ifndef SW_SIM_SMTP_INT_H
#define SW_SIM_SMTP_INT_H

#include "sim/sim_int.h"
#include "sim/smtp_parse.h"

enum { SW_SIM_RECIPIENTS_MAX = 100 };

struct sw_sim_smtp {
	struct sw_sim_link *link;
	bool greeted;
	bool authenticated;
	bool ended;
	bool has_sender;
	struct sw_sim_smtp_path sender;
	char recipients[SW_SIM_RECIPIENTS_MAX][SW_SIM_ADDRESS_MAX + 1];
	size_t recipient_count;
	struct sw_buf text;
};

/* "CODE ENHANCED text"; enhanced may be "". 421 ends the dialogue. */
void sw_sim_smtp_reply(struct sw_sim_smtp *smtp, int code, const char *enhanced, const char *text);
/* A fault at this stage; true when it has settled the stage (answered, or ended the connection). */
bool sw_sim_smtp_fault(struct sw_sim_smtp *smtp, enum sw_sim_stage stage, struct sw_bytes token);
/* The next line, as sw_sim_conn_line, until the dialogue's deadline. */
int sw_sim_smtp_line(struct sw_sim_smtp *smtp, size_t max_bytes, struct sw_bytes *line_out,
		     size_t *used_out) SW_MUST_CHECK;
/* The AUTH command: PLAIN and LOGIN, with or without an initial response. */
void sw_sim_smtp_auth(struct sw_sim_smtp *smtp, struct sw_bytes rest);

#endif
