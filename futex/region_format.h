/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a region, the handle on it, and what making and opening one
 * have in common. For futex/region.h, which see; a program includes that.
 */
#ifndef SLIP_FUTEX_REGION_FORMAT_H
#define SLIP_FUTEX_REGION_FORMAT_H

#include "../atomics/copy.h"
#include "../atomics/word.h"
#include "file.h"

#include <sys/statfs.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_REGION_OBJECTS_MAX	  64
#define SLIP_REGION_PEERS_MAX	  4095
#define SLIP_REGION_PEERS_DEFAULT 128
#define SLIP_REGION_NAME_BYTES	  40 /* with the NUL */

/*
 * Flags. Back-end: none is a file in a directory; else one of
 *	MEMFD		a memfd: no name, passed by descriptor, sealed; with
 *			slip_region_adopt() a demand that it is sealed
 *	PRIVATE		anonymous memory: threads of this process only, no
 *			descriptor, pages not reserved in advance
 * Pages:
 *	HUGE		a wish: 2 MiB alignment and MADV_HUGEPAGE; what the
 *			kernel makes of it is no error (/dev/shm usually is
 *			mounted huge=never; a memfd fares better)
 *	HUGETLB		a demand, MEMFD only: pages of the hugetlb pool, or
 *			-ENOSPC (-ENOMEM). For files, create in a hugetlbfs
 *			mount: its page size is found out
 *	PREFAULT	bring the pages in now
 *	MLOCK		keep them in memory; -ENOMEM, -EPERM or -EAGAIN if
 *			RLIMIT_MEMLOCK forbids
 * Opening:
 *	READONLY	map and open for reading only; cannot join as a peer
 *			and does not keep slip_region_reap() away
 * Creating:
 *	PEERS(n)	room for n peers, 1..4095; 0 means 128
 */
#define SLIP_REGION_MEMFD    0x01u
#define SLIP_REGION_PRIVATE  0x02u
#define SLIP_REGION_HUGE     0x04u
#define SLIP_REGION_HUGETLB  0x08u
#define SLIP_REGION_PREFAULT 0x10u
#define SLIP_REGION_MLOCK    0x20u
#define SLIP_REGION_READONLY 0x40u
#define SLIP_REGION_PEERS(n) ((n)*0x10000u)

/* An object of a kind with this bit holds peer ids (futex/peer.h). */
#define SLIP_KIND_NAMES_PEERS 0x80000000u

#define SLIP_REGION_BUILDING_	  0x10000000u /* created, not yet published */
#define SLIP_REGION_FOREIGN_	  0x20000000u /* memory is the caller's */
#define SLIP_REGION_MAGIC_	  UINT64_C(0x6e6f69676572a7f5)
#define SLIP_REGION_BYTE_ORDER_	  0x01020304u
#define SLIP_REGION_VERSION_	  2u
#define SLIP_REGION_DIRECTORY_AT_ 4096u
#define SLIP_REGION_PEERS_AT_	  8192u
#define SLIP_REGION_PEER_BYTES_	  128u
#define SLIP_REGION_BYTES_MAX_	  (UINT64_C(1) << 46)
#define SLIP_REGION_STATE_BUILT_  1u
#define SLIP_REGION_STATE_READY_  2u
#define SLIP_REGION_THP_BYTES_	  (UINT64_C(2) << 20)
#define SLIP_REGION_PREFIX_	  "/dev/shm/slip."
#define SLIP_REGION_PATH_BYTES_	  272

struct slip_region_header {
	uint64_t magic;
	uint32_t byte_order;
	uint32_t version;
	uint64_t header_bytes; /* where the objects begin */
	uint64_t total_bytes;
	uint8_t uuid[16];    /* random: tells a successor of the same name */
	uint32_t page_bytes; /* of the memory: 4096, or a huge page's */
	uint32_t peers_max;
	uint64_t peers_offset;
	uint64_t directory_offset;
	uint32_t directory_max;
	uint32_t directory_count;
	uint64_t created_ns; /* from here on for display only: CLOCK_REALTIME */
	uint32_t creator_pid;
	uint32_t creator_uid;
	uint64_t creator_start; /* clock ticks since boot */
	uint64_t boot_hash;	/* FNV-1a of the kernel's boot id */
	uint64_t pid_namespace; /* in which creator_pid counts */
	uint32_t flags;
	slip_a32 state; /* 1 being built, 2 published */
	uint8_t reserved[128];
};

struct slip_region_entry {
	char name[SLIP_REGION_NAME_BYTES]; /* NUL-terminated */
	uint32_t kind;
	uint32_t flags;
	uint64_t offset;
	uint64_t bytes;
};

#define SLIP_AT_(type, field, offset)                       \
	SLIP_STATIC_ASSERT(offsetof(type, field) == offset, \
			   "format of " #type ": " #field)
SLIP_AT_(struct slip_region_header, magic, 0);
SLIP_AT_(struct slip_region_header, byte_order, 8);
SLIP_AT_(struct slip_region_header, version, 12);
SLIP_AT_(struct slip_region_header, header_bytes, 16);
SLIP_AT_(struct slip_region_header, total_bytes, 24);
SLIP_AT_(struct slip_region_header, uuid, 32);
SLIP_AT_(struct slip_region_header, page_bytes, 48);
SLIP_AT_(struct slip_region_header, peers_max, 52);
SLIP_AT_(struct slip_region_header, peers_offset, 56);
SLIP_AT_(struct slip_region_header, directory_offset, 64);
SLIP_AT_(struct slip_region_header, directory_max, 72);
SLIP_AT_(struct slip_region_header, directory_count, 76);
SLIP_AT_(struct slip_region_header, created_ns, 80);
SLIP_AT_(struct slip_region_header, creator_pid, 88);
SLIP_AT_(struct slip_region_header, creator_uid, 92);
SLIP_AT_(struct slip_region_header, creator_start, 96);
SLIP_AT_(struct slip_region_header, boot_hash, 104);
SLIP_AT_(struct slip_region_header, pid_namespace, 112);
SLIP_AT_(struct slip_region_header, flags, 120);
SLIP_AT_(struct slip_region_header, state, 124);
SLIP_AT_(struct slip_region_header, reserved, 128);
SLIP_STATIC_ASSERT(sizeof(struct slip_region_header) == 256, "format");
SLIP_AT_(struct slip_region_entry, kind, 40);
SLIP_AT_(struct slip_region_entry, flags, 44);
SLIP_AT_(struct slip_region_entry, offset, 48);
SLIP_AT_(struct slip_region_entry, bytes, 56);
SLIP_STATIC_ASSERT(sizeof(struct slip_region_entry) == 64, "format");
#undef SLIP_AT_

/* The private handle. Its numbers are checked copies, safe to compute with. */
struct slip_region {
	char *mem;
	uint64_t bytes; /* of the region, or while building of the mapping */
	uint64_t used;	/* while building: where the next object may begin */
	uint64_t header_bytes;
	uint32_t page_bytes;
	uint32_t pin_bytes; /* a page of the file, be the memory another's */
	uint32_t peers_max;
	uint32_t objects;
	unsigned flags;
	/* Private pages that a fork child finds wiped. The first word is 1; word
	 * `id` is the generation of the member that joined by this handle. */
	uint32_t *life;
	struct slip_file_ file;
};

/* --- private: handles ------------------------------------------------------ */

/* A word for each id that there may be, and one. */
#define SLIP_REGION_LIFE_BYTES_ 16384u

SLIP_INLINE uint64_t slip_region_system_page_(void)
{
	/* sysconf() knows it without a system call, and cannot fail here. */
	return SLIP_CAST(uint64_t, sysconf(_SC_PAGESIZE));
}

/* True in a fork child: the kernel has wiped the page that holds the 1. */
SLIP_INLINE bool slip_region_stale_(const struct slip_region *rg)
{
	return *rg->life != 1;
}

/* 0, -ECHILD for a handle inherited by fork, -EINVAL for a closed one. */
SLIP_INLINE SLIP_MUST_CHECK int slip_region_check_(const struct slip_region *rg)
{
	if (SLIP_UNLIKELY(!rg->life))
		return -EINVAL;
	return SLIP_UNLIKELY(slip_region_stale_(rg)) ? -ECHILD : 0;
}

SLIP_INLINE struct slip_region_header *
slip_region_header_(const struct slip_region *rg)
{
	void *at = rg->mem;

	return SLIP_CAST(struct slip_region_header *, at);
}

/* Bytes before the first object. */
SLIP_INLINE uint64_t slip_region_head_bytes_(uint32_t peers_max)
{
	return slip_file_round_(SLIP_REGION_PEERS_AT_ +
					SLIP_CAST(uint64_t, peers_max) *
						SLIP_REGION_PEER_BYTES_,
				4096);
}

/* An empty handle, with the page that betrays a fork. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_begin_(struct slip_region *rg,
						 unsigned flags)
{
	uint64_t page = slip_region_system_page_();
	long at;
	int r;

	memset(rg, 0, sizeof(*rg));
	slip_file_init_(&rg->file);
	rg->flags = flags & 0xffffu;
	rg->page_bytes = SLIP_CAST(uint32_t, page);
	rg->pin_bytes = rg->page_bytes;
	at = slip_sys_mmap_(NULL, SLIP_REGION_LIFE_BYTES_,
			    PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | SLIP_MAP_ANONYMOUS_, -1, 0);
	if (at < 0)
		return SLIP_CAST(int, at);
	r = slip_file_advise_(SLIP_RECAST(void *, at), SLIP_REGION_LIFE_BYTES_,
			      SLIP_MADV_WIPEONFORK_);
	if (r) { /* -EINVAL: before Linux 4.14 */
		(void)slip_sys_munmap_(SLIP_RECAST(void *, at),
				       SLIP_REGION_LIFE_BYTES_);
		return r == -EINVAL ? -EOPNOTSUPP : r;
	}
	rg->life = SLIP_RECAST(uint32_t *, at);
	*rg->life = 1;
	return 0;
}

/* How big a page of the handle's file is: hugetlbfs has its own. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_pin_of_(struct slip_region *rg)
{
	struct statfs fs;
	long r;

	memset(&fs, 0, sizeof(fs));
	r = slip_sys_call_(SYS_fstatfs, rg->file.fd, slip_file_arg_(&fs), 0, 0,
			   0, 0);
	if (r)
		return SLIP_CAST(int, r);
	if (SLIP_CAST(uint32_t, fs.f_type) == 0x958458f6u)
		rg->pin_bytes = SLIP_CAST(uint32_t, fs.f_bsize);
	return 0;
}

/* The same where the region lies in that file. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_page_of_(struct slip_region *rg)
{
	int r = slip_region_pin_of_(rg);

	if (!r)
		rg->page_bytes = rg->pin_bytes;
	return r;
}

/* Maps the handle's bytes: its file, or anonymous memory. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_map_(struct slip_region *rg)
{
	bool huge = (rg->flags & SLIP_REGION_HUGE) &&
		    rg->bytes >= SLIP_REGION_THP_BYTES_;
	struct slip_file_span_ m;
	int r;

	memset(&m, 0, sizeof(m));
	m.fd = rg->file.fd;
	m.prot = PROT_READ;
	if (!(rg->flags & SLIP_REGION_READONLY))
		m.prot |= PROT_WRITE;
	m.flags = SLIP_MAP_NORESERVE_ | MAP_SHARED;
	if (rg->flags & SLIP_REGION_PRIVATE)
		m.flags =
			SLIP_MAP_NORESERVE_ | MAP_PRIVATE | SLIP_MAP_ANONYMOUS_;
	m.bytes = rg->bytes;
	m.copies = 1;
	m.align = rg->page_bytes;
	if (huge && m.align < SLIP_REGION_THP_BYTES_)
		m.align = SLIP_REGION_THP_BYTES_;
	r = slip_file_map_(&m, &rg->mem);
	if (!r && huge)
		(void)slip_file_advise_(rg->mem, rg->bytes,
					SLIP_MADV_HUGEPAGE_);
	return r;
}

/* PREFAULT and MLOCK for the pages of a range. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_settle_(const struct slip_region *rg,
						  uint64_t start, uint64_t end)
{
	uint64_t page = slip_region_system_page_();
	bool write = !(rg->flags & SLIP_REGION_READONLY);
	int r = 0;

	start = start / page * page;
	end = slip_file_round_(end, page);
	if (rg->flags & SLIP_REGION_PREFAULT)
		r = slip_file_populate_(rg->mem + start, end - start, page,
					write);
	if (!r && (rg->flags & SLIP_REGION_MLOCK))
		r = slip_file_call_(SYS_mlock, slip_file_arg_(rg->mem + start),
				    slip_file_num_(end - start), 0, 0);
	return r;
}

/* --- private: believing a header ------------------------------------------- */

/* What kind of bytes are these? Asked before anything else of them is used. */
SLIP_COLD SLIP_MUST_CHECK int
slip_region_identify_(const struct slip_region_header *h)
{
	if (h->magic == __builtin_bswap64(SLIP_REGION_MAGIC_))
		return -EPROTONOSUPPORT;
	if (h->magic != SLIP_REGION_MAGIC_)
		return -EBADMSG;
	if (h->byte_order != SLIP_REGION_BYTE_ORDER_)
		return -EPROTONOSUPPORT;
	return h->version == SLIP_REGION_VERSION_ ? 0 : -EPROTO;
}

/* Do its numbers fit each other? Version 1 leaves few of them free. */
SLIP_COLD SLIP_MUST_CHECK int
slip_region_validate_(const struct slip_region_header *h)
{
	uint64_t page = h->page_bytes;

	if (h->peers_max < 1 || h->peers_max > SLIP_REGION_PEERS_MAX ||
	    h->peers_offset != SLIP_REGION_PEERS_AT_ ||
	    h->directory_offset != SLIP_REGION_DIRECTORY_AT_ ||
	    h->directory_max != SLIP_REGION_OBJECTS_MAX ||
	    h->directory_count > SLIP_REGION_OBJECTS_MAX)
		return -EOVERFLOW;
	if (h->header_bytes != slip_region_head_bytes_(h->peers_max) ||
	    h->total_bytes < h->header_bytes ||
	    h->total_bytes > 2 * SLIP_REGION_BYTES_MAX_)
		return -EOVERFLOW;
	if (page < 4096 || (page & (page - 1)))
		return -EOVERFLOW;
	return 0;
}

/* Copies the header's numbers into the handle if all of them are sound. */
SLIP_COLD SLIP_MUST_CHECK int
slip_region_learn_(struct slip_region *rg, const struct slip_region_header *h)
{
	/* A copy made by the caller, or by pread(): no longer shared. */
	int r = slip_region_identify_(h);

	if (r)
		return r;
	/* own: the caller's copy. REGION-A1 is where it was made */
	if (slip_a32_load_relaxed(&h->state) != SLIP_REGION_STATE_READY_)
		return -EAGAIN;
	r = slip_region_validate_(h);
	if (r)
		return r;
	rg->bytes = h->total_bytes;
	rg->header_bytes = h->header_bytes;
	rg->peers_max = h->peers_max;
	rg->objects = h->directory_count;
	rg->page_bytes = h->page_bytes;
	return 0;
}

/* --- private: names -------------------------------------------------------- */

SLIP_COLD SLIP_MUST_CHECK int
slip_region_path_(char path[SLIP_REGION_PATH_BYTES_], const char *name,
		  const char **out)
{
	size_t used;

	if (!name || !*name)
		return -EINVAL;
	*out = name;
	if (strchr(name, '/'))
		return 0;
	if (strncmp(name, "tmp.", 4) == 0)
		return -EINVAL;
	if (strlen(name) > 250)
		return -ENAMETOOLONG;
	used = slip_text_add_(path, SLIP_REGION_PATH_BYTES_, 0,
			      SLIP_REGION_PREFIX_);
	(void)slip_text_add_(path, SLIP_REGION_PATH_BYTES_, used, name);
	*out = path;
	return 0;
}

/* --- private: the creator for display -------------------------------------- */

/* Start of this process in clock ticks since boot: field 22, 0 if unknown. */
SLIP_COLD uint64_t slip_region_start_ticks_(void)
{
	char text[320];
	const char *at;
	uint64_t ticks = 0;

	(void)slip_file_slurp_("/proc/self/stat", text, sizeof(text));
	/* The name, field 2, may hold anything, ")" and spaces too. */
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		for (at++; *at >= '0' && *at <= '9'; at++)
			ticks = ticks * 10 + SLIP_CAST(uint64_t, *at - '0');
	return ticks;
}

SLIP_COLD uint64_t slip_region_boot_hash_(void)
{
	char text[64];
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	(void)slip_file_slurp_("/proc/sys/kernel/random/boot_id", text,
			       sizeof(text));
	for (const char *at = text; *at; at++)
		hash = (hash ^ SLIP_CAST(uint8_t, *at)) *
		       UINT64_C(0x100000001b3);
	return hash;
}

SLIP_COLD uint64_t slip_region_pid_namespace_(void)
{
	struct slip_file_stat_ st;

	if (slip_file_stat_at_(SLIP_AT_CWD_, "/proc/thread-self/ns/pid", &st))
		return 0;
	return st.ino;
}

SLIP_INLINE uint32_t slip_region_id_(long nr)
{
	return SLIP_CAST(uint32_t, slip_file_call_(nr, 0, 0, 0, 0));
}

SLIP_COLD SLIP_MUST_CHECK int slip_region_sign_(struct slip_region_header *h)
{
	struct timespec now = { 0, 0 };

	(void)slip_file_call_(SYS_clock_gettime, SLIP_CLOCK_REALTIME_,
			      slip_file_arg_(&now), 0, 0);
	h->created_ns = SLIP_CAST(uint64_t, now.tv_sec) * 1000000000U +
			SLIP_CAST(uint64_t, now.tv_nsec);
	h->creator_pid = slip_region_id_(SYS_getpid);
	h->creator_uid = slip_region_id_(SYS_geteuid);
	h->creator_start = slip_region_start_ticks_();
	h->boot_hash = slip_region_boot_hash_();
	h->pid_namespace = slip_region_pid_namespace_();
	return slip_file_random_(h->uuid, sizeof(h->uuid));
}

/* Writes the header into zeroed memory; the region is being built. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_write_(struct slip_region *rg)
{
	struct slip_region_header *h = slip_region_header_(rg);

	h->magic = SLIP_REGION_MAGIC_;
	h->byte_order = SLIP_REGION_BYTE_ORDER_;
	h->version = SLIP_REGION_VERSION_;
	h->header_bytes = rg->header_bytes;
	h->page_bytes = rg->page_bytes;
	h->peers_max = rg->peers_max;
	h->peers_offset = SLIP_REGION_PEERS_AT_;
	h->directory_offset = SLIP_REGION_DIRECTORY_AT_;
	h->directory_max = SLIP_REGION_OBJECTS_MAX;
	h->flags = rg->flags & 0xffffu;
	/* REGION-R2 creator: who sees that it is being built can see what it
	 * is. Pairs: slip_region_attach(). Else: a thread that comes too early
	 * finds no region rather than an unfinished one. */
	slip_a32_store_release(&h->state, SLIP_REGION_STATE_BUILT_);
	rg->used = rg->header_bytes;
	rg->flags |= SLIP_REGION_BUILDING_;
	return slip_region_sign_(h);
}

#ifdef __cplusplus
}
#endif

#endif
