/* SPDX-License-Identifier: Apache-2.0 */
/* The preview of a message is what a push shows of it, and of most messages it is their text. Such a one travels and is stored
 * once, in the body, and an empty preview stands for it. */
#ifndef SW_PROTO_PREVIEW_H
#define SW_PROTO_PREVIEW_H

#include <surewire/bytes.h>

/* Of a body that is {"text":"…"} and nothing else, without escapes: the text, borrowed. Otherwise empty. */
struct sw_bytes sw_preview_of_body(struct sw_bytes body);
/* Empty when the body says it; otherwise the preview as it is. */
struct sw_bytes sw_preview_beside(struct sw_bytes preview, struct sw_bytes body);
/* And back. */
struct sw_bytes sw_preview_whole(struct sw_bytes beside, struct sw_bytes body);

#endif
