#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# slipring stat and gc on a region with a newest value: which one it is, who
# writes, what a dead writer left unfinished.
# shellcheck source=tools/slipring/test/lib.sh
. tools/slipring/test/lib.sh || exit 1

holding "$3" 2

check "one looks on" holds a consumer
first=$pid
check "nobody has written" stat_json \
	"(r['kind'], r['version'], r['writer']['state']) ==
	 ('latest', 0, 'vacant')"
check "another writes, and stays half-way" holds b writer write write put
second=$pid
check "stat names the kind" shows "^object pose: newest value, "
check "stat names the newest" \
	shows "^ *newest *version 2, 8 bytes of up to 100$"
check "stat names what is being written" shows "^ *unfinished *version 3$"
check "stat names the writer" \
	shows "^ *writer *held, peer 2 (pid $second, $as)$"
check "stat --json: all of it" stat_json \
	"(r['version'], r['unfinished'], r['value_bytes'],
	  r['value_bytes_max'], r['slots'], r['writer']['pid']) ==
	 (2, 3, 8, 100, 4, $second)"
check "a rival is refused" fails 1 said "$holder" "$region" writer
kill -KILL "$second"
check "it is killed" ended "$second" 137
check "stat asks who lives" stat_json "r['writer']['state'] == 'dead'"
check "gc recovers" eval \
	'"$slipring" gc --dir "$work/sweep" >said &&
	grep -q "recovered from 1 that died$" said'
check "the newest is still there" stat_json \
	"(r['version'], r['unfinished']) == (2, 3)"
check "a successor goes on" holds c writer write
check "with the next number" stat_json \
	"(r['version'], r['unfinished'], r['writer']['pid']) == (3, 0, $pid)"
for pid in "$first" "$pid"; do
	kill -KILL "$pid"
	check "the last ones are killed" ended "$pid" 137
done
check "gc removes it" "$slipring" gc --dir "$work/sweep"
check "nothing is left" [ -z "$(ls sweep)" ]

finish
