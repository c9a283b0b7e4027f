#!/bin/sh
# Runs once, before the workers: makes the three homes, pins the cards, generates and adds the data. In real life each participant does its part on its own
# machine and the cards travel by a channel people trust; here one container plays all three.
set -eu
umask 077
psi() { dotnet /app/psi.dll "$@"; }

for who in p1 p2 linker; do
  [ -e "/homes/$who/psi.json" ] && continue
  case $who in
    linker) psi init --home "/homes/$who" --linker LINKER ;;
    p1) psi init --home "/homes/$who" --party P1 ;;
    p2) psi init --home "/homes/$who" --party P2 ;;
  esac
done
for who in p1 p2 linker; do psi card --home "/homes/$who" >"/tmp/$who.json"; done
for who in p1 p2 linker; do
  for other in p1 p2 linker; do
    [ "$who" = "$other" ] || psi trust --home "/homes/$who" "/tmp/$other.json" >/dev/null
  done
done
psi demo --data-only /tmp/data
psi dataset list --home /homes/p1 | grep -q istat || psi dataset add istat /tmp/data/istat.csv --key IDKEY --home /homes/p1
psi dataset list --home /homes/p2 | grep -q bi || psi dataset add bi /tmp/data/bi.csv --key IDKEY --home /homes/p2
# All that P1's compute workers are given; in real life a mounted secret.
cp /homes/p1/compute.key /keys/p1/compute.key.part && mv /keys/p1/compute.key.part /keys/p1/compute.key
touch /homes/p1/.prepared /homes/p2/.prepared /homes/linker/.prepared
echo "Homes, cards and data are ready."
