#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# slipring send and recv through rings that are not of records: lanes, broadcast,
# priority, latest, call.
# shellcheck source=tools/slipring/test/lib.sh
. tools/slipring/test/lib.sh || exit 1

# As `start`, with the pipe for its input; its opening waits for a writer.
from_pipe() {
	exec "$@" <line
}

# beside FILE COMMAND...: COMMAND, while a sender of FILE, with the options in
# $with, has come already and is not done yet.
mkfifo line
beside() {
	local file=$1
	shift
	start beside.out from_pipe "$slipring" send --lines $with "$name"
	beside=$pid
	exec 9>line
	head -n 1 "$file" >&9
	until_true 20 came || return 1
	"$@" || return 1
	tail -n +2 "$file" >&9
	exec 9>&-
	ended "$beside" 0
}

gone() {
	[ ! -e "/dev/shm/slip.$name" ]
}

# many N ROLE: do N have that role?
many() {
	[ "$("$slipring" stat "$name" | grep -c "^ *$2 *held")" -ge "$1" ]
}

# met N ROLE: waits until they have.
met() {
	until_true 20 many "$1" "$2"
}

seq -f "a %g" 20000 >a
seq -f "b %g" 20000 >b
head -c 16M /dev/urandom >random

# --- lanes ---
start out "$slipring" recv --ring lanes "$name"
receiver=$pid
check "lanes: a receiver waits" met 1 "consumer 0"
with=
came() {
	grep -qx "a 1" out
}
check "lanes: two senders succeed" \
	beside a eval '"$slipring" send --lines "$name" <b'
check "lanes: the receiver ends with them" ended "$receiver" 0
grep ^a out >out.a
grep ^b out >out.b
check "lanes: what the first sent comes in order" cmp out.a a
check "lanes: and what the second sent" cmp out.b b
check "lanes: and no more" [ "$(wc -l <out)" -eq 40000 ]
check "lanes: the name is gone" gone

check "lanes: what is left by a sender that has gone" \
	"$slipring" send --ring lanes --lines --capacity 1m "$name" <a
check "lanes: stays" [ -e "/dev/shm/slip.$name" ]
start out "$slipring" recv "$name"
check "lanes: a receiver that comes later gets it" ended "$pid" 0
check "lanes: all of it" cmp out a
check "lanes: and takes the name away" gone

start out "$slipring" recv --ring lanes --capacity 4k "$name"
receiver=$pid
check "lanes: a small ring" met 1 "consumer 0"
start sent "$slipring" send "$name" <random
check "lanes: 16 MiB in pieces" ended "$pid" 0
check "lanes: are received" ended "$receiver" 0
check "lanes: unchanged" cmp out random

start out "$slipring" recv --ring lanes "$name"
receiver=$pid
check "lanes: nothing at all" "$slipring" send --ring lanes "$name" </dev/null
check "lanes: ends the receiver" ended "$receiver" 0

start out "$slipring" recv --ring lanes "$name"
receiver=$pid
start sent from_pipe "$slipring" send --lines --ring lanes "$name"
sender=$pid
exec 9>line
echo before >&9
check "lanes: a line as it comes" until_true 20 grep -qx before out
kill -KILL "$sender"
check "lanes: the sender is killed" ended "$sender" 137
check "lanes: which the receiver reports" ended "$receiver" 1
check "lanes: by name" grep -qx \
	"slipring recv: $name: a sender or another receiver (pid $sender, $comm) died" \
	out.err
exec 9>&-
rm -f "/dev/shm/slip.$name"

start out1 "$slipring" recv --ring lanes "$name"
first=$pid
start out2 "$slipring" recv --ring lanes "$name"
check "lanes: two receivers" met 2 'consumer[ 0-9]*'
kill -KILL "$first"
check "lanes: one is killed" ended "$first" 137
check "lanes: the other gets all" eval '"$slipring" send --lines "$name" <a'
check "lanes: and reports it" ended "$pid" 1
check "lanes: unchanged" cmp out2 a
check "lanes: and calls nobody a sender who was none" grep -qx \
	"slipring recv: $name: a sender or another receiver (pid $first, $comm) died" \
	out2.err

start out "$slipring" recv --ring lanes --capacity 4k "$name"
receiver=$pid
check "lanes: another receiver" met 1 "consumer 0"
kill -STOP "$receiver"
start sent "$slipring" send --ring lanes "$name" <random
sender=$pid
check "lanes: beside a stopped one the ring fills" met 1 'lane 0\*'
kill -KILL "$receiver"
check "lanes: it is killed" ended "$receiver" 137
check "lanes: the sender reports it" ended "$sender" 1
check "lanes: by name" grep -qx \
	"slipring send: $name: no receiver is left, and one peer (pid $receiver, $comm) died" \
	sent.err
rm -f "/dev/shm/slip.$name"

# --- broadcast ---
for i in 1 2 3; do
	start "out$i" "$slipring" recv --ring broadcast --capacity 8k "$name"
	readers[i]=$pid
done
check "broadcast: three receivers wait" met 3 reader
check "broadcast: a sender succeeds" "$slipring" send --lines "$name" <a
for i in 1 2 3; do
	check "broadcast: receiver $i ends with it" ended "${readers[i]}" 0
	check "broadcast: receiver $i has all" cmp "out$i" a
done
check "broadcast: the name is gone" gone

start sent "$slipring" send --ring broadcast "$name" <random
sender=$pid
check "broadcast: a sender waits for a receiver" met 1 writer
start out "$slipring" recv "$name"
check "broadcast: which succeeds" ended "$pid" 0
check "broadcast: and the sender" ended "$sender" 0
check "broadcast: all arrives" cmp out random

start out "$slipring" recv --ring broadcast --lossy --capacity 1k "$name"
receiver=$pid
with="--ring broadcast --lossy --capacity 1k"
check "lossy: the sender does not wait for one that is stopped" \
	beside a kill -STOP "$receiver"
kill -CONT "$receiver"
check "lossy: the receiver succeeds" ended "$receiver" 0
lost=$(sed -n 's/.*: \([0-9]*\) messages were lost$/\1/p' out.err)
check "lossy: received and lost make what was sent" \
	[ $(($(wc -l <out) + ${lost:-0})) -eq 20000 ]

start sent from_pipe "$slipring" send --lines --ring broadcast --keep "$name"
sender=$pid
exec 9>line
echo before >&9
check "broadcast: another sender waits" met 1 writer
start out "$slipring" recv "$name"
receiver=$pid
check "broadcast: a line as it comes" until_true 20 grep -qx before out
kill -KILL "$sender"
check "broadcast: the sender is killed" ended "$sender" 137
check "broadcast: the receiver reports it" ended "$receiver" 1
exec 9>&-
rm -f "/dev/shm/slip.$name"

# --- priority ---
for i in 0 5 2; do
	check "priority: a message of level $i" eval \
		'echo "level $i" | "$slipring" send --ring priority --level $i \
		--lines "$name"'
done
check "priority: the most urgent alone" \
	[ "$("$slipring" recv --once "$name")" = "level 5" ]
start out "$slipring" recv "$name"
check "priority: the others" ended "$pid" 0
check "priority: in their order" cmp out <(echo "level 2" && echo "level 0")
check "priority: the name is gone" gone

start out1 "$slipring" recv --ring priority --capacity 64k "$name"
first=$pid
start out2 "$slipring" recv --ring priority --capacity 64k "$name"
came() {
	grep -qx "a 1" out1 out2
}
check "priority: two receivers" met 2 consumer
with=
check "priority: two senders" \
	beside a eval '"$slipring" send --level 7 --lines "$name" <b'
check "priority: a receiver ends" ended "$first" 0
check "priority: and the other" ended "$pid" 0
check "priority: each message came to one" \
	cmp <(sort out1 out2) <(sort a b)

start out "$slipring" recv --ring priority --capacity 64 --message 999 "$name"
receiver=$pid
check "priority: a small ring" met 1 consumer
check "priority: 16 MiB in pieces" "$slipring" send "$name" <random
check "priority: are received" ended "$receiver" 0
check "priority: unchanged" cmp out random

# Two messages, the line and the end: not for each there is one.
for ring in lanes priority; do
	for i in 1 2 3; do
		start "out$i" "$slipring" recv --ring $ring "$name"
		readers[i]=$pid
	done
	check "$ring: three receivers" met 3 'consumer[ 0-9]*'
	check "$ring: a line for one of them" eval \
		'echo one | "$slipring" send --lines "$name"'
	for i in 1 2 3; do
		check "$ring: receiver $i ends" ended "${readers[i]}" 0
	done
	check "$ring: one has it" cmp <(cat out1 out2 out3) <(echo one)
	check "$ring: the name is gone" gone
done

# --- latest ---
check "latest: a value that is kept" eval \
	'printf "old\nnew\n" | "$slipring" send --ring latest --keep "$name"'
check "latest: is there for one" [ "$("$slipring" recv --keep "$name")" = new ]
check "latest: and for the next" [ "$("$slipring" recv --once "$name")" = new ]
check "latest: who took the name away" gone
start sent from_pipe "$slipring" send --ring latest "$name"
sender=$pid
exec 9>line
echo 1 >&9
start out "$slipring" recv --ring latest "$name"
receiver=$pid
check "latest: the newest" until_true 20 grep -qx 1 out
echo 2 >&9
check "latest: and newer ones" until_true 20 grep -qx 2 out
kill -KILL "$sender"
check "latest: the sender is killed" ended "$sender" 137
check "latest: the receiver reports it" ended "$receiver" 1
exec 9>&-
rm -f "/dev/shm/slip.$name"

# --- call ---
mkfifo answers
("$slipring" recv --ring call "$name" <answers |
	sed -u 's/^/re: /' >answers) &
server=$!
children+=("$server")
with="--ring call"
came() {
	grep -qx "re: a 1" beside.out
}
check "call: two clients" \
	beside a eval '"$slipring" send "$name" <b >two'
check "call: the first has its answers" cmp beside.out <(sed "s/^/re: /" a)
check "call: the second has its" cmp two <(sed "s/^/re: /" b)
check "call: the server ends with them" ended "$server" 0
check "call: the name is gone" gone

start said.server "$slipring" recv --ring call "$name" </dev/null
server=$pid
start sent "$slipring" send --ring call "$name" < <(echo hello)
check "call: a server without answers fails" ended "$server" 1
check "call: and says why" \
	grep -q "standard input ended before the answer" said.server.err
check "call: which its client reports" ended "$pid" 1
check "call: by name" grep -qx \
	"slipring send: $name: no receiver is left, and one peer (pid $server, $comm) died" \
	sent.err
rm -f "/dev/shm/slip.$name"

# --- what does not fit together ---
check "a timeout" fails 1 said \
	"$slipring" recv --ring lanes --timeout 0.01 "$name"
check "is named" grep -q "no sender came in time" said
check "and leaves no name" gone
check "a timeout of records" fails 1 said "$slipring" recv --timeout 0.01 "$name"
check "is named" grep -q "no sender came in time" said
check "and leaves no name" gone
start out "$slipring" recv --ring lanes "$name"
receiver=$pid
check "a receiver that waits on" met 1 "consumer 0"
check "beside one that does not" fails 1 said \
	"$slipring" recv --timeout 0.01 "$name"
check "gets all" "$slipring" send --lines "$name" <a
check "and calls nobody dead" ended "$receiver" 0
check "unchanged" cmp out a
check "a kept ring" eval 'echo x | "$slipring" send --ring latest --keep "$name"'
check "of another kind" fails 1 said "$slipring" recv --ring lanes "$name"
check "is named" grep -q "a ring of another kind: latest" said
check "a level is for priorities" fails 1 said \
	"$slipring" send --level 1 "$name" </dev/null
check "and says so" grep -q -- "--level is not for a latest ring" said
check "nor is that record's" fails 1 said "$slipring" recv --keep "$name.other"
check "says so" grep -q -- "--keep is not for a record ring" said
check "a kind that is none" fails 2 said "$slipring" recv --ring none "$name"
check "a line too long" eval \
	'head -c 2000 /dev/zero | tr "\\0" x | fails 1 said "$slipring" send "$name"'
check "names the option" grep -q "1024 bytes .* (see --message)" said
rm -f "/dev/shm/slip.$name" "/dev/shm/slip.$name.other"

finish
