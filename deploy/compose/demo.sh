#!/bin/sh
# What two parties' people would type, each at its own worker. Exits 0 when the table is there.
set -eu
psi() { dotnet /app/psi.dll "$@"; }

until [ -e /homes/p1/.prepared ] && [ -e /homes/p2/.prepared ]; do sleep 1; done
echo "P1 finds the records it has in common with P2."
psi intersect --home /homes/p1 --with P2 --dataset istat --wait --timeout 300
session=$(psi sessions --home /homes/p1 --json | grep '"session"' | tail -n 1 | cut -d'"' -f4)
echo; echo "Both send those rows, encrypted, to the linker."
psi send "$session" --home /homes/p1 --timeout 300
psi send "$session" --home /homes/p2 --timeout 300
echo; echo "P1 asks the linker to count them by CLASSE_ETA and CLASSE_REDDITO."
psi query "$session" "CLASSE_ETA, CLASSE_REDDITO" --home /homes/p1
