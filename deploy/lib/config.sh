# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The configuration of a development or test installation: every key name that deploy/ and tests/ write is in
# config_defaults. Needs common.sh and keys.sh. Reads from the environment SUREWIRE_AMQP_URL and SUREWIRE_PG; they
# go into files of their own beside the configuration, as secrets do.

# The ports that one installation needs, in the order in which sw_config_write takes them.
# shellcheck disable=SC2034 # used by the files that source this one
CONFIG_PORTS='gateway admin sim_apns sim_fcm sim_smtp sim_control sim_huawei sim_webpush sim_webhook'
CONFIG_TOPIC=org.surewire.demo
CONFIG_HUAWEI_CLIENT=104600001

# config_defaults KEYS SECRETS PORT...: section.key=value, one a line.
config_defaults() {
  local keys=$1 secrets=$2 gateway=$3 admin=$4 apns=$5 fcm=$6 smtp=$7 huawei=$9
  cat <<INI
node.roles=gateway,sequencer,mailbox,pusher,admin
log.level=info
bus.url_file=$secrets/amqp.url
store.url_file=$secrets/pg.url
auth.keys_dir=$keys/client
auth.issuer=surewire-dev
auth.audience=surewire
gateway.listen=127.0.0.1:$gateway
admin.listen=127.0.0.1:$admin
admin.token_file=$keys/admin.token
push.apns.provider=apns
push.apns.host=localhost
push.apns.port=$apns
push.apns.sandbox_host=localhost
push.apns.sandbox_port=$apns
push.apns.ca_file=$keys/tls/ca.pem
push.apns.key_file=$keys/apns/AuthKey.p8
push.apns.key_id=$(cat "$keys/apns/key_id")
push.apns.team_id=$(cat "$keys/apns/team_id")
push.apns.topics=$CONFIG_TOPIC
push.fcm.provider=fcm
push.fcm.host=localhost
push.fcm.port=$fcm
push.fcm.ca_file=$keys/tls/ca.pem
push.fcm.service_account_file=$secrets/service-account.json
push.huawei.provider=huawei
push.huawei.host=localhost
push.huawei.port=$huawei
push.huawei.token_uri=https://localhost:$huawei/oauth2/v3/token
push.huawei.ca_file=$keys/tls/ca.pem
push.huawei.client_id=$CONFIG_HUAWEI_CLIENT
push.huawei.client_secret_file=$keys/huawei.secret
push.webpush.provider=webpush
push.webpush.key_file=$keys/webpush/vapid.pem
push.webpush.subject=mailto:operator@surewire.invalid
push.webpush.ca_file=$keys/tls/ca.pem
push.webpush.allow_private_addresses=true
push.webhook.provider=webhook
push.webhook.secret_file=$keys/webhook.secret
push.webhook.ca_file=$keys/tls/ca.pem
push.webhook.allow_private_addresses=true
push.email.provider=email
push.email.host=localhost
push.email.port=$smtp
push.email.ca_file=$keys/tls/ca.pem
push.email.username=surewire
push.email.password_file=$keys/smtp.password
push.email.from=surewire@surewire.invalid
INI
}

# sw_config_sim FILE KEYS "PORT...": prints the arguments of `surewire sim`, one a line: it takes no configuration.
sw_config_sim() {
  local secrets=$1.d keys=$2 apns fcm smtp control huawei webpush webhook
  read -r _ _ apns fcm smtp control huawei webpush webhook <<<"$3"
  cat <<ARGUMENTS
--listen=127.0.0.1
--apns-port=$apns
--fcm-port=$fcm
--smtp-port=$smtp
--control-port=$control
--huawei-port=$huawei
--webpush-port=$webpush
--webhook-port=$webhook
--webhook-secret-file=$keys/webhook.secret
--cert=$keys/tls/server.pem
--key=$keys/tls/server.key
--apns-key=$(cat "$keys/apns/key_id")=$keys/apns/public.pem
--apns-team=$(cat "$keys/apns/team_id")
--apns-topic=$CONFIG_TOPIC
--fcm-account=$secrets/service-account.json
--huawei-client=$CONFIG_HUAWEI_CLIENT=$keys/huawei.secret
--smtp-user=surewire
--smtp-password-file=$keys/smtp.password
ARGUMENTS
}

# Lines section.key=value (the section may hold dots) become an INI file. A later line replaces an earlier one with the
# same name; an empty value leaves the key out, so that its default holds.
config_to_ini() {
  awk '
    { at = index($0, "="); if (!at) next
      name = substr($0, 1, at - 1); value[name] = substr($0, at + 1)
      if (!(name in seen)) { seen[name] = 1; order[++count] = name } }
    END {
      for (i = 1; i <= count; i++) {
        section = order[i]; sub(/\.[^.]*$/, "", section)
        if (!(section in listed)) { listed[section] = 1; sections[++total] = section } }
      for (s = 1; s <= total; s++) {
        if (s > 1) print ""
        print "[" sections[s] "]"
        for (i = 1; i <= count; i++) {
          section = order[i]; key = order[i]
          sub(/\.[^.]*$/, "", section); sub(/.*\./, "", key)
          if (section == sections[s] && value[order[i]] != "") print key " = " value[order[i]] } } }'
}

# sw_config_write FILE KEYS "PORT..." [section.key=value...]: the configuration of a node whose keys lie in KEYS, and the
# folder FILE.d with its secrets. What would not change keeps its time.
sw_config_write() {
  local file=$1 keys=$2 secrets
  local -a ports
  read -ra ports <<<"$3"
  shift 3
  [ ${#ports[@]} = 9 ] || {
    sw_warn "expected 9 ports ($CONFIG_PORTS), got '${ports[*]}'"
    return "$SW_EX_SOFTWARE"
  }
  secrets=$(sw_own_dir "$file.d") || return
  printf '%s\n' "$SUREWIRE_AMQP_URL" | sw_write_changed "$secrets/amqp.url" &&
    printf '%s\n' "$SUREWIRE_PG" | sw_write_changed "$secrets/pg.url" || return
  sw_keys_service_account "$keys" "https://localhost:${ports[3]}/token" "$secrets/service-account.json" || return
  { config_defaults "$keys" "$secrets" "${ports[@]}" && printf '%s\n' "$@"; } | config_to_ini | sw_write_changed "$file"
}
