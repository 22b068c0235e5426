#!/bin/sh
# Formats the broker once, with its first account, and becomes the broker. Passwords come from files.
set -eu
umask 077
here=${WRAPAROUND_DEPLOY:-/etc/wraparound/kafka}
secrets=${WRAPAROUND_SECRETS:-/run/wraparound/kafka}
kafka=${KAFKA_HOME:-/opt/kafka}
properties=${WRAPAROUND_WORK:-/tmp}/server.properties
admin=$(cat "$secrets/admin.password")
controller=$(cat "$secrets/controller.password")
security=org.apache.kafka.common.security

cp "$here/server.properties" "$properties"
cat >> "$properties" <<END
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$security.scram.ScramLoginModule required username="broker" password="$admin";
listener.name.controller.plain.sasl.jaas.config=$security.plain.PlainLoginModule required username="broker" password="$controller" user_broker="$controller";
END
# What it prints shows the account's stored key.
"$kafka/bin/kafka-storage.sh" format --ignore-formatted -t "$(cat "$secrets/cluster.id")" -c "$properties" \
  --add-scram "SCRAM-SHA-512=[name=broker,password=$admin]" > /dev/null
exec "$kafka/bin/kafka-server-start.sh" "$properties"
