// SPDX-License-Identifier: Apache-2.0
// The same pushes as push_load.c by @parse/node-apn: COUNT pushes of which OUTSTANDING are under way, over one
// connection, after WARM_UP uncounted ones. Prints one line of JSON; fails when one push was not accepted.
// push_load.js PORT CA_FILE KEY_FILE TOKEN PREVIEW COUNT OUTSTANDING WARM_UP
'use strict';
const fs = require('fs');
const crypto = require('crypto');
const apn = require('@parse/node-apn');

const [port, caFile, keyFile, token, preview, ...numbers] = process.argv.slice(2);
const [count, outstanding, warmUp] = numbers.map(Number);
const EVENT_BASE = 7300000000000000000n;
const CONV_BASE = 7200000000000000000n;
const SEQ_BASE = 1000000;
const DAY_S = 24 * 3600;

const provider = new apn.Provider({
  token: { key: fs.readFileSync(keyFile), keyId: 'BENCHKEY01', teamId: 'BENCHTEAM1' },
  address: '127.0.0.1',
  port: Number(port),
  production: true,
  ca: [fs.readFileSync(caFile)],
});

function notification(n) {
  const event = String(EVENT_BASE + BigInt(n));
  const conversation = String(CONV_BASE + BigInt(n % 1000));
  const note = new apn.Notification();
  note.alert = { title: 'Alice Example', body: preview };
  note.badge = 3;
  note.sound = 'default';
  note.threadId = conversation;
  note.mutableContent = 1;
  note.payload = { message: event, conversation, seq: String(SEQ_BASE + n), pos: String(SEQ_BASE + n) };
  note.topic = 'org.example.chat';
  note.pushType = 'alert';
  note.priority = 10;
  note.expiry = Math.floor(Date.now() / 1000) + DAY_S;
  note.collapseId = event;
  note.id = crypto.randomUUID();
  return note;
}

async function push(first, total) {
  let next = first;
  let delivered = 0;
  let refused = null;
  async function lane() {
    while (next < first + total) {
      const result = await provider.send(notification(next++), token);
      delivered += result.sent.length;
      refused = refused || result.failed[0];
    }
  }
  await Promise.all(Array.from({ length: outstanding }, lane));
  return { delivered, refused };
}

async function main() {
  await push(0, warmUp);
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const { delivered, refused } = await push(warmUp, count);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  console.log(JSON.stringify({
    pushes: count,
    delivered,
    seconds,
    per_s: count / seconds,
    cpu_s: (user + system) / 1e6,
    payload_bytes: Buffer.byteLength(notification(0).compile()),
  }));
  provider.shutdown();
  if (delivered < count) {
    console.error('push_load.js: not accepted:', refused);
    process.exitCode = 1;
  }
}

main();
