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
echo "P1 asks to find the records it has in common with P2."
intersect() {
  tries=0
  until as p1 intersect --with P2 --dataset istat --wait --timeout 300 2>/tmp/error; do
    tries=$((tries + 1))
    if [ $tries -gt 60 ] || ! grep -qE 'no broker answers|has never run' /tmp/error; then cat /tmp/error >&2; return 1; fi
    sleep 2
  done
}
intersect &
intersecting=$!
# P2 has granted P1 nothing: the first proposal waits for a person there. The same terms ask no more, as after another run of this demo.
while kill -0 $intersecting 2>/dev/null; do
  waiting=$(as p2 approvals --json | sed -n 's/.*"id": "\([0-9a-f]\{32\}\)".*/\1/p' | head -n 1)
  if [ -n "$waiting" ]; then
    echo; echo "P2's people see what P1 asks for, and say yes."
    as p2 approvals
    as p2 approve "$waiting" --reason "the demo"
    break
  fi
  sleep 1
done
wait $intersecting
session=$(as p1 sessions --json | grep '"session"' | tail -n 1 | cut -d'"' -f4)
echo; echo "Both send those rows, encrypted, to the linker."
as p1 send "$session" --timeout 300
as p2 send "$session" --timeout 300
echo; echo "P1 asks to count them by CLASSE_ETA and CLASSE_REDDITO. Groups of fewer than 10 people are not shown."
as p1 query "$session" "CLASSE_ETA, CLASSE_REDDITO"
