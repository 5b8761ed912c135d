#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# slipring ls, stat and gc on a region with an MPMC ring: who sits where, what
# is in whose hands, and recovery from the dead beside the living, also of the
# units of a robust semaphore.
# shellcheck source=tools/slipring/test/lib.sh
. tools/slipring/test/lib.sh || exit 1

holding "$3" 0

check "one pushes, and takes" holds a producer push push push consumer take \
	acquire
first=$pid
check "another takes, and returns" holds b consumer take nack
second=$pid

check "stat names the kind" shows "^object jobs: mpmc ring, "
check "stat counts elements" shows "^ *counters *3 pushed, 2 popped$"
check "stat shows the slots" shows "^ *slots *1 taken, or kept"
check "stat shows what was returned" shows "^ *work queue *1 returned"
check "stat counts the seats" \
	shows "^ *seats *1 producers, 2 consumers, room for 4$"
check "stat names who sits there" \
	shows "^ *seat 1 *producer held, peer 1 (pid $first, $as)$"
check "stat names another" \
	shows "^ *seat 3 *consumer held, peer 2 (pid $second, $as)$"
check "stat --json: the ring" stat_json \
	"(r['kind'], r['capacity'], r['pushed'], r['popped'], r['work_queue'],
	  r['held'], r['returned'], r['seats_max']) ==
	 ('mpmc', 16, 3, 2, True, 1, 1, 4)"
check "stat --json: the seats" stat_json \
	"[(s['seat'], s['role'], s['exclusive'], s['state'], s['pid'])
	  for s in r['seats']] ==
	 [(1, 'producer', False, 'held', $first),
	  (2, 'consumer', False, 'held', $first),
	  (3, 'consumer', False, 'held', $second)]"
check "who wants to be alone is refused" \
	fails 1 said "$holder" "$region" only-consumer

kill -KILL "$first"
check "it is killed" ended "$first" 137
check "ls shows it dead" eval '"$slipring" ls --dir "$work/sweep" |
	grep -q " 7 *1 *1 .* in use$"'
check "stat shows its seats as those of a dead one" stat_json \
	"[s['state'] for s in r['seats']] == ['dead', 'dead', 'held']"
check "gc --dry-run keeps it as it is" eval \
	'"$slipring" gc --dry-run --dir "$work/sweep" --json >said.json &&
	json said.json "[(g[\"removable\"], g[\"recovered\"]) for g in j] ==
		[(False, 0)]"'
check "so what it had taken is still its own" stat_json \
	"(r['held'], r['returned'], len(r['seats'])) == (1, 1, 3)"
check "nor have its units come back" \
	fails 1 said "$holder" "$region" acquire
check "gc recovers" eval \
	'"$slipring" gc --dir "$work/sweep" >said &&
	grep -q "^kept .*: 1 of its peers are alive; recovered from 1 that died$" said'
check "what it had taken is returned, its seats are free" stat_json \
	"(r['held'], r['returned'], len(r['seats'])) == (0, 2, 1)"
check "and it is no peer any more" stat_json \
	"[p['pid'] for p in j['peers']] == [$second]"
check "gc once more has nothing to do" eval \
	'"$slipring" gc --dir "$work/sweep" --json >said.json &&
	json said.json "[g[\"recovered\"] for g in j] == [0]"'
check "what was returned is taken by a third" holds c consumer take take acquire
check "and is in its hands" stat_json "(r['held'], r['returned']) == (2, 0)"
for pid in "$second" "$pid"; do
	kill -KILL "$pid"
	check "the last ones are killed" ended "$pid" 137
done
printf '\377\377' | dd of="$region" bs=1 seek=$(("$("$slipring" stat --json \
	"$region" | sed -n 's/.*"offset": \([0-9]*\).*/\1/p' | head -n 1)" + 16)) \
	conv=notrunc status=none
check "a damaged ring: stat says so" shows "^ .*\(damaged\|not a\)"
check "gc removes it" "$slipring" gc --dir "$work/sweep"
check "nothing is left" [ -z "$(ls sweep)" ]

finish
