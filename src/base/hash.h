/* SPDX-License-Identifier: Apache-2.0 */
/* Non-cryptographic mixing for partitions, and SHA-256 for derived ids and content hashes. Pure, but
 * for the key of the process. */
#ifndef SW_BASE_HASH_H
#define SW_BASE_HASH_H

#include <surewire/bytes.h>

/* splitmix64's finalizer: spreads every bit. */
uint64_t sw_hash_mix64(uint64_t v);
/* FNV-1a, mixed. Not for data that an attacker sizes into a table. */
uint64_t sw_hash_bytes64(struct sw_bytes bytes);
/* For tables whose keys strangers choose: differs in every process, so that nobody can aim at one slot. Any thread. */
uint64_t sw_hash_keyed64(struct sw_bytes bytes);
void sw_hash_sha256(struct sw_bytes bytes, uint8_t digest_out[32]);
/* Of the runs one behind the other. Any thread. */
void sw_hash_sha256_runs(const struct sw_bytes *runs, size_t count, uint8_t digest_out[32]);

#endif
