/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of RFC 6455, as much as a load needs: text frames, pings answered. */
#ifndef BENCH_WEBSOCKET_H
#define BENCH_WEBSOCKET_H

#include "conn.h"

/* Puts the opening handshake. */
void websocket_start(struct conn *conn, const char *path, const char *subprotocol);
/* Takes the answer to it; false: not complete yet. */
bool websocket_accepted(struct conn *conn);
/* A text frame in two halves: begin gives the place for at most max bytes, end says how many there are. */
char *websocket_begin(struct conn *conn, size_t max);
void websocket_end(struct conn *conn, size_t len);
/* Hands every complete text message to on_text and removes it. Pongs are put; true: something was put. */
bool websocket_receive(struct conn *conn, void (*on_text)(void *ctx, const uint8_t *text, size_t len), void *ctx);

#endif
