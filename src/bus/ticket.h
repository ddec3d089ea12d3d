/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing from a thread that waits for the broker's confirm. */
#ifndef SW_BUS_TICKET_H
#define SW_BUS_TICKET_H

#include "bus/bus.h"

/* A publish under way: many may be, and are then awaited one after the other. */
struct sw_ticket;
/* To a queue by its name. Takes the reference to the envelope. *ticket_out must be awaited. SW_EBUSY, SW_ECLOSED: nothing
 * was sent. */
int sw_ticket_send(struct sw_publisher *publisher, const char *routing_key, struct sw_blob *envelope,
		   struct sw_ticket **ticket_out) SW_MUST_CHECK;
/* Waits for the confirm; frees the ticket. SW_OK; SW_ETIMEOUT: not confirmed in time, it may arrive yet;
 * SW_EUNROUTABLE; SW_EREFUSED; SW_EBUSY; SW_ECLOSED. */
int sw_ticket_await(struct sw_ticket *ticket, int64_t deadline_mono_ms) SW_MUST_CHECK;

#endif
