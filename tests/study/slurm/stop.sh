#!/bin/sh
# Ends what start.sh started: stop.sh FOLDER.
for name in slurmctld slurmd; do
    [ -s "$1/$name.pid" ] && kill "$(cat "$1/$name.pid")" 2>/dev/null
done
[ -e "$1/munge-is-ours" ] && kill "$(cat /run/munge/munged.pid)" 2>/dev/null
exit 0
