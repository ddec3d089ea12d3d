# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Generates the keys of one installation for development and tests; none is in the repository. Idempotent: what exists
# stays. Needs common.sh, openssl and jq.
#   client/dev.HS256.key   signs and checks client tokens: 64 hex digits; the name is KID.ALGORITHM.key
#   apns/AuthKey.p8        provider key of APNs (P-256, PKCS #8); apns/public.pem for the stand-in
#   apns/key_id, team_id   ten characters each
#   fcm/private.pem        key of the service account (RSA 2048, PKCS #8); fcm/public.pem for the stand-in
#   webpush/vapid.pem      key of Web Push (P-256, PKCS #8)
#   tls/ca.pem             authority of the stand-ins; tls/server.pem and server.key are for localhost and 127.0.0.1
#   smtp.password, admin.token, huawei.secret, webhook.secret

KEYS_KID=dev
KEYS_FCM_EMAIL=surewire@surewire-dev.iam.gserviceaccount.invalid
KEYS_FCM_PROJECT=surewire-dev

# keys_ten: ten characters of Apple's identifiers.
keys_ten() { sw_secret | tr '[:lower:]' '[:upper:]' | head -c 10; }

# keys_once FILE COMMAND...: FILE gets the output of COMMAND unless it is there.
keys_once() {
  local file=$1
  shift
  [ -s "$file" ] || { "$@" | sw_write "$file" && [ -s "$file" ]; }
}

keys_hex_256() { od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n'; }
keys_whsec() { printf 'whsec_%s\n' "$(openssl rand -base64 32)"; }
keys_ec() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null; }
keys_rsa() { openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>/dev/null; }
keys_public() { openssl pkey -in "$1" -pubout; }

keys_authority() {
  openssl req -x509 -new -key "$1/ca.key" -sha256 -days 3650 -subj '/CN=Surewire development authority' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

keys_server_certificate() {
  openssl req -new -key "$1/server.key" -subj /CN=localhost |
    openssl x509 -req -CA "$1/ca.pem" -CAkey "$1/ca.key" -set_serial "0x$(sw_secret | head -c 16)" -sha256 -days 800 \
      -extfile <(printf '%s\n' subjectAltName=DNS:localhost,IP:127.0.0.1 extendedKeyUsage=serverAuth \
        basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature) 2>/dev/null
}

keys_tls() {
  local tls=$1
  keys_once "$tls/ca.key" keys_ec && keys_once "$tls/ca.pem" keys_authority "$tls" || return
  keys_once "$tls/server.key" keys_ec || return
  # Two weeks of validity at least, also after a long rest.
  openssl x509 -in "$tls/server.pem" -noout -checkend 1209600 >/dev/null 2>&1 ||
    keys_server_certificate "$tls" | sw_write "$tls/server.pem"
}

# sw_keys_make DIR
sw_keys_make() {
  local dir name
  dir=$(sw_own_dir "$1") || return
  for name in client apns fcm webpush tls; do
    sw_own_dir "$dir/$name" >/dev/null || return
  done
  keys_once "$dir/client/$KEYS_KID.HS256.key" keys_hex_256 &&
    keys_once "$dir/apns/AuthKey.p8" keys_ec && keys_once "$dir/apns/public.pem" keys_public "$dir/apns/AuthKey.p8" &&
    keys_once "$dir/apns/key_id" keys_ten && keys_once "$dir/apns/team_id" keys_ten &&
    keys_once "$dir/webpush/vapid.pem" keys_ec &&
    keys_once "$dir/fcm/private.pem" keys_rsa && keys_once "$dir/fcm/public.pem" keys_public "$dir/fcm/private.pem" &&
    keys_once "$dir/smtp.password" sw_secret && keys_once "$dir/huawei.secret" sw_secret &&
    keys_once "$dir/webhook.secret" keys_whsec &&
    keys_once "$dir/admin.token" sw_secret && keys_tls "$dir/tls"
}

# sw_keys_service_account DIR TOKEN_URI FILE: writes the file that Google hands out for a service account, with the
# token endpoint of the stand-in, whose port may change from start to start.
sw_keys_service_account() {
  jq -n --rawfile key "$1/fcm/private.pem" --arg uri "$2" --arg email "$KEYS_FCM_EMAIL" --arg project "$KEYS_FCM_PROJECT" \
    --arg id "$(openssl pkey -in "$1/fcm/private.pem" -pubout -outform DER | sha1sum | cut -d' ' -f1)" \
    '{type: "service_account", project_id: $project, private_key_id: $id, private_key: $key, client_email: $email,
      client_id: "100000000000000000001", token_uri: $uri}' | sw_write_changed "$3"
}
