#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# slipring stat and gc on a region with slots for calls: who is server and
# client, what is asked, and recovery from the dead beside the living.
# shellcheck source=tools/slipring/test/lib.sh
. tools/slipring/test/lib.sh || exit 1

holding "$3" 3

check "one asks" holds a client ask
first=$pid
check "another serves" holds b server serve
second=$pid

check "stat names the kind" shows "^object calls: call ring, "
check "stat counts slots" shows "^ *slots *1 of 2 have clients, 48 bytes each$"
check "stat counts requests" \
	shows "^ *requests *1 asked, 1 open, 1 of them taken$"
check "stat names the server" \
	shows "^ *server *held, peer 2 (pid $second, $as)$"
check "stat names the client" \
	shows "^ *slot 0\* *held, peer 1 (pid $first, $as)$"
check "stat --json: the ring" stat_json \
	"(r['kind'], r['slots_max'], r['payload_bytes'], r['asked'], r['open'],
	  r['taken'], r['server']['pid']) == ('call', 2, 48, 1, 1, 1, $second)"
check "stat --json: the slots" stat_json \
	"[(s['slot'], s['state'], s['pid'], s['open'], s['attempts'])
	  for s in r['slots']] == [(0, 'held', $first, True, 1)]"
check "a second server is refused" fails 1 said "$holder" "$region" server

kill -KILL "$second"
check "the server is killed" ended "$second" 137
check "stat shows that" stat_json "r['server']['state'] == 'dead'"
check "gc recovers" eval \
	'"$slipring" gc --dir "$work/sweep" >said &&
	grep -q "recovered from 1 that died$" said'
check "a successor takes what it had" holds c server serve
check "for the second time" stat_json "r['slots'][0]['attempts'] == 2"
for p in "$first" "$pid"; do
	kill -KILL "$p"
	check "the last ones are killed" ended "$p" 137
done
check "gc removes it" "$slipring" gc --dir "$work/sweep"
check "nothing is left" [ -z "$(ls sweep)" ]

finish
