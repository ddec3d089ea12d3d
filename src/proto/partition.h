/* SPDX-License-Identifier: Apache-2.0 */
/* Which queue serves which conversation and user. 64 logical partitions, fixed for an installation; a queue serves those
 * that are its number modulo the number of queues. A conversation's id carries its logical partition in the low 6 bits,
 * so that one keyed by its two people and the same one named by its id meet in one place. Pure. */
#ifndef SW_PROTO_PARTITION_H
#define SW_PROTO_PARTITION_H

#include <stddef.h>
#include <stdint.h>

enum { SW_LOGICAL_PARTITIONS = 64, SW_QUEUE_NAME_MAX = 64 };

enum sw_writer_role { SW_ROLE_SEQUENCER = 0, SW_ROLE_MAILBOX = 1, SW_WRITER_ROLES = 2 };

unsigned sw_partition_of_conversation(int64_t conv);
/* lo < hi are the ids of the two people. */
unsigned sw_partition_of_pair(int64_t lo, int64_t hi);
unsigned sw_partition_of_user(int64_t user);
/* "ingest.3", "mailbox.3" */
void sw_queue_name(enum sw_writer_role role, unsigned queue, char name_out[SW_QUEUE_NAME_MAX]);
/* "node.<boot id>" */
void sw_node_queue_name(int64_t node, char name_out[SW_QUEUE_NAME_MAX]);
const char *sw_writer_role_name(enum sw_writer_role role);

#endif
