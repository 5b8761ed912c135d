/* SPDX-License-Identifier: MIT */
/*
 * The consumers of lanes: from lane to lane, and from hand to hand. Private; see
 * lanes_pvt.h.
 *
 * The one consumer of a ring made for one keeps every head to itself. Of several,
 * each takes a lane's consumer role, by one CAS, before it looks there in full,
 * and drops it, by another, when it has done with what it took. What it leaves
 * there it owes to others: a sleeper has been told of it once, and found the
 * lane taken. So who drops a lane looks for sleepers, as who publishes does:
 *
 *	holder			sleeper
 *	------			-------
 *	drop the role		say that it sleeps (W)
 *	look at W		look at the role
 *
 * One of the two sees the other, by what makes it so in futex/event.h.
 */
#ifndef SLIP_RING_LANES_TURN_H
#define SLIP_RING_LANES_TURN_H

#include "../atomics/fence.h"
#include "lanes_pvt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- the consumer's way round ---------------------------------------------- */

SLIP_CORE bool slip_lanes_many_(const struct slip_lanes_consumer *c)
{
	return c->shape.consumers > 1;
}

/* Is a record found, and not yet given back? */
SLIP_CORE bool slip_lanes_in_hand_(const struct slip_lanes_consumer *c)
{
	return c->rec.end != c->rec.at;
}

/* Is anything said to be in a lane from `head` on? */
SLIP_CORE bool slip_lanes_beyond_(uint64_t tail, uint64_t head)
{
	/* A head that is ahead has gone by what was not said yet. */
	return SLIP_CAST(int64_t, tail - head) > 0;
}

/* Is anything said to be in a lane that others consume from too? A no may be
 * about a head or a tail that has moved: who moved it tells. */
SLIP_CORE bool slip_lanes_some_(struct slip_record_ring *lane)
{
	/* hint: who takes the lane reads it again */
	uint64_t tail = slip_a64_load_relaxed(slip_lanes_tail_(lane));
	/* RECORD-A3 other consumer: who had come before that was taken has been
	 * counted, for slip_lanes_no_producer_. Pairs: slip_record_release_to_.
	 * Else: it misses who came to a lane that it had seen empty, and reports
	 * the end. */
	uint64_t head = slip_a64_load_acquire(&lane->ends.head);

	return slip_lanes_beyond_(tail, head);
}

/* Is the lane in another's hands? Who has passed over so many that it may never
 * come to sleep asks whether that is dead. */
SLIP_INLINE bool slip_lanes_held_(struct slip_lanes_consumer *c,
				  struct slip_record_ring *at)
{
	slip_a64 *role = &at->ends.consumer_role;

	/* LANES-H1 sleeper: has said that it sleeps before it finds the lane in
	 * another's hands. Pairs: slip_lanes_pass_on_. Else: who drops it tells
	 * nobody of what is left. */
	if ((slip_a64_load_relaxed(role) & 15) != SLIP_ROLE_HELD)
		return false;
	if (++c->passed % SLIP_LANES_PATIENCE_)
		return true;
	return slip_role_state_(role, c->rec.side.self) == SLIP_ROLE_HELD;
}

/* Is it any use to look into lane `i`? */
SLIP_CORE bool slip_lanes_hint_(struct slip_lanes_consumer *c, uint32_t i)
{
	struct slip_record_ring *at = slip_lanes_lane_(c->ring, &c->shape, i);
	struct slip_record_shape lane = c->shape.lane;

	if (SLIP_UNLIKELY(c->bad >> i & 1))
		return false;
	if (slip_lanes_many_(c))
		return slip_lanes_some_(at) && !slip_lanes_held_(c, at);
	slip_lanes_data_(&lane, at);
	/* hint: looked at again, in full */
	return slip_a64_load_relaxed(slip_record_word_(&lane, c->heads[i])) !=
	       0;
}

/* Take the consumer's role of a lane, if nobody has it; the oracle is not
 * asked. */
SLIP_INLINE bool slip_lanes_take_(struct slip_lanes_consumer *c,
				  struct slip_record_ring *lane)
{
	slip_a64 *role = &lane->ends.consumer_role;
	/* hint: the swap is by what was seen */
	uint64_t seen = slip_a64_load_relaxed(role);

	/* ROLE-A1, ROLE-A2 successor: sees all that the last holder did. Pairs:
	 * slip_role_drop_ (R1), slip_role_bury_ (R2). Else: it goes on from a
	 * stale position. */
	return (seen & 15) != SLIP_ROLE_HELD &&
	       slip_a64_cas_acquire(role, &seen,
				    slip_role_word_(c->rec.side.self));
}

/* Somebody sleeps: tell, if the lane has more; or, if we `took` something, an end
 * of file to come. */
SLIP_COLD void slip_lanes_pass_on_(struct slip_lanes_consumer *c,
				   struct slip_record_ring *lane, bool took)
{
	struct slip_event *ev = &c->ring->ev_data;

	/* LANES-H1 holder: has dropped the lane and seen the sleeper; what was
	 * published before the sleeper had said that it sleeps is seen below.
	 * Pairs: slip_lanes_held_. Else: neither its producer nor we tell of
	 * it. */
	slip_fence_full();
	if (slip_lanes_some_(lane) ||
	    (took && slip_role_gone_(&lane->ends.producer_role)))
		slip_event_wake_all(ev);
}

/* Give the lane to whoever wants it, with what is left there. */
SLIP_INLINE void slip_lanes_drop_(struct slip_lanes_consumer *c, bool took)
{
	struct slip_record_ring *lane = c->rec.ring;
	struct slip_event *ev = &c->ring->ev_data;

	(void)slip_role_drop_(&lane->ends.consumer_role, c->rec.side.self);
	/* As who publishes does: the lane is free before it looks for
	 * sleepers. */
	if (SLIP_UNLIKELY(slip_event_look_(ev, c->rec.side.mode) &
			  SLIP_EVENT_ANY_) &&
	    slip_event_eager_(ev))
		slip_lanes_pass_on_(c, lane, took);
}

/* Turn to lane `i`, of which we are the consumer. */
SLIP_CORE void slip_lanes_turn_(struct slip_lanes_consumer *c, uint32_t i)
{
	struct slip_record_ring *lane = slip_lanes_lane_(c->ring, &c->shape, i);
	uint64_t head = c->heads[i];

	if (slip_lanes_many_(c))
		/* own: follows a consumer that let go, or is gone; the order
		 * comes with its role (ROLE-A1) */
		head = slip_a64_load_relaxed(&lane->ends.head);
	slip_lanes_data_(&c->rec.shape, lane);
	c->rec.ring = lane;
	c->rec.side.tell = &lane->ends.ev_space;
	c->rec.head = head;
	c->rec.at = head;
	c->rec.end = head;
	c->at = i;
}

/* Have done with looking: what was found, if anything, is not in hand. A lane
 * that made no sense is not looked at again. */
SLIP_INLINE void slip_lanes_unsee_(struct slip_lanes_consumer *c)
{
	if (SLIP_UNLIKELY(c->rec.error))
		c->bad |= UINT64_C(1) << c->at;
	c->rec.error = 0;
	c->rec.end = c->rec.at;
}

/* Is a record in the lane we have turned to? With its stamp, if there are any. */
SLIP_CORE bool slip_lanes_read_(struct slip_lanes_consumer *c)
{
	if (!slip_record_sane_(&c->rec.shape, c->rec.head, c->rec.head))
		c->rec.error = -EBADMSG;
	if (!slip_record_look_(&c->rec))
		return false;
	if (!c->shape.extra)
		return true;
	if (SLIP_UNLIKELY(c->rec.len < SLIP_LANES_STAMP_)) {
		c->rec.error = -EBADMSG;
		return false;
	}
	slip_copy(&c->stamp, c->rec.body, SLIP_LANES_STAMP_);
	return true;
}

/* Look into a lane that we have taken, and drop it if there is nothing. */
SLIP_INLINE bool slip_lanes_look_(struct slip_lanes_consumer *c, uint32_t i)
{
	struct slip_record_ring *lane = slip_lanes_lane_(c->ring, &c->shape, i);
	/* LANES-A3 consumer: what is said to be there is there. Pairs:
	 * slip_lanes_say_. Else: as R3. */
	uint64_t tail = slip_a64_load_acquire(slip_lanes_tail_(lane));

	slip_lanes_turn_(c, i);
	if (SLIP_LIKELY(slip_lanes_read_(c)))
		return true;
	if (slip_lanes_beyond_(tail, c->rec.head))
		c->rec.error = -EBADMSG;
	slip_lanes_unsee_(c);
	slip_lanes_drop_(c, false);
	return false;
}

/* Look into lane `i`; in a ring of several consumers, take it. */
SLIP_CORE bool slip_lanes_try_(struct slip_lanes_consumer *c, uint32_t i)
{
	if (!slip_lanes_hint_(c, i))
		return false;
	if (slip_lanes_many_(c))
		return slip_lanes_take_(
			       c, slip_lanes_lane_(c->ring, &c->shape, i)) &&
		       slip_lanes_look_(c, i);
	slip_lanes_turn_(c, i);
	if (SLIP_LIKELY(slip_lanes_read_(c)))
		return true;
	slip_lanes_unsee_(c);
	return false;
}

/* The next record in turn: of the same lane, for a quantum; then of the others,
 * one after the other. */
SLIP_CORE bool slip_lanes_next_(struct slip_lanes_consumer *c)
{
	uint32_t high = slip_lanes_high_(c->ring, &c->shape);
	uint32_t i = c->at + (c->left == 0);

	for (uint32_t n = 0; n < high; n++, i++) {
		if (i >= high)
			i = 0;
		if (!slip_lanes_try_(c, i))
			continue;
		c->left = n || !c->left ? SLIP_LANES_QUANTUM_ : c->left;
		c->left--;
		return true;
	}
	return false;
}

/* The first record of the lanes, by its stamp. */
struct slip_lanes_pick {
	uint64_t stamp;
	uint32_t at;
	bool found;
};

/* Look into each lane of `which`; returns those that had nothing. */
SLIP_INLINE uint64_t slip_lanes_scan_(struct slip_lanes_consumer *c,
				      uint64_t which,
				      struct slip_lanes_pick *pick)
{
	uint64_t none = which;

	for (; which; which &= which - 1) {
		uint32_t i = SLIP_CAST(uint32_t, __builtin_ctzll(which));

		if (!slip_lanes_try_(c, i))
			continue;
		none &= ~(UINT64_C(1) << i);
		if (pick->found && pick->stamp <= c->stamp)
			continue;
		pick->stamp = c->stamp;
		pick->at = i;
		pick->found = true;
	}
	return none;
}

/* The lanes that may have had a producer, as a set. */
SLIP_INLINE uint64_t slip_lanes_set_(const struct slip_lanes_consumer *c)
{
	uint32_t high = slip_lanes_high_(c->ring, &c->shape);

	return high ? ~UINT64_C(0) >> (64 - high) : 0;
}

/*
 * The oldest record by its stamp. What was pushed before the push of the one
 * that is picked began has come to its lane before that one did; so lanes that
 * had nothing are looked at again once there is one. The first record of a lane
 * stays the first.
 */
SLIP_INLINE bool slip_lanes_oldest_(struct slip_lanes_consumer *c)
{
	struct slip_lanes_pick pick = { 0, 0, false };
	uint64_t set = slip_lanes_set_(c);
	uint64_t none = slip_lanes_scan_(c, set, &pick);

	if (!pick.found)
		return false;
	(void)slip_lanes_scan_(c, none | (slip_lanes_set_(c) & ~set), &pick);
	return slip_lanes_try_(c, pick.at);
}

/* Is a record in hand, or to be found? */
SLIP_CORE bool slip_lanes_find_(struct slip_lanes_consumer *c)
{
	if (slip_lanes_in_hand_(c))
		return true;
	if (SLIP_UNLIKELY(c->error))
		return false;
	return c->shape.extra ? slip_lanes_oldest_(c) : slip_lanes_next_(c);
}

/* Of the record found: its bytes, and how many. */
SLIP_CORE const unsigned char *
slip_lanes_body_(const struct slip_lanes_consumer *c, uint32_t *len)
{
	*len = c->rec.len - c->shape.extra;
	return c->rec.body + c->shape.extra;
}

/* Give what was found back to its producer, and the lane to others. */
SLIP_CORE void slip_lanes_done_(struct slip_lanes_consumer *c)
{
	c->rec.at = c->rec.end;
	slip_record_release_to_(&c->rec);
	if (slip_lanes_many_(c))
		slip_lanes_drop_(c, true);
	else
		c->heads[c->at] = c->rec.head;
}

/* The same of a batch, up to rec.at; it may be none. */
SLIP_INLINE void slip_lanes_done_n_(struct slip_lanes_consumer *c)
{
	slip_lanes_unsee_(c);
	c->left = 0;
	if (c->rec.at != c->rec.head)
		slip_lanes_done_(c);
	else if (slip_lanes_many_(c))
		slip_lanes_drop_(c, false);
}

/* What slip_side_wait_ asks: takes no lane. */
SLIP_INLINE int slip_lanes_has_data_(void *handle)
{
	struct slip_lanes_consumer *c =
		SLIP_CAST(struct slip_lanes_consumer *, handle);
	uint32_t high = slip_lanes_high_(c->ring, &c->shape);

	for (uint32_t i = 0; i < high; i++)
		if (slip_lanes_hint_(c, i))
			return 1;
	return slip_lanes_in_hand_(c);
}

/* A producer that died may not have come to saying what it had committed: say it,
 * unless its heir has. False: that is not known, for another has the lane, or an
 * heir, who may be about to. */
SLIP_INLINE bool slip_lanes_settle_(struct slip_lanes_consumer *c, uint32_t i,
				    const struct slip_peer *asker)
{
	struct slip_record_ring *lane = slip_lanes_lane_(c->ring, &c->shape, i);
	slip_a64 *tail = slip_lanes_tail_(lane);
	/* hint: the swap is by what was seen */
	uint64_t seen = slip_a64_load_relaxed(tail);
	int state = slip_role_state_(&lane->ends.producer_role, asker);
	uint64_t records;
	uint64_t end;

	if (state != SLIP_ROLE_DEAD)
		return state != SLIP_ROLE_HELD;
	if (!slip_lanes_take_(c, lane))
		return false;
	slip_lanes_turn_(c, i);
	c->rec.error = slip_record_find_tail_(&c->rec.shape, c->rec.head, &end,
					      &records);
	if (!c->rec.error && slip_lanes_beyond_(end, seen))
		/* hint: by what was seen; who looks into the lane takes it after
		 * us, which brings what we know to be there (ROLE-R1) */
		(void)slip_a64_cas_relaxed(tail, &seen, end);
	slip_lanes_unsee_(c);
	slip_lanes_drop_(c, false);
	return true;
}

/* Lanes that a dead consumer has are free, and what a dead producer left is said;
 * and may any have a record, in whoever's hand? */
SLIP_INLINE bool slip_lanes_left_(struct slip_lanes_consumer *c,
				  const struct slip_peer *asker)
{
	bool left = false;

	for (uint32_t i = 0; i < c->shape.lanes; i++) {
		struct slip_record_ring *lane =
			slip_lanes_lane_(c->ring, &c->shape, i);

		if (c->bad >> i & 1)
			continue;
		(void)slip_role_state_(&lane->ends.consumer_role, asker);
		if (!slip_lanes_settle_(c, i, asker) || slip_lanes_some_(lane))
			left = true;
	}
	return left;
}

/* Is it time for that? Of several consumers: for one that asks, for one that has
 * nobody to ask and goes by what is written down, and at the end. */
SLIP_INLINE bool slip_lanes_due_(const struct slip_lanes_consumer *c,
				 const struct slip_peer *asker, bool gone)
{
	return slip_lanes_many_(c) && (gone || asker || !c->rec.side.self);
}

/* Have all producers gone, and is there nothing left that another consumer has,
 * and may leave to us? As roles and lanes are looked at one after the other, only
 * if nobody came until the last look. */
SLIP_INLINE bool slip_lanes_no_producer_(void *handle,
					 const struct slip_peer *asker)
{
	struct slip_lanes_consumer *c =
		SLIP_CAST(struct slip_lanes_consumer *, handle);
	uint64_t counted = slip_lanes_counted_(&c->ring->producers_came);
	bool gone;
	bool some;

	gone = !slip_lanes_any_producer_(c, asker, &some) && some;
	if (slip_lanes_due_(c, asker, gone) && slip_lanes_left_(c, asker))
		return false;
	return gone && slip_lanes_same_(&c->ring->producers_came, counted);
}

/* For who waits for a producer: what is left is for the look that follows. */
SLIP_INLINE bool slip_lanes_no_end_(void *handle, const struct slip_peer *asker)
{
	struct slip_lanes_consumer *c =
		SLIP_CAST(struct slip_lanes_consumer *, handle);

	if (slip_lanes_due_(c, asker, false))
		(void)slip_lanes_left_(c, asker);
	return false;
}

SLIP_INLINE int slip_lanes_has_producer_(void *handle)
{
	struct slip_lanes_consumer *c =
		SLIP_CAST(struct slip_lanes_consumer *, handle);
	bool some;

	return slip_lanes_any_producer_(c, c->rec.side.self, &some) ||
	       slip_lanes_has_data_(handle);
}

/* --- attach, recover ------------------------------------------------------- */

/* Tell every producer to look again; also those that are coming. */
SLIP_INLINE void slip_lanes_tell_all_(struct slip_lanes_consumer *c)
{
	for (uint32_t i = 0; i < c->shape.lanes; i++)
		slip_event_notify(
			&slip_lanes_lane_(c->ring, &c->shape, i)->ends.ev_space,
			c->rec.side.mode);
}

/* Take any seat; as slip_lanes_sit_. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_take_seat_(struct slip_lanes_consumer *c, struct slip_peer *self,
		      bool ask)
{
	for (uint32_t i = 0; i < c->shape.consumers; i++) {
		slip_a64 *seat = &c->ring->seats[i];

		c->rec.side.mine = seat;
		if (slip_lanes_vacant_(seat, ask) &&
		    slip_role_take_(seat, self) == 0)
			return 0;
	}
	return -EUSERS;
}

/* Where the last consumer stopped, if there is one at a time. */
SLIP_INLINE void slip_lanes_resume_(struct slip_lanes_consumer *c)
{
	for (uint32_t i = 0; i < c->shape.lanes; i++) {
		uint64_t head;

		/* own: follows a consumer that is gone; the order comes with
		 * its seat (ROLE-A1), or with the ring */
		head = slip_a64_load_relaxed(
			&slip_lanes_lane_(c->ring, &c->shape, i)->ends.head);
		if (!slip_record_sane_(&c->shape.lane, head, head))
			c->bad |= UINT64_C(1) << i;
		c->heads[i] = head;
	}
}

/*
 * Recovery hook of futex/peer.h: tells the others of a death at once. A damaged
 * ring, or one whose creator died before it was made, does not keep an id from
 * being reused.
 */
SLIP_INLINE int slip_lanes_recover_(struct slip_peer *self, void *mem,
				    size_t mem_bytes, uint32_t id, uint32_t gen)
{
	struct slip_lanes_ring *ring = SLIP_CAST(struct slip_lanes_ring *, mem);
	uint64_t held = slip_role_held_(id, gen);
	struct slip_lanes_shape s;
	unsigned mode;

	(void)self;
	if (slip_lanes_check_(ring, mem_bytes, &s, &mode))
		return 0;
	for (uint32_t i = 0; i < s.consumers; i++)
		(void)slip_role_bury_(&ring->seats[i], held);
	for (uint32_t i = 0; i < s.lanes; i++) {
		struct slip_ends *ends = &slip_lanes_lane_(ring, &s, i)->ends;

		(void)slip_role_bury_(&ends->producer_role, held);
		/* Tells the producer also of one that left, for it may not have
		 * come to telling. */
		slip_role_recover_(&ends->consumer_role, &ends->ev_space, id,
				   gen);
	}
	slip_event_wake_all(&ring->ev_data);
	return 0;
}

/* Validate for attach. The header is read once. */
SLIP_INLINE SLIP_MUST_CHECK int slip_lanes_begin_(struct slip_lanes_ring *ring,
						  size_t mem_bytes,
						  struct slip_peer *self,
						  struct slip_lanes_shape *s,
						  unsigned *mode)
{
	int rc = slip_side_member_(self);

	if (!rc)
		rc = slip_lanes_check_(ring, mem_bytes, s, mode);
	if (!rc && self)
		rc = slip_peer_hook(self, SLIP_KIND_LANES, slip_lanes_recover_);
	return rc;
}

#ifdef __cplusplus
}
#endif

#endif
