/* SPDX-License-Identifier: Apache-2.0 */
/* Client message ids answered lately, so that a retry is known without asking the store. */
#include "sequencer/sequencer_int.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

static struct cid_key make_key(int64_t sender, const struct sw_uuid *cid)
{
	struct cid_key key;
	memset(&key, 0, sizeof(key));
	key.sender = sender;
	key.cid = *cid;
	return key;
}

struct recent *recent_find(struct sequencer *s, int64_t sender, const struct sw_uuid *cid)
{
	struct cid_key key = make_key(sender, cid);
	struct recent *found;
	HASH_FIND(hh, s->recents, &key, sizeof(key), found);
	return found;
}

struct recent *recent_add(struct sequencer *s, const struct recent *values)
{
	struct recent *entry = sw_xcalloc(1, sizeof(*entry));
	entry->key = make_key(values->key.sender, &values->key.cid);
	entry->content = values->content;
	entry->id = values->id;
	entry->conv = values->conv;
	entry->seq = values->seq;
	HASH_ADD(hh, s->recents, key, sizeof(entry->key), entry);
	if (values->fresh) {
		entry->fresh = true;
		entry->next_fresh = s->fresh;
		s->fresh = entry;
	}
	return entry;
}

static void discard(struct sequencer *s, struct recent *entry)
{
	HASH_DELETE(hh, s->recents, entry);
	free(entry);
}

void recent_settle(struct sequencer *s, bool committed)
{
	while (s->fresh) {
		struct recent *entry = s->fresh;
		s->fresh = entry->next_fresh;
		entry->fresh = false;
		if (!committed) {
			discard(s, entry);
		}
	}
	while (HASH_CNT(hh, s->recents) > s->config->recent_max) {
		discard(s, s->recents);
	}
}

void recent_clear(struct sequencer *s)
{
	s->fresh = NULL;
	while (s->recents) {
		discard(s, s->recents);
	}
}
