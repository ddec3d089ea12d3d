// SPDX-License-Identifier: Apache-2.0
// A stand-in of APNs for senders with a certificate, on Node's http2: asks for one that a given authority issued, looks
// whether it names the topic of the push, and prints what it got, one JSON object a line.
// apns_certificate_stand_in.js CERT KEY CLIENT_AUTHORITY
'use strict';
const fs = require('node:fs');
const http2 = require('node:http2');

const [cert, key, authority] = process.argv.slice(2).map((file) => fs.readFileSync(file));
const TAG_UTF8 = 0x0c;

// The topic is somewhere in the certificate as a whole UTF8String: tag, length, text.
function names(raw, topic) {
	const text = Buffer.from(topic || '');
	return text.length > 0 && raw.includes(Buffer.concat([Buffer.from([TAG_UTF8, text.length]), text]));
}

function fault(socket, headers, body) {
	const peer = socket.getPeerCertificate();
	if (!socket.authorized || !peer.raw) {
		return [403, 'BadCertificate'];
	}
	const rules = [
		['BadPath', /^\/3\/device\/[0-9a-f]{64}$/.test(headers[':path'])],
		['InvalidProviderToken', headers.authorization === undefined],
		['TopicDisallowed', names(peer.raw, headers['apns-topic'])],
		['InvalidPushType', headers['apns-push-type'] === 'alert'],
		['PayloadTooLarge', body.length > 0 && body.length <= 4096],
	];
	const broken = rules.find(([, holds]) => !holds);
	return broken ? [400, broken[0]] : [200, ''];
}

let sessions = 0;
const server = http2.createSecureServer({ cert, key, ca: authority, requestCert: true, rejectUnauthorized: false });
server.on('session', (session) => {
	session.number = ++sessions;
	session.on('error', () => {});
});
server.on('stream', (stream, headers) => {
	const chunks = [];
	stream.on('error', () => {});
	stream.on('data', (chunk) => chunks.push(chunk));
	stream.on('end', () => {
		const body = Buffer.concat(chunks);
		const socket = stream.session.socket;
		const [status, reason] = fault(socket, headers, body);
		stream.respond({ ':status': status, 'apns-id': headers['apns-id'] });
		stream.end(reason ? JSON.stringify({ reason }) : undefined);
		const peer = socket.getPeerCertificate();
		console.log(JSON.stringify({
			reason, path: headers[':path'], topic: headers['apns-topic'], uid: peer.subject && peer.subject.UID,
			serial: peer.serialNumber, session: stream.session.number, alpn: stream.session.alpnProtocol,
		}));
	});
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
