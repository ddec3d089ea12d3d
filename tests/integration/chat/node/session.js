// SPDX-License-Identifier: Apache-2.0
// One session with the package ws: hello, a message, an answer awaited. Prints every frame as one line.
"use strict";
const { randomUUID } = require("node:crypto");
const WebSocket = require("ws");

const { WS_URL, TOKEN, PEER } = process.env;
const socket = new WebSocket(WS_URL, ["surewire.v1"]);
const late = setTimeout(() => process.exit(3), 45000);

function send(frame) {
  socket.send(JSON.stringify(frame));
}

function onFrame(frame) {
  console.log(JSON.stringify(frame));
  if (frame.t === "welcome") {
    send({ t: "send", cid: randomUUID(), to: { user: PEER }, body: { text: "hello from node" } });
  }
  if (frame.t === "events") {
    send({ t: "ack", pos: frame.events.at(-1).pos });
    if (frame.events.some((event) => event.from === PEER)) {
      socket.close(1000);
    }
  }
}

socket.on("open", () => send({ t: "hello", token: TOKEN, device: "node" }));
socket.on("message", (data, isBinary) => {
  if (isBinary) process.exit(4);
  onFrame(JSON.parse(data.toString()));
});
socket.on("error", (error) => {
  console.error(error);
  process.exit(5);
});
socket.on("close", (code) => {
  clearTimeout(late);
  process.exitCode = code === 1000 ? 0 : 6;
});
