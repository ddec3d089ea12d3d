/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of a notification as one JSON object: what a job carries beside its title and text, and what the API takes
 * as "notification". Members, all optional:
 *
 *   title, subtitle, body, sound, category, thread, collapse, image     texts
 *   title_loc, subtitle_loc, body_loc                                   {"key": text, "args": [texts]}
 *   badge, relevance (1 to 100), ttl_s                                  numbers
 *   priority: low normal high     interruption: passive active time_sensitive critical     silent: true or false
 *   data                                                                {name: text}
 *   apple    type: alert background voip complication file_provider mdm location live_activity push_to_talk widgets
 *            controls; target_content, filter; final_text, wake_app, critical_sound; critical_volume (1 to 100);
 *            activity: event: start update end; content_state, attributes: objects; attributes_type; stale_at_ms,
 *            dismiss_at_ms
 *   android  channel, tag, click_action, icon, color; visibility: private public secret; data_only
 *
 * What they mean is in <surewire/notify.h>. Pure; any thread. */
#ifndef SW_PROTO_PUSH_CONTENT_H
#define SW_PROTO_PUSH_CONTENT_H

#include <surewire/notify.h>

enum { SW_PUSH_CONTENT_BYTES_MAX = 32 << 10, SW_PUSH_CONTENT_DEPTH_MAX = 16 };

/* Sets what the object has in a notification that was filled before, and leaves the rest; data is added to what is there,
 * and ttl_s can only shorten the life. SW_EINVAL, SW_ELIMIT or SW_EPARSE: the text names the member and what was expected.
 * Everything is copied into the arena. Whether the whole makes sense is sw_notification_check's to say. */
int sw_push_content_read(struct sw_bytes text, struct sw_arena *arena, struct sw_notification *notification_io,
			 struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
