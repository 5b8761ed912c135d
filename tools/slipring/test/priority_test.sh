#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# slipring stat and gc on a region with levels of urgency: what is in each, who
# has a seat, and recovery from the dead beside the living.
# shellcheck source=tools/slipring/test/lib.sh
. tools/slipring/test/lib.sh || exit 1

holding "$3" 4

check "one sends" holds a sender send send-urgent send
first=$pid
check "another receives" holds b receiver receive
second=$pid

check "stat names the kind" shows "^object mail: priority ring, "
check "stat names the shape" \
	shows "^ *levels *3, each 4 elements of 8 bytes, strict$"
check "stat counts the urgent" \
	shows "^ *level 2 *0 in it, 1 pushed, 1 popped$"
check "stat counts the others" \
	shows "^ *level 0 *2 in it, 2 pushed, 0 popped$"
check "stat names the sender" \
	shows "^ *producer *held, peer 1 (pid $first, $as)$"
check "stat names the receiver" \
	shows "^ *consumer *held, peer 2 (pid $second, $as)$"
check "stat --json: the ring" stat_json \
	"(r['kind'], r['capacity'], r['elem_bytes'], r['ageing'], r['held'],
	  r['seats_max']) == ('priority', 4, 8, 0, 0, 3)"
check "stat --json: the levels" stat_json \
	"[(l['fill'], l['pushed'], l['popped']) for l in r['levels']] ==
	 [(2, 2, 0), (0, 0, 0), (0, 1, 1)]"
check "stat --json: the seats" stat_json \
	"[(s['seat'], s['role'], s['state'], s['pid']) for s in r['seats']] ==
	 [(1, 'producer', 'held', $first), (2, 'consumer', 'held', $second)]"

kill -KILL "$first"
check "the sender is killed" ended "$first" 137
check "stat shows that" stat_json \
	"[s['state'] for s in r['seats']] == ['dead', 'held']"
check "gc recovers" eval \
	'"$slipring" gc --dir "$work/sweep" >said &&
	grep -q "recovered from 1 that died$" said'
check "its seat is free" stat_json "[s['seat'] for s in r['seats']] == [2]"
check "what it sent is there" holds c receiver receive receive
for p in "$second" "$pid"; do
	kill -KILL "$p"
	check "the last ones are killed" ended "$p" 137
done
check "gc removes it" "$slipring" gc --dir "$work/sweep"
check "nothing is left" [ -z "$(ls sweep)" ]

finish
