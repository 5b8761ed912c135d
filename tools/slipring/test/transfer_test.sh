#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# slipring send and recv: what goes in comes out, in two unrelated processes.
# shellcheck source=tools/slipring/test/lib.sh
. tools/slipring/test/lib.sh || exit 1

head -c 64M /dev/urandom >random
head -c 20000 random >small
# Lines of all lengths from 0 up, long ones, and a last one without an end.
awk 'BEGIN { for (i = 0; i < 3000; i++) { printf "%*s\n", i, i } }' >text
printf 'and no newline' >>text

# --- order of arrival ---
start out "$slipring" recv "$name"
receiver=$pid
check "receiver first: it waits for a sender" attached "$name" consumer
start sent "$slipring" send "$name" <random
check "receiver first: the sender succeeds" ended "$pid" 0
check "receiver first: the receiver succeeds" ended "$receiver" 0
check "receiver first: 64 MiB arrive unchanged" cmp out random
check "receiver first: the name is gone" [ ! -e "/dev/shm/slip.$name" ]

start sent "$slipring" send "$name" <random
sender=$pid
check "sender first: it waits for a receiver" attached "$name" producer
start out "$slipring" recv "$name"
check "sender first: the receiver succeeds" ended "$pid" 0
check "sender first: the sender succeeds" ended "$sender" 0
check "sender first: 64 MiB arrive unchanged" cmp out random
check "sender first: the name is gone" [ ! -e "/dev/shm/slip.$name" ]

# --- shapes of input ---
start out "$slipring" recv "$name"
receiver=$pid
start sent "$slipring" send "$name" < <(dd if=small bs=1 status=none)
check "1-byte writes: the sender succeeds" ended "$pid" 0
check "1-byte writes: the receiver succeeds" ended "$receiver" 0
check "1-byte writes arrive unchanged" cmp out small

: >empty
check "empty input arrives, and ends the receiver" pair "$name" empty
head -c 1048577 random >odd
check "a byte more than the ring" pair "$name" odd
check "lines, with empty and unfinished ones" pair "$name" text --lines
check "lines through a small ring" pair "$name" text --lines --capacity 8k
check "the smallest ring" pair "$name" small --capacity 64
check "a ring too small to be mapped twice" pair "$name" small --capacity 2000
check "a large ring" pair "$name" random --capacity 64m

mkdir here
check "a path as a name" pair "$work/here/region" odd
check "a path as a name: it is gone" [ -z "$(ls here)" ]

# --- one after the other, in pipelines that know nothing of each other ---
for i in 1 2 3 4 5 6 7 8 9 10; do
	head -c $((i * 1000)) random
done >ten
(for i in 1 2 3 4 5 6 7 8 9 10; do
	head -c $((i * 1000)) random | "$slipring" send "$name" || exit 1
done) &
sender=$!
children+=("$sender")
for i in 1 2 3 4 5 6 7 8 9 10; do
	"$slipring" recv "$name" || echo failed
done >out
check "ten senders in turn succeed" ended $sender 0
check "ten receivers in turn get one each" cmp out ten

# --- lines that are too long ---
start out "$slipring" recv --capacity 4k "$name"
receiver=$pid
check "a receiver that makes a small ring" attached "$name" consumer
head -c 5000 /dev/zero | tr '\0' x |
	fails 1 said "$slipring" send --lines "$name"
check "a line too long fails the sender" [ "${PIPESTATUS[2]}" -eq 0 ]
check "a line too long is named as the cause" \
	grep -q "send: $name: a line is longer than the 2040 bytes" said
check "a line too long ends the receiver with an error" ended "$receiver" 1
check "a region left by that is collected" "$slipring" rm "$name"

finish
