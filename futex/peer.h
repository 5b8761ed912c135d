/* SPDX-License-Identifier: MIT */
/*
 * Peers: who takes part in a region, who of them is alive, and cleaning up
 * after the dead. Death is a fact that the kernel states, never a guess.
 *
 * Use it when a ring or lock in shared memory must outlive the crash of any of
 * its users. Without it (`self` NULL everywhere) nothing ever asks who is
 * alive, which suits the threads of one process.
 *
 *	struct slip_peer self;
 *
 *	if (slip_peer_join(&self, &rg))
 *		return 1;
 *	... attach rings with &self; they register their recovery hooks ...
 *	slip_peer_recover(&self);	(now and then, or when one looks dead)
 *	slip_peer_leave(&self);
 *
 * A member is a pair (id 1..4095, gen): ids are reused, pairs are not (before
 * 2^32 joins of one id). It belongs to the address space in which join was
 * called: it lives until leave, exec or the death of the last thread or vfork
 * child in it; a zombie not yet reaped is dead, a process stopped for years is
 * alive. The exit of the thread that joined is *not* its end: leave first. The
 * end is that of the address space, which a core dump being written, or somebody
 * who reads /proc/PID (as ps does), keeps for as long as it takes: so a killed
 * member may count as alive for a moment after it was waited for.
 *
 * Shape: one record of 128 bytes per id, from SLIP_REGION_PEERS_AT_:
 *
 *	0	word: gen << 32 | state, 0 free, 1 live	joiner, recoverer
 *	8..63	pid, tid, namespace, times, name: for display	joiner
 *	64..79	what it waits for (deadlock.h)		member
 *	80..127	zero, kept for what the member holds
 *
 * The oracle. For its member (id, gen) the joiner takes a write lock on byte
 *	2^62 + gen * 4096 + id
 * of the region's file through a description of its own, maps a page of that
 * description, never inherited by fork, and closes the descriptor: the lock
 * then exists exactly as long as the address space. "Is (id, gen) alive" is one
 * F_OFD_GETLK on that byte. It believes nothing in shared memory, is right
 * across PID namespaces, users and containers, and once it says dead it does
 * so for ever, since nobody locks the byte of a past member again (below),
 * unless a vandal makes him (see Damage).
 *
 * Protocol. Word of the record W, per-member recovery byte R(id, gen):
 *
 *	join	W == {g, free}? write-lock R(id, g), W still the same?
 *		write-lock member byte (id, g+1), pin it; W -> {g+1, live};
 *		unlock R
 *	recover	W == {g, live} and (id, g) dead? read-lock R(id, g), still the
 *		same and dead? run the hooks; W -> {g, free}; unlock R
 *	leave	as recover, for oneself, though alive; then unpin
 *
 * No lock is waited for: whoever does not get one goes on to the next id.
 *
 * - A live W always has its lock: it was taken before W and by nobody else.
 * - Only a holder of write R(id, g) leaves {g, free}, and it does so holding
 *   the only claim to (id, g+1). So while it holds R and sees {g, free}, that
 *   member has never been, and locking its byte cannot revive one. A joiner
 *   that was stopped before locking R and wakes ages later finds W changed.
 * - Any number of recoverers run the hooks at once, which are idempotent. One
 *   that is killed loses its read lock; what it did not do, the next repeats,
 *   as W is still live.
 * - One that is *stopped* in a hook keeps its read lock on R(id, g). Another
 *   may finish and free the record, but none joins under that id until the
 *   sleeper has woken and let go: its late stores can only meet words that
 *   name a dead id. It costs one id, and delays nobody.
 * - A joiner killed anywhere leaves W free, or live with the lock dropped:
 *   dead, as it should be. One stopped anywhere holds up one id, which is its
 *   own, and the recovery of nobody, as the R it holds is not that of a dead
 *   member: {g, free} means (id, g) was recovered.
 * - leave frees W before it drops the lock, so no one ever sees a member that
 *   leaves in order as dead. Kept for last, the lock harms no successor: his
 *   byte is another one.
 *
 * Concurrency. On one `self`:
 *
 *				prepare enter join	recover	alive
 *				hook leave			member_alive
 *								describe
 *	prepare enter join	X			X	-
 *	hook leave
 *	recover			X			X	-
 *
 * X: the caller excludes it; -: any threads at once. Different `self`, also in
 * one process, need nothing. alive, member_alive and describe are
 * async-signal-safe; a GETLK takes 0.3 us and 13 ns more for each lock held on
 * the file, and alive of a free id does not enter the kernel. Nothing blocks.
 * Leave before the region is closed: afterwards the lock only goes with the
 * process.
 *
 * fork: the child's copy of `self` is stale: -ECHILD, leave does nothing; the
 * child's survival does not prolong the parent's life (but see "Fork race" in
 * futex/file.h). A child adopts the region and joins anew.
 *
 * Without a file (SLIP_REGION_PRIVATE, slip_region_format() with fd -1) there
 * is no oracle: alive means joined and not left, and nobody is recovered, so an
 * id stays taken for ever if its member goes without leave, or if a hook fails
 * in leave.
 *
 * Damage. A record is believed for nothing but which member to ask about. A
 * peer with write access can spoil records and so fill the table, hide a member
 * from slip_peer_alive(), or set a word back to {g - 1, free}, after which an
 * orderly joiner takes the byte of the past member (id, g) once more. It can
 * also lock bytes itself; for that the right to read is enough, with which
 * anybody can keep others from joining (hence mode 0600 or 0660). All this can
 * make the dead look alive to slip_peer_member_alive(), never the reverse.
 *
 * Errors: -ECHILD inherited by fork; -EINVAL id or handle; -EROFS read-only
 * region; -EUSERS every id is taken, or being handed over; -EBADMSG the record
 * is spoilt; -EBADF the program closed the region's descriptor (treat as:
 * unknown, so alive); -EACCES join, recover: no right to the file any more, as
 * after setuid(); -EOPNOTSUPP no /proc; -ENOLCK, -EMFILE, -ENOMEM and such from
 * the kernel.
 */
#ifndef SLIP_FUTEX_PEER_H
#define SLIP_FUTEX_PEER_H

#include "region.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_PEER_HOOKS_MAX 16
#define SLIP_PEER_FREE_	    0u
#define SLIP_PEER_LIVE_	    1u

/* All words, as others may look while a joiner writes. */
struct slip_peer_record {
	slip_a64 word; /* gen << 32 | state */
	slip_a32 pid;  /* in pid_namespace, as tid */
	slip_a32 tid;
	slip_a64 pid_namespace; /* inode of the namespace */
	slip_a64 start;		/* of the process, clock ticks since boot */
	slip_a64 joined_ns;	/* CLOCK_MONOTONIC */
	slip_a64 comm[2];	/* the thread's name, NUL-padded */
	slip_a64 reserved;
	slip_a64 holds[8]; /* a line of its own; 0, 1: deadlock.h */
};
SLIP_STATIC_ASSERT(sizeof(struct slip_peer_record) == 128, "format");
SLIP_STATIC_ASSERT(offsetof(struct slip_peer_record, pid) == 8, "format");
SLIP_STATIC_ASSERT(offsetof(struct slip_peer_record, tid) == 12, "format");
SLIP_STATIC_ASSERT(offsetof(struct slip_peer_record, pid_namespace) == 16,
		   "format");
SLIP_STATIC_ASSERT(offsetof(struct slip_peer_record, start) == 24, "format");
SLIP_STATIC_ASSERT(offsetof(struct slip_peer_record, joined_ns) == 32,
		   "format");
SLIP_STATIC_ASSERT(offsetof(struct slip_peer_record, comm) == 40, "format");
SLIP_STATIC_ASSERT(offsetof(struct slip_peer_record, holds) == 64, "format");

struct slip_peer;

/*
 * Cleans one object, `bytes` at `mem`, of every word that names `dead_id`.
 * Runs while others use the object and while others run it for the same
 * member: idempotent, each word changed by a CAS from what it was seen to be.
 * Returns 0, or -errno if words that name the id may remain: the id is then
 * kept from being reused. `self` is the one that recovers.
 */
typedef int (*slip_peer_recover_fn)(struct slip_peer *self, void *mem,
				    size_t bytes, uint32_t dead_id,
				    uint32_t dead_gen);

/* The private handle; `rg` must outlive it and not move. */
struct slip_peer {
	struct slip_region *rg;
	uint32_t id;  /* 1..4095; 0: not a member */
	uint32_t gen; /* never 0 for a member */
	void *pin;    /* the mapping that holds the lock */
	uint32_t hooks;
	uint32_t kinds[SLIP_PEER_HOOKS_MAX];
	slip_peer_recover_fn fns[SLIP_PEER_HOOKS_MAX];
};

/* --- private: words and bytes ---------------------------------------------- */

SLIP_INLINE uint64_t slip_peer_word_(uint32_t gen, uint32_t state)
{
	return SLIP_CAST(uint64_t, gen) << 32 | state;
}

SLIP_INLINE uint32_t slip_peer_gen_(uint64_t word)
{
	return SLIP_CAST(uint32_t, word >> 32);
}

SLIP_INLINE uint32_t slip_peer_state_(uint64_t word)
{
	return SLIP_CAST(uint32_t, word);
}

SLIP_INLINE uint64_t slip_peer_byte_(uint64_t base, uint32_t id, uint32_t gen)
{
	return base + (SLIP_CAST(uint64_t, gen) << 12) + id;
}

SLIP_INLINE struct slip_peer_record *
slip_peer_record_(const struct slip_region *rg, uint32_t id)
{
	void *at = rg->mem + SLIP_REGION_PEERS_AT_ +
		   (id - 1) * sizeof(struct slip_peer_record);

	return SLIP_CAST(struct slip_peer_record *, at);
}

/* The number of a member after `gen`; 0 stands for "never". */
SLIP_INLINE uint32_t slip_peer_next_gen_(uint32_t gen)
{
	return gen + 1 ? gen + 1 : 1;
}

SLIP_INLINE bool slip_peer_oracle_(const struct slip_region *rg)
{
	return rg->file.fd >= 0;
}

/* --- asking ---------------------------------------------------------------- */

/*
 * Is the member (id, gen) alive? 1: it was when the kernel answered. 0: it is
 * dead, or has left, or never was, for ever (but see Damage). Needs no trust in
 * the region's bytes. Everything the dead member ever stored is visible to
 * whoever gets 0. -EINVAL (id beyond the region's), -ECHILD, -EBADF.
 */
SLIP_COLD SLIP_MUST_CHECK int
slip_peer_member_alive(const struct slip_region *rg, uint32_t id, uint32_t gen)
{
	int r = slip_region_check_(rg);

	if (r)
		return r;
	if (id < 1 || id > rg->peers_max)
		return -EINVAL;
	if (!gen)
		return 0;
	if (slip_peer_oracle_(rg))
		return slip_file_held_(
			&rg->file, slip_peer_byte_(SLIP_BYTE_BASE_, id, gen));
	/* PEER-A1 acquire: what a member that left has stored is visible.
	 * Pairs: slip_peer_free_() (PEER-R1). Else: its last words are missed
	 * by the one that cleans up. */
	return slip_a64_load_acquire(&slip_peer_record_(rg, id)->word) ==
	       slip_peer_word_(gen, SLIP_PEER_LIVE_);
}

/*
 * Is the present member with this id alive? 1 yes; 0 dead, or nobody. The
 * generation comes from the record, so prefer member_alive where it is known.
 * -EBADMSG: the record is spoilt.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_alive(const struct slip_region *rg,
					      uint32_t id)
{
	int r = slip_region_check_(rg);
	uint64_t word;

	if (r)
		return r;
	if (id < 1 || id > rg->peers_max)
		return -EINVAL;
	/* PEER-A2 acquire: who is live took its lock before we ask for it.
	 * Pairs: slip_peer_claim_() (PEER-R2). Else: one just born is taken for
	 * dead. */
	word = slip_a64_load_acquire(&slip_peer_record_(rg, id)->word);
	if (slip_peer_state_(word) == SLIP_PEER_FREE_)
		return 0;
	if (slip_peer_state_(word) != SLIP_PEER_LIVE_)
		return -EBADMSG;
	return slip_peer_member_alive(rg, id, slip_peer_gen_(word));
}

/* A member as part of a word that says whose something is: bits 4..15 the id,
 * 16..47 the generation. */
SLIP_INLINE uint64_t slip_peer_tag_(uint32_t id, uint32_t gen)
{
	return SLIP_CAST(uint64_t, id) << 4 | SLIP_CAST(uint64_t, gen) << 16;
}

/* Is the member in `word` dead? Unknown, or named by nobody, counts as alive. */
SLIP_INLINE bool slip_peer_tag_dead_(uint64_t word,
				     const struct slip_peer *asker)
{
	uint32_t id = SLIP_CAST(uint32_t, word >> 4) & 0xfff;
	uint32_t gen = SLIP_CAST(uint32_t, word >> 16);

	if (!id || !asker)
		return false;
	return slip_peer_member_alive(asker->rg, id, gen) == 0;
}

/*
 * A word that holds self->gen for as long as `self` is that member, and in no
 * fork child: a handle that keeps both sees by one load that it may be used, as
 * long as the region is not closed. NULL: nobody's; 0, for ever.
 */
SLIP_INLINE const uint32_t *slip_peer_stand_(const struct slip_peer *self)
{
	static const uint32_t nobody = 0;

	return self ? &self->rg->life[self->id] : &nobody;
}

/*
 * The same in full: may a handle be used that was made for the member in `tag`,
 * which joined by `rg`? 0; -EINVAL: it has left, whoever has its id, or its
 * struct, by now; or the region is closed; -ECHILD: in a fork child. `rg` NULL:
 * nobody's; 0.
 */
SLIP_CORE SLIP_MUST_CHECK int slip_peer_check_(const struct slip_region *rg,
					       uint64_t tag)
{
	uint32_t id = SLIP_CAST(uint32_t, tag >> 4) & 0xfff;
	int rc;

	if (!rg)
		return 0;
	rc = slip_region_check_(rg);
	if (rc == 0 && rg->life[id] != SLIP_CAST(uint32_t, tag >> 16))
		rc = -EINVAL;
	return rc;
}

/* What slip_peer_describe() tells, for display only. */
struct slip_peer_info {
	uint32_t id, gen;
	int alive;   /* 1, 0 or -errno, as slip_peer_alive() */
	bool joined; /* joined, and neither left nor recovered */
	uint32_t pid, tid;
	uint64_t pid_namespace, start, joined_ns;
	char comm[17];
};

/* Reads a record. The fields may be of two members if one joins meanwhile. */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_describe(const struct slip_region *rg,
						 uint32_t id,
						 struct slip_peer_info *out)
{
	struct slip_peer_record *rec;
	uint64_t word;
	uint64_t comm[2];
	int alive = slip_peer_alive(rg, id);

	memset(out, 0, sizeof(*out));
	if (alive == -ECHILD || alive == -EINVAL)
		return alive;
	rec = slip_peer_record_(rg, id);
	/* stat: all of them */
	word = slip_a64_load_relaxed(&rec->word);
	out->id = id;
	out->alive = alive;
	out->gen = slip_peer_gen_(word);
	out->joined = slip_peer_state_(word) == SLIP_PEER_LIVE_;
	out->pid = slip_a32_load_relaxed(&rec->pid);
	out->tid = slip_a32_load_relaxed(&rec->tid);
	out->pid_namespace = slip_a64_load_relaxed(&rec->pid_namespace);
	out->start = slip_a64_load_relaxed(&rec->start);
	out->joined_ns = slip_a64_load_relaxed(&rec->joined_ns);
	comm[0] = slip_a64_load_relaxed(&rec->comm[0]);
	comm[1] = slip_a64_load_relaxed(&rec->comm[1]);
	memcpy(out->comm, comm, sizeof(comm));
	return 0;
}

/* --- recovering ------------------------------------------------------------ */

/*
 * A handle that is no member: it may hook and recover, and then enter. Only
 * needed where the table may be full of dead peers whose kinds have hooks.
 */
SLIP_INLINE void slip_peer_prepare(struct slip_peer *self,
				   struct slip_region *rg)
{
	memset(self, 0, sizeof(*self));
	self->rg = rg;
}

/*
 * Says how to clean objects of `kind` of a dead peer's words. Rings do this in
 * their attach functions. The same kind again replaces the function.
 * -ENOSPC beyond 16 kinds, -ECHILD, -EINVAL without a handle.
 */
SLIP_COLD SLIP_MUST_CHECK int
slip_peer_hook(struct slip_peer *self, uint32_t kind, slip_peer_recover_fn fn)
{
	uint32_t i = 0;
	int r = self ? slip_region_check_(self->rg) : -EINVAL;

	if (r)
		return r;
	while (i < self->hooks && self->kinds[i] != kind)
		i++;
	if (i == SLIP_PEER_HOOKS_MAX)
		return -ENOSPC;
	self->kinds[i] = kind;
	self->fns[i] = fn;
	if (i == self->hooks)
		self->hooks++;
	return 0;
}

SLIP_INLINE slip_peer_recover_fn
slip_peer_hook_of_(const struct slip_peer *self, uint32_t kind)
{
	for (uint32_t i = 0; i < self->hooks; i++)
		if (self->kinds[i] == kind)
			return self->fns[i];
	return NULL;
}

/*
 * Cleans every object of a member's words. 0: no word names it any more.
 * -ENOTSUP: an object that names peers is of a kind we have no hook for. For
 * oneself that is none: who never attached to a kind has no words in it.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_clean_(struct slip_peer *self,
					       uint32_t id, uint32_t gen)
{
	bool other = id != self->id || gen != self->gen;
	struct slip_region_object o;
	slip_peer_recover_fn fn;
	int first = 0;
	int r;

	for (uint32_t i = 0; i < self->rg->objects; i++) {
		if (slip_region_item(self->rg, i, &o))
			continue;
		fn = slip_peer_hook_of_(self, o.kind);
		if (fn)
			r = fn(self, o.mem, o.bytes, id, gen);
		else
			r = other && (o.kind & SLIP_KIND_NAMES_PEERS) ? -ENOTSUP
								      : 0;
		if (r && !first)
			first = r;
	}
	return first;
}

/* {gen, live} -> {gen, free}; 1 if it was us who did it. */
SLIP_INLINE int slip_peer_free_(const struct slip_region *rg, uint32_t id,
				uint32_t gen)
{
	uint64_t live = slip_peer_word_(gen, SLIP_PEER_LIVE_);

	/* PEER-R1 release: the objects are clean of this id before anybody can
	 * join under it. Pairs: slip_peer_claim_(), slip_peer_member_alive()
	 * (PEER-A1). Else: the next member of that id is taken for the owner
	 * of a dead one's claims. */
	return slip_a64_cas_release(&slip_peer_record_(rg, id)->word, &live,
				    slip_peer_word_(gen, SLIP_PEER_FREE_));
}

/* Still the record of this member, and the member dead? 1 or 0 or -errno. */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_dead_(const struct slip_region *rg,
					      uint32_t id, uint32_t gen)
{
	int alive;

	/* PEER-A2 acquire: who is live took its lock before we ask for it.
	 * Pairs: slip_peer_claim_() (PEER-R2). Else: one just born is cleaned
	 * away. */
	if (slip_a64_load_acquire(&slip_peer_record_(rg, id)->word) !=
	    slip_peer_word_(gen, SLIP_PEER_LIVE_))
		return 0;
	alive = slip_peer_member_alive(rg, id, gen);
	return alive < 0 ? alive : !alive;
}

/* Recovers one dead member under its shared lock. 1 done, 0 not ours, -errno */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_recover_one_(struct slip_peer *self,
						     int fd, uint32_t id,
						     uint32_t gen)
{
	uint64_t byte = slip_peer_byte_(SLIP_BYTE_RECOVERY_, id, gen);
	int r = slip_file_lock_(fd, SLIP_LOCK_READ_, byte, 1);

	/* A joiner holds it: then somebody has recovered this one already. */
	if (r)
		return r == -EAGAIN ? 0 : r;
	r = slip_peer_dead_(self->rg, id, gen);
	if (r == 1) {
		r = slip_peer_clean_(self, id, gen);
		if (!r)
			r = slip_peer_free_(self->rg, id, gen);
	}
	/* Said aloud, as a fork may have copied the descriptor. */
	slip_file_unlock_(fd, byte);
	return r;
}

SLIP_COLD SLIP_MUST_CHECK int slip_peer_ready_(const struct slip_peer *self)
{
	int r = slip_region_check_(self->rg);

	if (r)
		return r;
	return self->rg->flags & SLIP_REGION_READONLY ? -EROFS : 0;
}

/*
 * Cleans up after every dead member: runs the hook of each object's kind, then
 * frees the id. How many ids this call freed. A member stays (its id is not
 * reused) while a hook fails, or is missing for an object whose kind has
 * SLIP_KIND_NAMES_PEERS: another process that knows the kind will do it.
 * If none was freed, the first failure: -ENOTSUP for a missing hook, a hook's
 * own error, or -ECHILD, -EROFS, -EBADF, -EOPNOTSUPP.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_recover(struct slip_peer *self)
{
	const struct slip_region *rg = self->rg;
	int r = slip_peer_ready_(self);
	int first = 0;
	int done = 0;
	int fd = -1;

	if (r || !slip_peer_oracle_(rg))
		return r;
	for (uint32_t id = 1; id <= rg->peers_max; id++) {
		/* hint: looked at again under the lock, PEER-A2 */
		uint64_t word =
			slip_a64_load_relaxed(&slip_peer_record_(rg, id)->word);

		if (slip_peer_state_(word) != SLIP_PEER_LIVE_)
			continue;
		r = slip_peer_dead_(rg, id, slip_peer_gen_(word));
		if (r == 1 && fd < 0)
			fd = slip_file_reopen_(&rg->file, SLIP_O_RDWR_);
		if (r == 1)
			r = fd < 0 ? fd
				   : slip_peer_recover_one_(
					     self, fd, id,
					     slip_peer_gen_(word));
		if (r > 0)
			done++;
		else if (r && !first)
			first = r;
	}
	slip_file_close_fd_(&fd);
	return done ? done : first;
}

/* --- joining --------------------------------------------------------------- */

/* Locks the member's byte in a mapping that lives as long as we do. */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_pin_(const struct slip_region *rg,
					     uint32_t id, uint32_t gen,
					     void **pin)
{
	struct slip_file_span_ m;
	char *mem = NULL;
	int fd = slip_file_reopen_(&rg->file, SLIP_O_RDWR_);
	int r = fd;

	if (fd < 0)
		return r;
	r = slip_file_lock_(fd, SLIP_LOCK_WRITE_,
			    slip_peer_byte_(SLIP_BYTE_BASE_, id, gen), 1);
	memset(&m, 0, sizeof(m));
	m.fd = fd;
	m.prot = PROT_NONE;
	m.flags = MAP_SHARED | SLIP_MAP_NORESERVE_;
	m.bytes = rg->pin_bytes;
	m.align = m.bytes;
	m.copies = 1;
	if (!r)
		r = slip_file_map_(&m, &mem);
	/* Locked and mapped under a number that another thread has meanwhile
	 * given to a file of its own? Then it is not ours to close either. */
	if (!r) {
		r = slip_file_same_(&rg->file, fd);
		if (r == -EBADF)
			fd = -1;
		if (r)
			(void)slip_sys_munmap_(mem, m.bytes);
	}
	slip_file_close_fd_(&fd);
	*pin = r ? NULL : mem;
	return r;
}

/* Who we are, for those who look. */
SLIP_COLD void slip_peer_sign_(struct slip_peer_record *rec)
{
	uint64_t comm[2] = { 0, 0 };

	/* 16 is PR_GET_NAME */
	(void)slip_file_call_(SYS_prctl, 16, slip_file_arg_(comm), 0, 0);
	/* stat: all of them, for display */
	slip_a32_store_relaxed(&rec->pid, slip_region_id_(SYS_getpid));
	slip_a32_store_relaxed(&rec->tid, slip_sys_tid_());
	slip_a64_store_relaxed(&rec->pid_namespace,
			       slip_region_pid_namespace_());
	slip_a64_store_relaxed(&rec->start, slip_region_start_ticks_());
	slip_a64_store_relaxed(&rec->joined_ns, slip_now_ns());
	slip_a64_store_relaxed(&rec->comm[0], comm[0]);
	slip_a64_store_relaxed(&rec->comm[1], comm[1]);
}

/* {gen, free} -> {next, live}: the one step that makes a member. */
SLIP_INLINE bool slip_peer_claim_(const struct slip_region *rg, uint32_t id,
				  uint32_t gen)
{
	uint64_t freed = slip_peer_word_(gen, SLIP_PEER_FREE_);

	/* PEER-A1 acquire: the objects are clean of this id. Pairs:
	 * slip_peer_free_() (PEER-R1). Else: a claim of our dead predecessor
	 * is taken for ours.
	 * PEER-R2 release: our lock is held before anybody sees us live. Pairs:
	 * slip_peer_alive(), slip_peer_dead_() (PEER-A2). Else: we are taken
	 * for dead while we join. */
	return slip_a64_cas_acqrel(
		&slip_peer_record_(rg, id)->word, &freed,
		slip_peer_word_(slip_peer_next_gen_(gen), SLIP_PEER_LIVE_));
}

/* Without a file the word alone decides, and the display comes after it. */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_take_bare_(struct slip_peer *self,
						   uint32_t id, uint32_t gen)
{
	if (!slip_peer_claim_(self->rg, id, gen))
		return -EAGAIN;
	slip_peer_sign_(slip_peer_record_(self->rg, id));
	return 0;
}

/* Takes over a free id, holding its R. -EAGAIN: somebody else was quicker. */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_take_locked_(struct slip_peer *self,
						     uint32_t id, uint32_t gen)
{
	struct slip_peer_record *rec = slip_peer_record_(self->rg, id);
	int r;

	/* hint: decided by the CAS, PEER-A1. But from here on, under R, only a
	 * vandal changes it, and so nobody can have had the next gen before. */
	if (slip_a64_load_relaxed(&rec->word) !=
	    slip_peer_word_(gen, SLIP_PEER_FREE_))
		return -EAGAIN;
	r = slip_peer_pin_(self->rg, id, slip_peer_next_gen_(gen), &self->pin);
	if (r)
		return r;
	slip_peer_sign_(rec);
	if (slip_peer_claim_(self->rg, id, gen))
		return 0;
	(void)slip_sys_munmap_(self->pin, self->rg->pin_bytes);
	self->pin = NULL;
	return -EAGAIN;
}

/* Tries one id. 0 joined, -EAGAIN not this one. `fd`: for R alone. */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_try_(struct slip_peer *self, int fd,
					     uint32_t id)
{
	/* hint: looked at again in slip_peer_take_...() */
	uint64_t word =
		slip_a64_load_relaxed(&slip_peer_record_(self->rg, id)->word);
	uint32_t gen = slip_peer_gen_(word);
	uint64_t byte = slip_peer_byte_(SLIP_BYTE_RECOVERY_, id, gen);
	int r;

	if (slip_peer_state_(word) != SLIP_PEER_FREE_)
		return -EAGAIN;
	if (slip_peer_oracle_(self->rg)) {
		r = slip_file_lock_(fd, SLIP_LOCK_WRITE_, byte, 1);
		if (r)
			return r;
		r = slip_peer_take_locked_(self, id, gen);
		slip_file_unlock_(fd, byte);
	} else {
		r = slip_peer_take_bare_(self, id, gen);
	}
	if (r)
		return r;
	self->id = id;
	self->gen = slip_peer_next_gen_(gen);
	self->rg->life[id] = self->gen;
	return 0;
}

/* The first id that can be had, or -EUSERS. */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_scan_(struct slip_peer *self)
{
	const struct slip_region *rg = self->rg;
	int r = -EAGAIN;
	int fd = -1;

	if (slip_peer_oracle_(rg)) {
		fd = slip_file_reopen_(&rg->file, SLIP_O_RDWR_);
		if (fd < 0)
			return fd;
	}
	for (uint32_t id = 1; id <= rg->peers_max && r == -EAGAIN; id++)
		r = slip_peer_try_(self, fd, id);
	slip_file_close_fd_(&fd);
	return r == -EAGAIN ? -EUSERS : r;
}

/*
 * Joins with a prepared handle. Where no id is free the dead are recovered,
 * as far as the hooks registered so far allow. -EUSERS (every id is taken, or
 * was being handed over when we looked, twice), -EROFS, -ECHILD, -EINVAL (a
 * member already), -EBADF, -EACCES, -EOPNOTSUPP. The creator may join before it
 * publishes.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_enter(struct slip_peer *self)
{
	int r = slip_peer_ready_(self);
	int freed;

	if (r)
		return r;
	if (self->id)
		return -EINVAL;
	r = slip_peer_scan_(self);
	if (r != -EUSERS)
		return r;
	/* Even if we freed none: what others have recovered is free too. */
	freed = slip_peer_recover(self);
	(void)freed;
	return slip_peer_scan_(self);
}

/* Makes `self` a member of the region. As prepare, then enter. */
SLIP_COLD SLIP_MUST_CHECK int slip_peer_join(struct slip_peer *self,
					     struct slip_region *rg)
{
	slip_peer_prepare(self, rg);
	return slip_peer_enter(self);
}

/* --- leaving --------------------------------------------------------------- */

/* Cleans our own words and frees the record; what fails is left to others. */
SLIP_COLD void slip_peer_free_self_(struct slip_peer *self)
{
	uint64_t byte =
		slip_peer_byte_(SLIP_BYTE_RECOVERY_, self->id, self->gen);
	int fd = -1;
	int r = 0;

	if (slip_peer_oracle_(self->rg)) {
		fd = slip_file_reopen_(&self->rg->file, SLIP_O_RDWR_);
		r = fd < 0 ? fd : slip_file_lock_(fd, SLIP_LOCK_READ_, byte, 1);
	}
	if (!r)
		r = slip_peer_clean_(self, self->id, self->gen);
	if (!r)
		(void)slip_peer_free_(self->rg, self->id, self->gen);
	if (fd >= 0)
		slip_file_unlock_(fd, byte);
	slip_file_close_fd_(&fd);
}

/*
 * Leaves the region: hooks clean up whatever this member still holds, its id
 * becomes free, its lock goes. Detach rings first; nothing may use `self` now.
 * If a hook fails, or the kernel refuses a descriptor, the member is simply
 * dead from here on, for others to recover. Without an oracle there are no
 * others who could: if a hook fails there, the id is lost. Nothing happens in a
 * fork child, for a handle that is no member, or a second time.
 */
SLIP_COLD void slip_peer_leave(struct slip_peer *self)
{
	if (!self->rg || !self->id || slip_region_check_(self->rg))
		return;
	self->rg->life[self->id] = 0; /* before another thread gets the id */
	slip_peer_free_self_(self);
	if (self->pin)
		(void)slip_sys_munmap_(self->pin, self->rg->pin_bytes);
	self->pin = NULL;
	self->id = 0;
	self->gen = 0;
}

#ifdef __cplusplus
}
#endif

#endif
