#!/bin/sh
# What two parties' people would type, each at its own worker. Exits 0 when the table is there.
set -eu
umask 077
psi() { dotnet /app/psi.dll "$@"; }

# Homes, broker and workers start beside this script; wait for each.
until [ -e /homes/p1/.prepared ] && [ -e /homes/p2/.prepared ]; do sleep 1; done
echo "P1 finds the records it has in common with P2."
tries=0
until psi intersect --home /homes/p1 --with P2 --dataset istat --wait --timeout 300 2>/tmp/error; do
  tries=$((tries + 1))
  if [ $tries -gt 60 ] || ! grep -qE 'no broker answers|has never run' /tmp/error; then cat /tmp/error >&2; exit 1; fi
  sleep 2
done
session=$(psi sessions --home /homes/p1 --json | grep '"session"' | tail -n 1 | cut -d'"' -f4)
echo; echo "Both send those rows, encrypted, to the linker."
psi send "$session" --home /homes/p1 --timeout 300
psi send "$session" --home /homes/p2 --timeout 300
echo; echo "P1 asks to count them by CLASSE_ETA and CLASSE_REDDITO. Groups of fewer than 10 people are not shown."
psi query "$session" "CLASSE_ETA, CLASSE_REDDITO" --home /homes/p1
