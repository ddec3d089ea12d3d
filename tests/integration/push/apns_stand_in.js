// SPDX-License-Identifier: Apache-2.0
// A stand-in of APNs on Node's http2 that shares no code with Surewire: verifies the provider token with node:crypto,
// checks the headers, and prints what it got, one JSON object a line.
// apns_stand_in.js CERT KEY PUBLIC_KEY KEY_ID TEAM_ID TOPIC
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const http2 = require('node:http2');

const [cert, key, publicFile, keyId, teamId, topic] = process.argv.slice(2);
const publicKey = crypto.createPublicKey(fs.readFileSync(publicFile));
const TOKEN_LIFE_S = 3600;

function decode(part) {
	return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
}

// What Apple says about tokens: ES256 by the key that kid names, iss the team, iat at most an hour old.
function tokenFault(authorization) {
	if (!/^bearer [\w-]+\.[\w-]+\.[\w-]+$/.test(authorization || '')) {
		return 'MissingProviderToken';
	}
	const [head, claims, signature] = authorization.slice('bearer '.length).split('.');
	const header = decode(head);
	const body = decode(claims);
	const good = crypto.verify('sha256', Buffer.from(`${head}.${claims}`), { key: publicKey, dsaEncoding: 'ieee-p1363' },
		Buffer.from(signature, 'base64url'));
	const age = Date.now() / 1000 - body.iat;
	if (!good || header.alg !== 'ES256' || header.kid !== keyId || body.iss !== teamId) {
		return 'InvalidProviderToken';
	}
	return age > TOKEN_LIFE_S || age < -5 ? 'ExpiredProviderToken' : '';
}

function requestFault(headers, body) {
	const rules = [
		['MethodNotAllowed', headers[':method'] === 'POST'],
		['BadPath', /^\/3\/device\/[0-9a-f]{64}$/.test(headers[':path'])],
		['BadTopic', headers['apns-topic'] === topic],
		['InvalidPushType', headers['apns-push-type'] === 'alert'],
		['BadPriority', headers['apns-priority'] === '10'],
		['BadExpirationDate', Number(headers['apns-expiration']) > Date.now() / 1000],
		['BadMessageId', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(headers['apns-id'])],
		['BadCollapseId', Buffer.byteLength(headers['apns-collapse-id'] || '') <= 64],
		['PayloadEmpty', body.length > 0],
		['PayloadTooLarge', body.length <= 4096],
	];
	const broken = rules.find(([, holds]) => !holds);
	return broken ? broken[0] : '';
}

const server = http2.createSecureServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) });
server.on('stream', (stream, headers) => {
	const chunks = [];
	stream.on('error', () => {});
	stream.on('data', (chunk) => chunks.push(chunk));
	stream.on('end', () => {
		const body = Buffer.concat(chunks);
		const denied = tokenFault(headers.authorization);
		const fault = denied || requestFault(headers, body);
		stream.respond({ ':status': denied ? 403 : fault ? 400 : 200, 'apns-id': headers['apns-id'] });
		stream.end(fault ? JSON.stringify({ reason: fault }) : undefined);
		console.log(JSON.stringify({
			fault, headers, body: body.toString('utf8'), alpn: stream.session.alpnProtocol,
			tls: stream.session.socket.getProtocol(), sni: stream.session.socket.servername,
		}));
	});
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
