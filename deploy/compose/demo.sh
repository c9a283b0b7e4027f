#!/bin/sh
# What two parties' people would type, each at its own worker. Exits 0 when the table is there.
set -eu
umask 077
# as WHO COMMAND...: with that party's home and certificate
as() {
  who=$1; shift
  PSI_BROKER_CA=/certificates/$who/ca.pem PSI_BROKER_CERTIFICATE=/certificates/$who/certificate.pem PSI_BROKER_KEY=/certificates/$who/key.pem \
    dotnet /app/psi.dll "$@" --home "/homes/$who"
}

# Homes, broker and workers start beside this script; wait for each.
until [ -e /homes/p1/.prepared ] && [ -e /homes/p2/.prepared ]; do sleep 1; done
echo "P1 finds the records it has in common with P2."
tries=0
until as p1 intersect --with P2 --dataset istat --wait --timeout 300 2>/tmp/error; do
  tries=$((tries + 1))
  if [ $tries -gt 60 ] || ! grep -qE 'no broker answers|has never run' /tmp/error; then cat /tmp/error >&2; exit 1; fi
  sleep 2
done
session=$(as p1 sessions --json | grep '"session"' | tail -n 1 | cut -d'"' -f4)
echo; echo "Both send those rows, encrypted, to the linker."
as p1 send "$session" --timeout 300
as p2 send "$session" --timeout 300
echo; echo "P1 asks to count them by CLASSE_ETA and CLASSE_REDDITO. Groups of fewer than 10 people are not shown."
as p1 query "$session" "CLASSE_ETA, CLASSE_REDDITO"
