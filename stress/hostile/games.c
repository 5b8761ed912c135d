/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <string.h>

const struct game games[] = {
	{ "spsc-ring", "spsc.*", 400, false, spsc_ring },
	{ "spsc-attach", "spsc.attach", 300, false, spsc_attach },
	{ "record-ring", "record.*", 400, false, record_ring },
	{ "record-mirror", "record.*+mirror", 400, false, record_mirror },
	{ "record-attach", "record.attach", 300, false, record_attach },
	{ "latest-ring", "latest.*", 400, false, latest_ring },
	{ "latest-attach", "latest.attach", 300, false, latest_attach },
	{ "broadcast-ring", "broadcast.*", 400, false, broadcast_ring },
	{ "broadcast-attach", "broadcast.attach", 300, false,
	  broadcast_attach },
	{ "mpmc-ring", "mpmc.*", 400, false, mpmc_ring },
	{ "mpmc-heard", "mpmc.pop+take", 400, false, mpmc_heard },
	{ "mpmc-attach", "mpmc.attach", 300, false, mpmc_attach },
	{ "priority-ring", "priority.*", 400, false, priority_ring },
	{ "priority-attach", "priority.attach", 300, false, priority_attach },
	{ "lanes-ring", "lanes.*", 400, false, lanes_ring },
	{ "lanes-attach", "lanes.attach", 300, false, lanes_attach },
	{ "call-ring", "call.*", 400, false, call_ring },
	{ "call-attach", "call.attach", 300, false, call_attach },
	{ "inspect", "ring.inspect", 100, false, inspect },
	{ "role", "role.*", 200, false, role_words },
	{ "event", "event.*", 100, false, event_word },
	{ "mutex", "mutex.*", 200, false, mutex_words },
	{ "pi-mutex", "pi_mutex.*", 200, false, pi_words },
	{ "deadlock", "deadlock.*", 200, false, deadlock_words },
	{ "sem", "sem.*", 200, false, sem_words },
	{ "sem-set", "sem_set.*", 200, false, sem_set_words },
	{ "robust-sem", "robust_sem.*", 300, false, robust_sem_words },
	{ "rwlock", "rwlock.*", 200, false, rwlock_words },
	{ "cond", "cond.*", 100, false, cond_words },
	{ "flag", "flag.*", 100, false, flag_words },
	{ "once", "once.*", 200, false, once_words },
	{ "latch", "latch.*", 300, false, latch_words },
	{ "barrier", "barrier.*", 300, false, barrier_words },
	{ "waitset", "waitset.*", 300, false, waitset_words },
	{ "bridge", "bridge.*", 300, false, bridge_words },
	{ "peers", "peer.*", 100, false, peer_table },
	{ "region-file", "region.open", 300, true, region_file },
	{ "region-memory", "region.attach", 300, false, region_memory },
};
const unsigned games_count = sizeof(games) / sizeof(games[0]);

const struct game *game_named(const char *name)
{
	for (unsigned i = 0; i < games_count; i++)
		if (strcmp(games[i].name, name) == 0)
			return &games[i];
	return NULL;
}
