#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Certificates for the servers of these tests: make_certs.sh DIRECTORY
# ca.pem, other_ca.pem; server.pem and server.key for localhost and loopback; wrong.pem for another name; client.pem.
set -eu
cd "$1"
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-addext basicConstraints=critical,CA:TRUE -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
leaf() { # name subjectAltName
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
	printf 'subjectAltName=%s\n' "$2" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}
authority ca
authority other_ca
leaf server DNS:localhost,IP:127.0.0.1,IP:::1
leaf wrong DNS:somewhere.example
leaf client DNS:client.example
