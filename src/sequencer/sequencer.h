/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation's step of the writer engine: admit (membership, duplicates), append (seq, event), hand over (to the
 * members' mailboxes, and the answer to the sender). The only writer of conversation, member, event and sent. */
#ifndef SW_SEQUENCER_SEQUENCER_H
#define SW_SEQUENCER_SEQUENCER_H

#include "writer/step.h"

struct sw_sequencer_config {
	size_t conversations_max; /* kept in the cache */
	size_t recent_max;        /* client message ids kept in memory; older ones are looked up in the store */
};

extern const struct sw_step_ops sw_sequencer_step;

#endif
