#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# System V objects outlive who made them, unless somebody removes them: does
# slipring bench, by whatever signal it ends?
set -eu

slipring=$(realpath "$1")

# What is there, by kind, key and id.
objects() {
	local kind
	for kind in msg sem; do
		awk -v kind="$kind" 'NR > 1 { print kind, $1, $2 }' \
			"/proc/sysvipc/$kind"
	done | sort
}

# Tries for 20 s until the command succeeds.
soon() {
	local i
	for ((i = 0; i < 2000; i++)); do
		! "$@" || return 0
		sleep 0.01
	done
	return 1
}

# Private ones that were not there before.
fresh() {
	found=$(objects | comm -13 <(echo "$before") - | grep " 0 ") || return 1
}

gone() {
	[ -z "$(objects | comm -12 - <(echo "$found"))" ]
}

for signal in INT TERM KILL; do
	before=$(objects)
	# A shell starts what is in the background deaf to SIGINT.
	env --default-signal=INT "$slipring" bench ipc --case "one way, 64 B" \
		--rounds 50 --seconds 100 >/dev/null 2>&1 &
	soon fresh || { echo "it makes no objects"; kill -KILL $!; exit 1; }
	kill -"$signal" $!
	wait $! 2>/dev/null || true
	soon gone || { echo "SIG$signal: it leaves $found"; exit 1; }
done
echo "all is well"
