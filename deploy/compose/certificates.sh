#!/bin/sh
# Runs once, before the broker: plays the operator. In real life each participant makes its own key and hands over a request; here one container makes them all.
set -eu
umask 077
if [ -e /certificates/broker/definitions.json ] && openssl x509 -noout -checkend 86400 -in /certificates/broker/certificate.pem >/dev/null; then
  echo "The certificates are there already."; exit 0
fi
logins="p1 p1-compute p2 linker"
# shellcheck disable=SC2086
sh /operator/demo-ca /tmp/demo rabbitmq,localhost $logins
sh /operator/setup --print LINKER P1 P2 >/tmp/demo/broker/definitions.json
for who in broker $logins; do
  for file in /tmp/demo/$who/*; do
    copy=/certificates/$who/${file##*/}
    cat "$file" >"$copy.part"
    chmod 640 "$copy.part"
    mv "$copy.part" "$copy"
  done
done
echo "Certificates, users, rights, limits and queues are ready."
