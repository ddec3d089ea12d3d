/* SPDX-License-Identifier: Apache-2.0 */
/* What a person wants to be told of: a default and, for single conversations, what differs from it. Asked when a message
 * comes and again when its push is planned; the pusher asks the store once more before every send. */
#include "mailbox/mailbox_int.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

/* The first whose conversation is not before it. */
static size_t place_of(const struct user *user, int64_t conv)
{
	size_t low = 0;
	size_t high = user->preference_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (user->preferences[middle].conv < conv) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static struct preference *find(const struct user *user, int64_t conv)
{
	size_t at = place_of(user, conv);
	return at < user->preference_count && user->preferences[at].conv == conv ? &user->preferences[at] : NULL;
}

struct preference *user_add_preference(struct user *user, int64_t conv)
{
	size_t at = place_of(user, conv);
	if (at < user->preference_count && user->preferences[at].conv == conv) {
		return &user->preferences[at];
	}
	user->preferences = sw_xrealloc(user->preferences, (user->preference_count + 1) * sizeof(*user->preferences));
	struct preference *added = &user->preferences[at];
	memmove(added + 1, added, (user->preference_count - at) * sizeof(*added));
	user->preference_count++;
	*added = (struct preference){
		.conv = conv, .muted_until_ms = PREFER_UNSET, .mentions_only = PREFER_UNSET, .plan = PREFER_UNSET};
	return added;
}

static void remove_preference(struct user *user, struct preference *preference)
{
	size_t index = (size_t)(preference - user->preferences);
	user->preference_count--;
	memmove(preference, preference + 1, (user->preference_count - index) * sizeof(*preference));
}

bool user_wants(const struct user *user, int64_t conv, bool mentioned, int64_t now_ms)
{
	static const struct preference nothing = {.muted_until_ms = PREFER_UNSET, .mentions_only = PREFER_UNSET};
	const struct preference *own = find(user, conv);
	const struct preference *usual = find(user, 0);
	own = own ? own : &nothing;
	usual = usual ? usual : &nothing;
	int64_t muted_until_ms = own->muted_until_ms != PREFER_UNSET ? own->muted_until_ms : usual->muted_until_ms;
	int mentions_only = own->mentions_only != PREFER_UNSET ? own->mentions_only : usual->mentions_only;
	return now_ms >= muted_until_ms && (mentioned || mentions_only != 1);
}

const struct sw_mailbox_plan *user_plan(const struct mailbox *m, const struct user *user, int64_t conv)
{
	const struct preference *own = find(user, conv);
	const struct preference *usual = find(user, 0);
	const struct preference *chosen = own && own->plan != PREFER_UNSET ? own : usual;
	if (chosen && chosen->plan != PREFER_UNSET) {
		return &m->config->plans[chosen->plan];
	}
	return m->config->plan ? m->config->plan : &push_to_all;
}

int8_t prefer_plan_find(const struct mailbox *m, struct sw_bytes name)
{
	for (size_t i = 0; i < m->config->plan_count; i++) {
		if (sw_bytes_equal_str(name, m->config->plans[i].name)) {
			return (int8_t)i;
		}
	}
	return PREFER_UNSET;
}

const char *prefer_plan_name(const struct mailbox *m, int8_t plan)
{
	return plan == PREFER_UNSET ? "" : m->config->plans[plan].name;
}

bool prefer_content_parse(struct sw_bytes text, enum prefer_content *content_out)
{
	for (int i = 0; i < PREFER_CONTENTS; i++) {
		if (sw_bytes_equal_str(text, prefer_content_text((enum prefer_content)i))) {
			*content_out = (enum prefer_content)i;
			return true;
		}
	}
	return false;
}

const char *prefer_content_text(enum prefer_content content)
{
	static const char *const texts[PREFER_CONTENTS] = {"", "none", "sender", "full"};
	return texts[content];
}

static void forget(struct mailbox *m, struct sw_batch *batch, struct user *user, int64_t conv)
{
	struct preference *known = find(user, conv);
	if (known) {
		struct preference_key *key = sw_rows_add(&m->gone_preferences, &batch->arena, sizeof(*key));
		*key = (struct preference_key){user->id, conv};
		remove_preference(user, known);
	}
}

enum sw_error_code prefer(struct mailbox *m, struct sw_batch *batch, struct user *user,
			  const struct sw_item_preference_set *set)
{
	enum prefer_content content = PREFER_CONTENT_UNSET;
	(void)prefer_content_parse(set->content, &content);
	int mentions_only = set->mentions_only <= 1 ? set->mentions_only : PREFER_UNSET;
	int8_t plan = prefer_plan_find(m, set->plan);
	if (set->plan.len && plan == PREFER_UNSET) {
		return SW_ERROR_BAD_FRAME; /* the gateway's configuration has one of this name */
	}
	if (set->muted_until_ms < 0 && mentions_only < 0 && content == PREFER_CONTENT_UNSET && plan == PREFER_UNSET) {
		forget(m, batch, user, set->conv);
		return SW_ERROR_NONE;
	}
	if (!find(user, set->conv) && user->preference_count >= m->config->preferences_max) {
		return SW_ERROR_TOO_MANY_PREFERENCES;
	}
	struct preference *preference = user_add_preference(user, set->conv);
	preference->muted_until_ms = set->muted_until_ms < 0 ? PREFER_UNSET : set->muted_until_ms;
	preference->mentions_only = (int8_t)mentions_only;
	preference->content = content;
	preference->plan = plan;
	preference->dirt = CHANGED;
	return SW_ERROR_NONE;
}
