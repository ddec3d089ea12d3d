// SPDX-License-Identifier: Apache-2.0
// An HTTP/2 server by Node: echoes what it got. node_h2_server.js CERT_DIR PORT
'use strict';
const fs = require('fs');
const http2 = require('http2');
const [dir, port] = process.argv.slice(2);
const server = http2.createSecureServer({
	cert: fs.readFileSync(`${dir}/server.pem`),
	key: fs.readFileSync(`${dir}/server.key`),
	settings: { maxConcurrentStreams: 20 },
});
server.on('stream', (stream, headers) => {
	let length = 0;
	stream.on('data', (chunk) => { length += chunk.length; });
	stream.on('end', () => {
		stream.respond({ ':status': 200, 'x-length': String(length), 'x-method': headers[':method'] });
		stream.end(`${headers[':path']} ${headers['authorization']}`);
	});
});
server.listen(Number(port), '127.0.0.1', () => console.log(`PORT ${server.address().port}`));
