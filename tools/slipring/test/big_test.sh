#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 2 GiB of random bytes through send and recv, by their SHA-256.
# Not in the usual run: bazel test //tools:slipring_big_test
# shellcheck source=tools/slipring/test/lib.sh
. tools/slipring/test/lib.sh || exit 1

mkfifo sum_in sum_out
start sent sh -c "head -c 2G /dev/urandom | tee sum_in |
	'$slipring' send $name"
all="$pid"
start before sha256sum <sum_in
all+=" $pid"
start received sh -c "'$slipring' recv $name >sum_out"
all+=" $pid"
start after sha256sum <sum_out
all+=" $pid"
for one in $all; do
	check "2 GiB: process $one ends well" ended "$one" 0
done
check "2 GiB: the same SHA-256" cmp before after

finish
