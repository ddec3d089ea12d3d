/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in a payload of APNs, as pure functions over its JSON. Sources: "Generating a remote notification",
 * "Starting and updating Live Activities with ActivityKit push notifications", "Updating widgets with WidgetKit push
 * notifications", "Setting Up Push Notifications for Your MDM Customers". Apple itself passes much on unseen: here it
 * is refused, since no device would make sense of it. */
#ifndef SW_SIM_APNS_PAYLOAD_H
#define SW_SIM_APNS_PAYLOAD_H

#include <surewire/json.h>

/* The reason to refuse a payload of this push type, or NULL: BadPayload for what is not of the form, InvalidPushType for
 * what contradicts its type. */
const char *sw_sim_apns_check_payload(const json_t *payload, const char *push_type);

#endif
