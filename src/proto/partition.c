/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/partition.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>

unsigned sw_partition_of_conversation(int64_t conv)
{
	return (unsigned)conv % SW_LOGICAL_PARTITIONS;
}

unsigned sw_partition_of_pair(int64_t lo, int64_t hi)
{
	return (unsigned)(sw_hash_mix64((uint64_t)lo * 31 + sw_hash_mix64((uint64_t)hi)) % SW_LOGICAL_PARTITIONS);
}

unsigned sw_partition_of_user(int64_t user)
{
	return (unsigned)(sw_hash_mix64((uint64_t)user) % SW_LOGICAL_PARTITIONS);
}

const char *sw_writer_role_name(enum sw_writer_role role)
{
	return role == SW_ROLE_SEQUENCER ? "ingest" : "mailbox";
}

void sw_queue_name(enum sw_writer_role role, unsigned queue, char name_out[SW_QUEUE_NAME_MAX])
{
	snprintf(name_out, SW_QUEUE_NAME_MAX, "%s.%u", sw_writer_role_name(role), queue);
}

void sw_node_queue_name(int64_t node, char name_out[SW_QUEUE_NAME_MAX])
{
	snprintf(name_out, SW_QUEUE_NAME_MAX, "node.%" PRId64, node);
}
