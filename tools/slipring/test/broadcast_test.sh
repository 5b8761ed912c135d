#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# slipring stat and gc on a region with a broadcast ring: who writes, how far each
# reader is, whom a dead one keeps waiting.
# shellcheck source=tools/slipring/test/lib.sh
. tools/slipring/test/lib.sh || exit 1

holding "$3" 5

check "one looks on" holds a consumer
first=$pid
check "nobody was there" stat_json \
	"(r['kind'], r['room'], r['elem_bytes'], r['seats_max'], r['writers'],
	  r['readers']) == ('broadcast', 8, 8, 2, [], [])"
check "one reads" holds b listener
second=$pid
check "another writes three" holds c speaker speak speak speak
third=$pid
check "stat names the kind" shows "^object news: broadcast ring, "
check "stat names the shape" \
	shows "^ *room *8 elements of 8 bytes; 2 readers are waited for$"
check "stat names the writer" \
	shows "^ *writer *held, peer 3 (pid $third, $as)$"
check "stat names the reader" \
	shows "^ *reader *held, peer 2 (pid $second, $as)$"
check "stat says how much is written" shows "^ *written *3 elements$"
check "stat says how far the reader is" shows "^ *behind *3 elements$"
check "stat --json: all of it" stat_json \
	"(r['writers'][0]['written'], r['writers'][0]['pid'],
	  r['readers'][0]['behind'], r['readers'][0]['waited_for'],
	  r['readers'][0]['pid']) == (3, $third, 3, True, $second)"
check "a rival is refused" fails 1 said "$holder" "$region" speaker
kill -KILL "$second"
check "the reader is killed" ended "$second" 137
kill -KILL "$third"
check "the writer is killed" ended "$third" 137
check "stat asks who lives" stat_json \
	"(r['writers'][0]['state'], r['readers'][0]['state']) == ('dead', 'dead')"
check "gc recovers" eval \
	'"$slipring" gc --dir "$work/sweep" >said &&
	grep -q "recovered from 2 that died$" said'
check "a successor is not held back" holds d speaker speak speak speak speak \
	speak speak speak speak speak
check "stat sees who does not count" stat_json \
	"(r['writers'][0]['written'], r['readers'][0]['waited_for']) == (12, False)"
for pid in "$first" "$pid"; do
	kill -KILL "$pid"
	check "the last ones are killed" ended "$pid" 137
done
check "gc removes it" "$slipring" gc --dir "$work/sweep"
check "nothing is left" [ -z "$(ls sweep)" ]

finish
