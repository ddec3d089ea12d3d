/* SPDX-License-Identifier: Apache-2.0 */
/* Whether loops answer: each is asked again and again through its task queue. For this folder. */
#ifndef SW_ADMIN_PULSE_H
#define SW_ADMIN_PULSE_H

#include "admin/ops_http.h"

enum { SW_PULSE_LATE_MS = 10000 };

struct sw_pulse;

struct sw_pulse *sw_pulse_new(const struct sw_ops_loop *loops, size_t count);
/* Asks those that have answered. One thread, about once a second. */
void sw_pulse_ask(struct sw_pulse *pulse, int64_t now_mono_ms);
/* Name of the index-th loop that owes an answer for too long, or NULL. */
const char *sw_pulse_late(const struct sw_pulse *pulse, size_t index, int64_t now_mono_ms);
/* Questions under way stay valid until their loops have run or freed them. NULL is allowed. */
void sw_pulse_free(struct sw_pulse *pulse);

#endif
