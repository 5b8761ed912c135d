/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <string.h>
#include <sys/mman.h>

/* Made once: joining costs more than a whole run. */
static struct club here;

struct club *club(void)
{
	struct slip_region_object o;

	if (here.mirror)
		return &here;
	if (slip_region_create(&here.rg, 8192,
			       SLIP_REGION_MEMFD | SLIP_REGION_PEERS(15u)) ||
	    !slip_region_add(&here.rg, "mirror", SLIP_KIND_RECORD, 8192) ||
	    slip_region_publish(&here.rg, NULL, 0600) ||
	    slip_region_item(&here.rg, 0, &o) ||
	    slip_peer_join(&here.peers[0], &here.rg) ||
	    slip_peer_join(&here.peers[1], &here.rg))
		fail("no region");
	here.mirror = o.mem;
	here.mirror_bytes = o.bytes;
	here.back = mmap(NULL, o.bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			 slip_region_fd(&here.rg), (off_t)o.offset);
	if (here.back == MAP_FAILED)
		fail("no memory");
	return &here;
}

struct slip_peer *club_member(struct stream *in, unsigned which)
{
	return take(in) & 1 ? &club()->peers[which & 1] : NULL;
}
