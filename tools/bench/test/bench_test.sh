#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A tiny run of everything, whose figures say nothing: that each suite can be
# asked and what is written is whole.
set -eu

slipring=$(realpath "$1")
check=$(realpath tools/bench/test/check_results)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

before=$(ls /dev/shm)
"$slipring" bench --list >"$work/list"
"$slipring" bench --quick --rounds 1 --seconds 3 --json "$work/json" \
	--csv "$work/csv" >"$work/text"
python3 "$check" "$work/list" "$work/json" "$work/csv" "$work/text"
[ "$(ls /dev/shm)" = "$before" ] || { echo "it left litter"; exit 1; }

for wrong in "--case nonsense" "nonsense" "--rounds 0" "--json /nowhere/x"; do
	# shellcheck disable=SC2086
	if "$slipring" bench --quick --seconds 0.1 $wrong >/dev/null 2>&1; then
		echo "bench $wrong succeeds"
		exit 1
	fi
done
echo "all is well"
