/* SPDX-License-Identifier: Apache-2.0 */
/* What all jobs of pushes have in common, whoever makes them: their class, why they are made, their queues. Pure; any thread. */
#ifndef SW_PROTO_JOB_H
#define SW_PROTO_JOB_H

#include <surewire/buf.h>
#include <surewire/bytes.h>
#include <surewire/err.h>

/* What a job is about, and by which limits it is tried. On the wire: never reuse a number. */
enum sw_job_class {
#define SW_JOB_CLASS(NAME, name, number) SW_JOB_##NAME = (number),
#include "proto/job_classes.def"
#undef SW_JOB_CLASS
	SW_JOB_CLASSES,
};
/* "unknown" for a number that this program does not know. */
const char *sw_job_class_name(uint8_t class);

enum sw_job_reason {
	SW_JOB_REASON_NONE,
#define SW_JOB_REASON(NAME, name, number, text) SW_JOB_REASON_##NAME = (number),
#include "proto/job_reasons.def"
#undef SW_JOB_REASON
	SW_JOB_REASONS,
};
/* As stored. "" for NONE and for a number that this program does not know. */
const char *sw_job_reason_name(uint8_t reason);
/* For people. name: as stored; one that this program does not know stands for itself. */
struct sw_bytes sw_job_reason_text(struct sw_bytes name);

/* Jobs of a provider wait in two queues: an urgent one overtakes those that only chat. */
enum sw_job_queue { SW_JOB_QUEUE_NORMAL, SW_JOB_QUEUE_URGENT, SW_JOB_QUEUES };
/* "push.NAME" or "urgent.NAME". SW_EINVAL: the provider's name makes no queue name of at most size - 1 bytes. */
int sw_job_queue_name(enum sw_job_queue queue, struct sw_bytes provider, char *name_out, size_t size) SW_MUST_CHECK;

/* A push of a message whose plan is more than one push to all says in its content which step it is of, from 1. */
void sw_job_step_put(struct sw_buf *out, int step);
/* 0: of none. */
uint8_t sw_job_step(uint8_t class, struct sw_bytes content);

#endif
