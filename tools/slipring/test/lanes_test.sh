#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# slipring stat and gc on a region with lanes: who produces and consumes, what is
# there, and recovery from a dead consumer beside the living.
# shellcheck source=tools/slipring/test/lib.sh
. tools/slipring/test/lib.sh || exit 1

holding "$3" 6

check "one writes" holds a lane log log
first=$pid
check "another has a record in hand" holds b reader look
second=$pid

check "stat names the kind" shows "^object lines: lanes ring, "
check "stat counts lanes" \
	shows "^ *lanes *1 of 3 have producers, 256 bytes each$"
check "stat counts records" \
	shows "^ *records *2 in 32 bytes, of up to 120 each$"
check "stat names the producer" \
	shows "^ *lane 0\* *held, peer 1 (pid $first, $as)$"
check "stat names the consumer" \
	shows "^ *consumer 0 *held, peer 2 (pid $second, $as)$"
check "stat --json: the ring" stat_json \
	"(r['kind'], r['lanes_max'], r['lane_bytes'], r['record_bytes_max'],
	  r['consumers_max'], r['stamped'], r['records'], r['used_bytes']) ==
	 ('lanes', 3, 256, 120, 2, False, 2, 32)"
check "stat --json: who" stat_json \
	"([(s['lane'], s['state'], s['pid'], s['records'])
	   for s in r['lanes']], [s['pid'] for s in r['consumers']]) ==
	 ([(0, 'held', $first, 2)], [$second])"

kill -KILL "$second"
check "the consumer is killed" ended "$second" 137
check "stat shows that" stat_json "r['consumers'][0]['state'] == 'dead'"
check "gc recovers" eval \
	'"$slipring" gc --dir "$work/sweep" >said &&
	grep -q "recovered from 1 that died$" said'
check "another gets what it had" holds c reader read read
check "and all of it" stat_json "r['records'] == 0"
for p in "$first" "$pid"; do
	kill -KILL "$p"
	check "the last ones are killed" ended "$p" 137
done
check "gc removes it" "$slipring" gc --dir "$work/sweep"
check "nothing is left" [ -z "$(ls sweep)" ]

finish
