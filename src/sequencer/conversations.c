/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of conversations: right by construction, since this writer makes every change. First in, first out. */
#include "sequencer/sequencer_int.h"

#include <surewire/mem.h>

#include <stdlib.h>

struct conversation *conversation_find(struct sequencer *s, int64_t conv)
{
	struct conversation *found;
	HASH_FIND(hh, s->by_id, &conv, sizeof(conv), found);
	return found;
}

struct conversation *conversation_find_pair(struct sequencer *s, struct pair pair)
{
	struct conversation *found;
	HASH_FIND(hh_pair, s->by_pair, &pair, sizeof(pair), found);
	return found;
}

struct conversation *conversation_add(struct sequencer *s, int64_t conv, struct pair pair)
{
	struct conversation *c = sw_xcalloc(1, sizeof(*c));
	c->conv = conv;
	c->pair = pair;
	c->kind = pair.lo ? KIND_DIRECT : KIND_GROUP;
	HASH_ADD(hh, s->by_id, conv, sizeof(c->conv), c);
	if (pair.lo) {
		HASH_ADD(hh_pair, s->by_pair, pair, sizeof(c->pair), c);
	}
	return c;
}

static void discard(struct sequencer *s, struct conversation *c)
{
	HASH_DELETE(hh, s->by_id, c);
	if (c->pair.lo) {
		HASH_DELETE(hh_pair, s->by_pair, c);
	}
	free(c->members);
	free(c);
}

void conversation_add_member(struct conversation *c, struct member member)
{
	if (c->member_count == c->member_cap) {
		c->member_cap = c->member_cap ? c->member_cap * 2 : 2;
		c->members = sw_xrealloc(c->members, c->member_cap * sizeof(*c->members));
	}
	size_t at = c->member_count++;
	for (; at > 0 && c->members[at - 1].user > member.user; at--) {
		c->members[at] = c->members[at - 1];
	}
	c->members[at] = member;
}

const struct member *conversation_member(const struct conversation *c, int64_t user)
{
	for (size_t i = 0; i < c->member_count; i++) {
		if (c->members[i].user == user) {
			return &c->members[i];
		}
	}
	return NULL;
}

void conversation_touch(struct sequencer *s, struct conversation *c)
{
	if (!c->touched) {
		c->touched = true;
		c->next_touched = s->touched;
		s->touched = c;
	}
}

void conversations_settle(struct sequencer *s, bool committed)
{
	while (s->touched) {
		struct conversation *c = s->touched;
		s->touched = c->next_touched;
		c->touched = false;
		if (!committed) {
			discard(s, c);
		}
	}
	while (HASH_CNT(hh, s->by_id) > s->config->conversations_max) {
		discard(s, s->by_id);
	}
}

void conversations_clear(struct sequencer *s)
{
	s->touched = NULL;
	while (s->by_id) {
		discard(s, s->by_id);
	}
}
