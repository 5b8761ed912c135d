/* SPDX-License-Identifier: MIT */
/*
 * Regions in memory of the caller's own, and memory mapped twice.
 *
 * Use slip_region_format() and slip_region_attach() when the shared memory
 * exists already (a static array among threads, an old System V segment, a
 * device) and shall have a directory and peers; else futex/region.h.
 *
 *	static char memory[65536] __attribute__((aligned(4096)));
 *	struct slip_region rg;
 *
 *	if (slip_region_format(&rg, memory, sizeof(memory), -1, 0) ||
 *	    !slip_region_add(&rg, "ring", 7, 4096) ||
 *	    slip_region_publish(&rg, NULL, 0))
 *		return 1;
 *
 * Use slip_region_mirror() for byte rings that shall never see their seam.
 *
 * Shape, concurrency, errors: as in futex/region.h.
 */
#ifndef SLIP_FUTEX_REGION_MEMORY_H
#define SLIP_FUTEX_REGION_MEMORY_H

#include "region.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- the caller's own memory ----------------------------------------------- */

/* An oracle for memory that is not ours: our own description of `fd`. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_oracle_(struct slip_region *rg,
						  int fd)
{
	uint64_t bytes = 0;
	int r;

	rg->flags |= SLIP_REGION_FOREIGN_;
	if (fd < 0)
		return 0;
	r = slip_file_reopen_fd_(fd, slip_region_access_(rg->flags) |
					     SLIP_O_NONBLOCK_);
	if (r >= 0)
		r = slip_file_take_(&rg->file, r, &bytes);
	if (!r)
		r = slip_region_pin_of_(rg);
	return r ? r : slip_region_use_(rg);
}

SLIP_INLINE bool slip_region_apart_(const void *mem)
{
	return mem && SLIP_RECAST(uintptr_t, mem) % SLIP_APART_BYTES == 0;
}

/*
 * Makes a region in the caller's own memory: `bytes` from `mem`, which is
 * aligned to 128 bytes (to a page, if objects shall lie on page boundaries).
 * `fd` names a file on which the peers' liveness locks live, the same file for
 * all participants, usually the one behind `mem`; -1: no oracle, a peer counts
 * as alive until it leaves. It is opened afresh, the caller keeps his. Then
 * add, and publish with name NULL. How the memory is mapped, inherited by fork
 * and given back stays the caller's business. Flags: PEERS(n), PREFAULT, MLOCK.
 * -EINVAL, -ENOSPC (too small for the header), -EBADMSG (`fd` is not a file),
 * -EBUSY (somebody else is reaping it).
 */
SLIP_COLD SLIP_MUST_CHECK int slip_region_format(struct slip_region *rg,
						 void *mem, size_t bytes,
						 int fd, unsigned flags)
{
	unsigned not_here = SLIP_REGION_MEMFD | SLIP_REGION_PRIVATE |
			    SLIP_REGION_HUGE | SLIP_REGION_HUGETLB;
	int r = slip_region_create_flags_(rg, flags);

	if (r)
		return r;
	if ((flags & not_here) || !slip_region_apart_(mem) ||
	    bytes > SLIP_REGION_BYTES_MAX_)
		return slip_region_end_(rg, -EINVAL);
	rg->header_bytes = slip_region_head_bytes_(rg->peers_max);
	if (bytes < rg->header_bytes)
		return slip_region_end_(rg, -ENOSPC);
	r = slip_region_oracle_(rg, fd);
	if (r)
		return slip_region_end_(rg, r);
	rg->mem = SLIP_CAST(char *, mem);
	rg->bytes = bytes;
	memset(mem, 0, rg->header_bytes);
	r = slip_region_settle_(rg, 0, rg->header_bytes);
	return slip_region_end_(rg, r ? r : slip_region_write_(rg));
}

/* How much of the header stands when its state is that, and will not change. */
SLIP_INLINE size_t slip_region_stands_(uint32_t state)
{
	if (state == SLIP_REGION_STATE_READY_)
		return sizeof(struct slip_region_header);
	return state ? offsetof(struct slip_region_header, header_bytes) : 0;
}

/*
 * Enters a region that another made in this memory. `fd` as above; READONLY is
 * the only flag: nothing in `mem` is ever written. Any `bytes` from the size of
 * the header up is looked at; -ENODATA if the region is longer than that.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_region_attach(struct slip_region *rg,
						 void *mem, size_t bytes,
						 int fd, unsigned flags)
{
	struct slip_region_header h;
	uint32_t state;
	int r;

	memset(rg, 0, sizeof(*rg));
	slip_file_init_(&rg->file);
	if ((flags & ~SLIP_REGION_READONLY) || !slip_region_apart_(mem))
		return -EINVAL;
	if (bytes < sizeof(h))
		return -EBADMSG;
	r = slip_region_begin_(rg, flags);
	if (r)
		return r;
	rg->mem = SLIP_CAST(char *, mem);
	/* REGION-A1, REGION-A2 acquire: the header copied next is complete if
	 * this says READY; what it is, and of which version, if BUILT. Pairs:
	 * slip_region_publish(), slip_region_write_(). Else: sizes of 0. */
	state = slip_a32_load_acquire(&slip_region_header_(rg)->state);
	memset(&h, 0, sizeof(h));
	slip_copy(&h, mem, slip_region_stands_(state));
	r = slip_region_learn_(rg, &h);
	if (!r && rg->bytes > bytes)
		r = -ENODATA;
	if (!r)
		r = slip_region_oracle_(rg, fd);
	if (r)
		rg->mem = NULL;
	return slip_region_end_(rg, r);
}

/* --- mirrored mappings ----------------------------------------------------- */

/*
 * Maps a part of the region twice, back to back, at a new address: a ring in
 * it then never sees its seam. `part` points into the region; it and `bytes`
 * are multiples of the page size (header's page_bytes). Undone only by
 * slip_region_unmirror(), which must precede close.
 * -EINVAL, -EOPNOTSUPP (memory without a file of ours), -ENOMEM, -ECHILD.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_region_mirror(const struct slip_region *rg,
						 const void *part, size_t bytes,
						 void **out)
{
	uint64_t at = SLIP_RECAST(uintptr_t, part);
	uint64_t base = SLIP_RECAST(uintptr_t, rg->mem);
	struct slip_file_span_ m;
	char *mem = NULL;
	int r = slip_region_check_(rg);

	if (r)
		return r;
	if (rg->file.fd < 0 || (rg->flags & SLIP_REGION_FOREIGN_))
		return -EOPNOTSUPP;
	if (!bytes || at < base || at - base > rg->bytes ||
	    bytes > rg->bytes - (at - base) || (at - base) % rg->page_bytes ||
	    bytes % rg->page_bytes)
		return -EINVAL;
	r = slip_file_same_(&rg->file, rg->file.fd);
	if (r)
		return r;
	memset(&m, 0, sizeof(m));
	m.fd = rg->file.fd;
	m.prot = PROT_READ;
	if (!(rg->flags & SLIP_REGION_READONLY))
		m.prot |= PROT_WRITE;
	m.flags = MAP_SHARED | SLIP_MAP_NORESERVE_;
	m.offset = at - base;
	m.bytes = bytes;
	m.align = rg->page_bytes;
	m.copies = 2;
	r = slip_file_map_(&m, &mem);
	if (!r)
		*out = mem;
	return r;
}

/* Unmaps both copies; `bytes` as given to mirror. Nothing in a fork child. */
SLIP_COLD void slip_region_unmirror(const struct slip_region *rg, void *mirror,
				    size_t bytes)
{
	if (slip_region_check_(rg) == 0)
		(void)slip_sys_munmap_(mirror, 2 * bytes);
}

#ifdef __cplusplus
}
#endif

#endif
