/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/kill/kill.h"

#include <string.h>

struct kill_base kill_base;
struct kill_self kill_self;

static struct slip_region own_;

/* As the kernel does for a process that is killed: the lock goes, the words
 * stay. */
static void die(struct slip_peer *peer)
{
	(void)slip_sys_munmap_(peer->pin, peer->rg->pin_bytes);
	peer->pin = NULL;
}

void kill_base_make(uint32_t kind, size_t bytes, bool ghost)
{
	struct kill_base *b = &kill_base;
	int rc = slip_region_create(&b->rg, bytes,
				    SLIP_REGION_MEMFD |
					    SLIP_REGION_PEERS(KILL_PEERS));

	KILL_CHECK(!rc, "region: %d", rc);
	b->mem = slip_region_add(&b->rg, "object", kind, bytes);
	b->bytes = bytes;
	KILL_CHECK(b->mem, "no object");
	rc = slip_region_publish(&b->rg, NULL, 0600);
	KILL_CHECK(!rc, "publish: %d", rc);
	rc = slip_peer_join(&b->me, &b->rg);
	rc = rc ? rc : slip_peer_join(&b->next, &b->rg);
	b->victim_id = b->next.id + 1;
	b->live = 1u << b->me.id | 1u << b->next.id;
	if (!rc && ghost) {
		rc = slip_peer_join(&b->ghost, &b->rg);
		die(&b->ghost);
		b->victim_id++;
	}
	KILL_CHECK(!rc, "join: %d", rc);
}

void kill_base_unmake(void)
{
	struct kill_base *b = &kill_base;

	if (b->me.pin)
		die(&b->me);
	if (b->next.pin)
		die(&b->next);
	slip_region_close(&b->rg);
	memset(b, 0, sizeof(*b));
}

unsigned kill_base_spans(struct kill_span spans[])
{
	spans[0].at = kill_base.rg.mem + SLIP_REGION_PEERS_AT_;
	spans[0].bytes = KILL_PEERS * sizeof(struct slip_peer_record);
	spans[1].at = kill_base.mem;
	spans[1].bytes = kill_base.bytes;
	return 2;
}

void kill_base_open(void)
{
	int rc = 0;

	kill_self.rg = &kill_base.rg;
	if (kill_child) {
		rc = slip_region_adopt(&own_, kill_base.rg.file.fd, 0);
		kill_self.rg = &own_;
	}
	KILL_CHECK(!rc, "victim's region: %d", rc);
	kill_self.mem =
		slip_region_find(kill_self.rg, "object", 0, &kill_self.bytes);
	KILL_CHECK(kill_self.mem, "victim finds no object");
}

void kill_base_enter(void)
{
	int rc;

	kill_base_open();
	rc = slip_peer_join(&kill_self.peer, kill_self.rg);
	KILL_CHECK(!rc, "victim's join: %d", rc);
	KILL_CHECK(kill_self.peer.id == kill_base.victim_id, "victim is %u",
		   kill_self.peer.id);
}

void kill_base_bury(void)
{
	if (kill_self.peer.pin)
		die(&kill_self.peer);
}

void kill_base_recover(void)
{
	struct slip_peer_info info;
	int rc = slip_peer_recover(&kill_base.me);

	KILL_CHECK(rc >= 0, "recover: %d", rc);
	for (uint32_t id = 1; id <= KILL_PEERS; id++) {
		bool ours = kill_base.live >> id & 1;

		rc = slip_peer_describe(&kill_base.rg, id, &info);
		KILL_CHECK(!rc && info.joined == ours && info.alive == ours,
			   "after recovery %u is joined %d, alive %d", id,
			   info.joined, info.alive);
	}
	rc = slip_peer_recover(&kill_base.me);
	KILL_CHECK(rc == 0, "a second recovery: %d", rc);
}
