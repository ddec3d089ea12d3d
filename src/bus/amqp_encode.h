/* SPDX-License-Identifier: Apache-2.0 */
/* The AMQP 0-9-1 frames that are sent on an open channel 1, appended to a buffer so that a whole batch leaves in one
 * send(). Encoded here because the library's own sending has no timeout. Pure. */
#ifndef SW_BUS_AMQP_ENCODE_H
#define SW_BUS_AMQP_ENCODE_H

#include "bus/bus.h"

enum { SW_AMQP_FRAME_OVERHEAD = 8, SW_AMQP_MESSAGE_ID_LEN = 16 };

/* basic.publish, header and body frames. message_id is p->number in hex: a return is found by it. */
void sw_amqp_put_publish(struct sw_buf *out, const struct sw_publish *p, size_t frame_max);
void sw_amqp_put_ack(struct sw_buf *out, uint64_t tag, bool multiple);
void sw_amqp_put_nack(struct sw_buf *out, uint64_t tag, bool requeue);
void sw_amqp_put_heartbeat(struct sw_buf *out);
void sw_amqp_put_connection_close_ok(struct sw_buf *out);
/* The number in a message id made by put_publish; false for any other text. */
bool sw_amqp_message_number(struct sw_bytes message_id, uint64_t *number_out);

#endif
