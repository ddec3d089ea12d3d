// SPDX-License-Identifier: Apache-2.0
// A push service and a browser in one that share no code with Surewire: Node's http2 takes the push, npm's jose judges
// the VAPID token, npm's http_ece decrypts. Prints its subscription, then what it got, one JSON object a line.
// webpush_receiver.js CERT KEY
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const http2 = require('node:http2');
const ece = require('http_ece');
const jose = require('jose');

const [cert, key] = process.argv.slice(2);
const TOKEN_LIFE_S = 24 * 3600;
const browser = crypto.createECDH('prime256v1');
browser.generateKeys();
const authSecret = crypto.randomBytes(16);

function publicKey(text) {
	const point = Buffer.from(text, 'base64url');
	if (point.length !== 65 || point[0] !== 4) {
		throw new Error('k: expected an uncompressed point of P-256');
	}
	const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'));
	return jose.importJWK({ kty: 'EC', crv: 'P-256', x, y }, 'ES256');
}

// RFC 8292: signature by k, audience, expiry within a day, a contact.
async function judge(headers) {
	const parts = /^vapid t=([\w-]+\.[\w-]+\.[\w-]+), k=([\w-]+)$/.exec(headers.authorization || '');
	if (!parts) {
		throw new Error('authorization: expected vapid t=…, k=…');
	}
	const audience = `https://${headers[':authority']}`;
	const options = { algorithms: ['ES256'], audience, requiredClaims: ['aud', 'exp', 'sub'] };
	const { payload, protectedHeader } = await jose.jwtVerify(parts[1], await publicKey(parts[2]), options);
	if (payload.exp > Date.now() / 1000 + TOKEN_LIFE_S) {
		throw new Error('exp: more than a day from now');
	}
	return { claims: payload, header: protectedHeader, key: parts[2] };
}

async function receive(headers, body) {
	const vapid = await judge(headers);
	const plain = ece.decrypt(body, { version: 'aes128gcm', privateKey: browser, authSecret });
	return { ...vapid, plain_bytes: plain.length, payload: JSON.parse(plain.toString('utf8')) };
}

const server = http2.createSecureServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) });
server.on('stream', (stream, headers) => {
	const chunks = [];
	stream.on('error', () => {});
	stream.on('data', (chunk) => chunks.push(chunk));
	stream.on('end', async () => {
		const body = Buffer.concat(chunks);
		const got = { headers, body_bytes: body.length, alpn: stream.session.alpnProtocol };
		try {
			Object.assign(got, await receive(headers, body), { fault: '' });
			stream.respond({ ':status': 201, location: `https://${headers[':authority']}/message/1` });
		} catch (error) {
			got.fault = String(error);
			stream.respond({ ':status': 400 });
		}
		stream.end();
		console.log(JSON.stringify(got));
	});
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({
	port: server.address().port,
	p256dh: browser.getPublicKey('base64url'),
	auth: authSecret.toString('base64url'),
})));
