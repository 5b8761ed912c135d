#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Instead of ipcs, lsof and ipcrm: who is there, what is in it, and what may go.
# And instead of mkfifo: send and recv are the whole of a named pipe.
# Usage: inspect.sh [SLIPRING], the command; default: the one in the path.
set -euo pipefail
slipring=${1-slipring}
receiver=
# A folder of our own, to sweep nobody else's; /dev/shm without --dir.
dir=$(mktemp -d /dev/shm/example.XXXXXX)
trap 'kill -KILL $receiver 2>/dev/null || true; rm -rf "$dir"' EXIT
ring=$dir/slip.ring

fail() {
	echo "not so: $*" >&2
	exit 1
}

# The data arrives, and nothing is left.
"$slipring" recv "$ring" >"$dir/out" &
receiver=$!
echo hello | "$slipring" send "$ring"
wait $receiver || fail "the receiver ends with the sender"
[ "$(cat "$dir/out")" = hello ] || fail "what was sent has arrived"
[ ! -e "$ring" ] || fail "nothing is left"

# A receiver without a sender: to be seen, and not to be removed.
"$slipring" recv "$ring" >/dev/null 2>&1 &
receiver=$!
until "$slipring" stat "$ring" 2>/dev/null | grep -q "^ *consumer *held"; do
	kill -0 $receiver || fail "the receiver waits for its sender"
done
"$slipring" ls --dir "$dir" | grep -q "slip\.ring" || fail "ls (ipcs) shows it"
"$slipring" stat "$ring" | grep -qw $receiver || fail "stat (lsof) shows who"
"$slipring" rm "$ring" 2>/dev/null && fail "rm (ipcrm) leaves what is in use"

# Killed: its region goes. (Its address space may take a moment longer.)
kill -KILL $receiver
wait $receiver 2>/dev/null || true
while [ -e "$ring" ]; do
	"$slipring" gc --dir "$dir" >/dev/null || fail "gc"
done
"$slipring" stat "$ring" >/dev/null 2>&1 && fail "it is gone"
exit 0
