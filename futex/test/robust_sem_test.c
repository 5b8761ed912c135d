/* SPDX-License-Identifier: MIT */
/*
 * futex/robust_sem.h: refusals, units of the dead and of those who leave,
 * seats, sequences that wrap.
 */
#define _GNU_SOURCE
#include "futex/robust_sem.h"

#include "atomics/test/check.h"
#include "futex/test/peers.h"
#include "futex/test/sleeper.h"

#define SEATS 3u
#define BYTES (64 * (SEATS + 1))
#define PAST  1 /* a deadline long gone */

static char own[BYTES] SLIP_ALIGNED(64);

/* In memory of our own, with nobody to die. */
static struct slip_robust_sem handle(uint32_t value)
{
	struct slip_robust_sem h;

	cr_assert_eq(slip_robust_sem_init(own, BYTES, SEATS, value), 0);
	cr_assert_eq(slip_robust_sem_attach(&h, own, BYTES, NULL), 0);
	return h;
}

Test(robust_sem, bytes_are_a_line_and_one_for_each_seat)
{
	cr_assert_eq(slip_robust_sem_bytes(0), 0);
	cr_assert_eq(slip_robust_sem_bytes(1), 128);
	cr_assert_eq(slip_robust_sem_bytes(255), 64 * 256);
	cr_assert_eq(slip_robust_sem_bytes(256), 0);
}

Test(robust_sem, init_refuses_what_cannot_be)
{
	cr_assert_eq(slip_robust_sem_init(NULL, BYTES, 1, 0), -EINVAL);
	cr_assert_eq(slip_robust_sem_init(own + 8, BYTES - 8, 1, 0), -EINVAL);
	cr_assert_eq(slip_robust_sem_init(own, BYTES, 0, 0), -EINVAL);
	cr_assert_eq(slip_robust_sem_init(own, BYTES, 256, 0), -EINVAL);
	cr_assert_eq(slip_robust_sem_init(own, BYTES - 1, SEATS, 0),
		     -EOVERFLOW);
	cr_assert_eq(slip_robust_sem_init(own, BYTES, SEATS,
					  SLIP_ROBUST_SEM_MAX + 1),
		     -EOVERFLOW);
	cr_assert_eq(
		slip_robust_sem_init(own, BYTES, SEATS, SLIP_ROBUST_SEM_MAX),
		0);
}

Test(robust_sem, attach_refuses_what_is_none)
{
	struct slip_robust_sem h;
	struct slip_robust_sem_shared *shared = (void *)own;

	memset(own, 0, BYTES);
	cr_assert_eq(slip_robust_sem_attach(&h, own, BYTES, NULL), -EBADMSG);
	cr_assert_eq(slip_robust_sem_attach(&h, own, 64, NULL), -EBADMSG);
	cr_assert_eq(slip_robust_sem_init(own, BYTES, SEATS, 0), 0);
	cr_assert_eq(slip_robust_sem_attach(&h, own + 8, BYTES, NULL), -EINVAL);
	cr_assert_eq(slip_robust_sem_attach(&h, NULL, BYTES, NULL), -EINVAL);
	cr_assert_eq(slip_robust_sem_attach(&h, own, 63, NULL), -EOVERFLOW);
	cr_assert_eq(slip_robust_sem_attach(&h, own, BYTES - 1, NULL),
		     -EOVERFLOW);
	/* init: damage */
	slip_a32_store_relaxed(&shared->seats, 0);
	cr_assert_eq(slip_robust_sem_attach(&h, own, BYTES, NULL), -EBADMSG);
}

Test(robust_sem, takes_gives_and_knows_what_is_in_hand)
{
	struct slip_robust_sem h = handle(5);

	cr_assert_eq(slip_robust_sem_acquire(&h, 3), 0);
	cr_assert_eq(slip_robust_sem_held(&h), 3);
	cr_assert_eq(slip_robust_sem_acquire_try(&h, 3), -EAGAIN);
	cr_assert_eq(slip_robust_sem_acquire_until(&h, 3, PAST), -ETIMEDOUT);
	cr_assert_eq(slip_robust_sem_release(&h, 4), -EPERM);
	cr_assert_eq(slip_robust_sem_release(&h, 1), 0);
	cr_assert_eq(slip_robust_sem_held(&h), 2);
	cr_assert_eq(slip_robust_sem_value(&h), 3);
	cr_assert_eq(slip_robust_sem_post(&h, 4), 0);
	cr_assert_eq(slip_robust_sem_held(&h), 2);
	cr_assert_eq(slip_robust_sem_value(&h), 7);
	cr_assert_eq(slip_robust_sem_recover(&h), 0);
	cr_assert_eq(slip_robust_sem_value(&h), 7);
}

Test(robust_sem, what_is_consumed_does_not_come_back)
{
	struct slip_robust_sem h = handle(5);
	struct slip_robust_sem other;

	cr_assert_eq(slip_robust_sem_attach(&other, own, BYTES, NULL), 0);
	cr_assert_eq(slip_robust_sem_acquire(&h, 3), 0);
	cr_assert_eq(slip_robust_sem_consume(&h, 4), -EPERM);
	cr_assert_eq(slip_robust_sem_consume(&h, 2), 0);
	cr_assert_eq(slip_robust_sem_held(&h), 1);
	cr_assert_eq(slip_robust_sem_value(&h), 2);
	cr_assert_eq(slip_robust_sem_detach(&h), 0);
	cr_assert_eq(slip_robust_sem_value(&other), 3);
	cr_assert_eq(slip_robust_sem_consume(&h, 0), -EINVAL);
	cr_assert_eq(slip_robust_sem_acquire(&other, 3), 0);
	cr_assert_eq(slip_robust_sem_consume(&other, 3), 0, "all");
	cr_assert_eq(slip_robust_sem_value(&other), 0);
}

Test(robust_sem, bounds_are_kept)
{
	struct slip_robust_sem h = handle(SLIP_ROBUST_SEM_MAX);

	cr_assert_eq(slip_robust_sem_post(&h, 1), -EOVERFLOW);
	cr_assert_eq(slip_robust_sem_acquire(&h, SLIP_ROBUST_SEM_MAX + 1),
		     -EINVAL);
	cr_assert_eq(slip_robust_sem_acquire(&h, SLIP_ROBUST_SEM_MAX), 0);
	cr_assert_eq(slip_robust_sem_post(&h, SLIP_ROBUST_SEM_MAX), 0);
	cr_assert_eq(slip_robust_sem_acquire_try(&h, 1), -EOVERFLOW, "in hand");
	cr_assert_eq(slip_robust_sem_release(&h, 1), -EOVERFLOW);
	cr_assert_eq(slip_robust_sem_detach(&h), -EOVERFLOW, "no room");
	cr_assert_eq(slip_robust_sem_held(&h), SLIP_ROBUST_SEM_MAX);
}

Test(robust_sem, who_detaches_gives_back_and_is_none_afterwards)
{
	struct slip_robust_sem h = handle(5);
	struct slip_robust_sem other;

	cr_assert_eq(slip_robust_sem_attach(&other, own, BYTES, NULL), 0);
	cr_assert_eq(slip_robust_sem_acquire(&h, 3), 0);
	cr_assert_eq(slip_robust_sem_acquire_try(&h, 3), -EAGAIN);
	cr_assert_eq(slip_robust_sem_detach(&h), 0);
	cr_assert_eq(slip_robust_sem_value(&other), 5);
	cr_assert_eq(slip_robust_sem_held(&h), 0);
	cr_assert_eq(slip_robust_sem_detach(&h), -EINVAL);
	cr_assert_eq(slip_robust_sem_acquire(&h, 1), -EINVAL);
	cr_assert_eq(slip_robust_sem_release(&h, 0), -EINVAL);
	cr_assert_eq(slip_robust_sem_post(&h, 1), -EINVAL);
	cr_assert_eq(slip_robust_sem_recover(&h), -EINVAL);
}

/* Was W taken away? */
static bool told(const struct slip_robust_sem *h, uint32_t key)
{
	/* stat */
	return slip_a32_load_relaxed(&h->shared->event.word) != key;
}

Test(robust_sem, units_that_come_back_are_told_of)
{
	struct slip_robust_sem waiter = handle(1);
	struct slip_robust_sem h;
	uint32_t key;

	cr_assert_eq(slip_robust_sem_attach(&h, own, BYTES, NULL), 0);
	cr_assert_eq(slip_robust_sem_acquire(&h, 1), 0);
	cr_assert_eq(slip_event_prepare(&h.shared->event, SLIP_EVENT_RMW, &key),
		     0);
	cr_assert_not(told(&waiter, key));
	cr_assert_eq(slip_robust_sem_detach(&h), 0);
	cr_assert(told(&waiter, key), "by who leaves");
	cr_assert_eq(
		slip_event_prepare(&waiter.shared->event, SLIP_EVENT_RMW, &key),
		0);
	cr_assert_eq(slip_robust_sem_recover_(NULL, own, BYTES, 5, 1), 0);
	cr_assert(told(&waiter, key), "what a dead one gave and did not tell");
}

static int sleep_at(const struct sleeper *s)
{
	return slip_event_sleep((struct slip_event *)(void *)s->w, s->expected,
				SLIP_FOREVER);
}

Test(robust_sem, a_post_of_one_wakes_one)
{
	struct slip_robust_sem h = handle(0);
	struct slip_event *e = &h.shared->event;
	struct sleeper s[2];
	uint32_t key;

	memset(s, 0, sizeof(s));
	cr_assert_eq(slip_event_prepare(e, SLIP_EVENT_RMW, &key), 0);
	for (int i = 0; i < 2; i++) {
		s[i].body = sleep_at;
		s[i].w = &e->word;
		s[i].expected = key;
		sleeper_start(&s[i]);
	}
	cr_assert_eq(slip_robust_sem_post(&h, 1), 0);
	cr_assert_not(told(&h, key), "not all");
	cr_assert_eq(slip_robust_sem_post(&h, 2), 0);
	cr_assert(told(&h, key), "all");
	for (int i = 0; i < 2; i++)
		cr_assert_eq(sleeper_join(&s[i]), 0);
}

/* The mark of the last operation that the word names. */
static slip_a64 *note_of(const struct slip_robust_sem *h)
{
	return &h->seat->notes[h->seq & 1];
}

/* As if it had been killed before it marked it. */
static void unmark(const struct slip_robust_sem *h)
{
	/* init */
	slip_a64_store_relaxed(note_of(h), slip_a64_load_relaxed(note_of(h)) &
						   ~SLIP_ROBUST_SEM_DONE_);
}

static bool marked(const struct slip_robust_sem *h)
{
	/* stat */
	return slip_a64_load_relaxed(note_of(h)) & SLIP_ROBUST_SEM_DONE_;
}

Test(robust_sem, whoever_follows_marks_what_was_done)
{
	struct slip_robust_sem first = handle(5);
	struct slip_robust_sem other;

	cr_assert_eq(slip_robust_sem_attach(&other, own, BYTES, NULL), 0);
	cr_assert_eq(slip_robust_sem_acquire(&first, 1), 0);
	unmark(&first);
	cr_assert_eq(slip_robust_sem_acquire(&other, 1), 0);
	cr_assert(marked(&first), "by who takes");
	unmark(&other);
	cr_assert_eq(slip_robust_sem_release(&first, 1), 0);
	cr_assert(marked(&other), "by who gives");
	cr_assert_eq(slip_robust_sem_acquire(&first, 1), 0);
	cr_assert_eq(slip_robust_sem_acquire(&other, 1), 0);
	unmark(&other);
	cr_assert_eq(slip_robust_sem_detach(&first), 0);
	cr_assert(marked(&other), "by who leaves");
}

Test(robust_sem, a_seat_goes_from_hand_to_hand)
{
	struct slip_robust_sem h[SEATS + 1];

	h[0] = handle(10);
	for (unsigned i = 1; i < SEATS; i++)
		cr_assert_eq(slip_robust_sem_attach(&h[i], own, BYTES, NULL),
			     0);
	cr_assert_eq(slip_robust_sem_attach(&h[SEATS], own, BYTES, NULL),
		     -EUSERS);
	for (unsigned turn = 0; turn < 7; turn++) {
		unsigned i = turn % SEATS;

		cr_assert_eq(slip_robust_sem_acquire(&h[i], 1 + turn % 2), 0);
		cr_assert_eq(slip_robust_sem_acquire(&h[(i + 1) % SEATS], 1),
			     0);
		cr_assert_eq(slip_robust_sem_detach(&h[i]), 0);
		cr_assert_eq(slip_robust_sem_attach(&h[i], own, BYTES, NULL),
			     0);
		cr_assert_eq(slip_robust_sem_held(&h[i]), 0);
	}
	for (unsigned i = 0; i < SEATS; i++)
		cr_assert_eq(slip_robust_sem_detach(&h[i]), 0);
	cr_assert_eq(slip_robust_sem_value(&h[0]), 10);
}

/* Numbers go round; the newer of two notes is then the smaller one. */
Test(robust_sem, sequences_wrap)
{
	struct slip_robust_sem a = handle(4);
	struct slip_robust_sem b;

	a.seq = SLIP_ROBUST_SEM_SEQ_MASK_ - 2;
	cr_assert_eq(slip_robust_sem_attach(&b, own, BYTES, NULL), 0);
	for (unsigned i = 0; i < 6; i++) {
		struct slip_robust_sem_last_ last;

		cr_assert_eq(slip_robust_sem_acquire(&a, 2), 0);
		cr_assert_eq(slip_robust_sem_acquire(&b, 1), 0);
		slip_robust_sem_past_(a.seat, a.me,
				      slip_robust_sem_look_(a.shared), &last);
		cr_assert_eq(last.seq, a.seq);
		cr_assert_eq(last.held, 2);
		cr_assert_eq(slip_robust_sem_release(&b, 1), 0);
		cr_assert_eq(slip_robust_sem_release(&a, 2), 0);
		slip_robust_sem_past_(a.seat, a.me,
				      slip_robust_sem_look_(a.shared), &last);
		cr_assert_eq(last.seq, a.seq);
		cr_assert_eq(last.held, 0);
	}
	cr_assert_eq(a.seq, 9, "six pairs after MASK - 2");
	cr_assert_eq(slip_robust_sem_value(&a), 4);
}

/* The notes say that it has been given back, the word that it has not. */
Test(robust_sem, what_contradicts_itself_ends_in_an_error)
{
	struct slip_robust_sem h = handle(5);

	cr_assert_eq(slip_robust_sem_acquire(&h, 1), 0);
	/* init: damage */
	slip_a64_store_relaxed(&h.seat->notes[0],
			       slip_robust_sem_note_(2, 0) |
				       SLIP_ROBUST_SEM_DONE_);
	cr_assert_eq(slip_robust_sem_detach(&h), -EAGAIN);
	cr_assert_eq(slip_robust_sem_held(&h), 1);
}

/* A word of nobody's, or of an operation that its seat knows nothing of. */
Test(robust_sem, a_damaged_word_loses_units_and_nothing_else)
{
	struct slip_robust_sem h = handle(5);
	struct slip_robust_sem other;

	cr_assert_eq(slip_robust_sem_attach(&other, own, BYTES, NULL), 0);
	cr_assert_eq(slip_robust_sem_acquire(&other, 2), 0);
	/* init: damage */
	slip_a64_store_relaxed(&h.shared->word,
			       slip_robust_sem_word_(255, 7, 4));
	cr_assert_eq(slip_robust_sem_acquire(&h, 1), 0);
	cr_assert_eq(slip_robust_sem_value(&h), 3);
	/* init: damage */
	slip_a64_store_relaxed(&h.shared->word,
			       slip_robust_sem_word_(other.me, 7, 4));
	cr_assert_eq(slip_robust_sem_acquire(&h, 1), 0);
	cr_assert_eq(slip_robust_sem_value(&h), 3);
	/* init: damage */
	slip_a64_store_relaxed(&h.shared->word,
			       slip_robust_sem_word_(other.me, 7, 4));
	cr_assert_eq(slip_robust_sem_detach(&other), 0);
	cr_assert_eq(slip_robust_sem_value(&h), 4, "what it had is not known");
}

/* One that buried it was killed when it had written the note. */
Test(robust_sem, a_burial_goes_on_where_another_ended)
{
	struct slip_robust_sem h = handle(5);
	struct slip_robust_sem_last_ last;

	cr_assert_eq(slip_robust_sem_acquire(&h, 2), 0);
	slip_robust_sem_past_(h.seat, h.me, slip_robust_sem_look_(h.shared),
			      &last);
	cr_assert(slip_robust_sem_close_(h.seat, &last));
	cr_assert_eq(slip_robust_sem_detach(&h), 0);
	cr_assert_eq(slip_robust_sem_value(&h), 5);
}

/* --- with peers ------------------------------------------------------------ */

static struct slip_peer root;
static struct slip_robust_sem mine;
static void *mem;

static void *find(struct slip_region *rg)
{
	return slip_region_find(rg, "sem", SLIP_KIND_ROBUST_SEM, NULL);
}

/* A region with a semaphore of `value`, at which we sit. */
static void world(uint32_t value)
{
	(void)scratch_dir();
	peers_board = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq((void *)peers_board, MAP_FAILED);
	cr_assert_eq(slip_region_create_at(&peers_rg, scratch_dir(), BYTES,
					   SLIP_REGION_PEERS(8)),
		     0);
	mem = slip_region_add(&peers_rg, "sem", SLIP_KIND_ROBUST_SEM, BYTES);
	cr_assert_neq(mem, NULL);
	cr_assert_eq(slip_robust_sem_init(mem, BYTES, SEATS, value), 0);
	cr_assert_eq(slip_region_publish(&peers_rg, scratch_path("r"), 0600),
		     0);
	cr_assert_eq(slip_peer_join(&root, &peers_rg), 0);
	cr_assert_eq(slip_robust_sem_attach(&mine, mem, BYTES, &root), 0);
}

static struct slip_robust_sem theirs;

static int sit(struct slip_peer *me)
{
	if (slip_robust_sem_attach(&theirs, find(me->rg), BYTES, me))
		return 91;
	return 0;
}

static int hold_two(struct slip_peer *me)
{
	if (sit(me) || slip_robust_sem_acquire(&theirs, 2))
		return 92;
	actor_stay();
}

static int hold_none(struct slip_peer *me)
{
	if (sit(me) || slip_robust_sem_acquire(&theirs, 2) ||
	    slip_robust_sem_post(&theirs, 3) ||
	    slip_robust_sem_release(&theirs, 2))
		return 92;
	actor_stay();
}

static int leave_with_two(struct slip_peer *me)
{
	if (sit(me) || slip_robust_sem_acquire(&theirs, 2))
		return 92;
	actor_ready();
	slip_peer_leave(me);
	return 0;
}

static int wait_for_two(struct slip_peer *me)
{
	if (sit(me))
		return 91;
	actor_ready();
	return slip_robust_sem_acquire(&theirs, 2) ? 93 : 0;
}

static void start(struct member *m, int (*then)(struct slip_peer *))
{
	cr_assert(peers_start(m, then), "a member does not come");
}

static void slay(struct member *m)
{
	cr_assert_eq(actor_kill(&m->actor), -SIGKILL);
	cr_assert(peers_gone(m->id, m->gen), "it will not die");
}

Test(robust_sem, refuses_a_peer_that_is_no_member)
{
	struct slip_peer stranger;
	struct slip_robust_sem h;

	world(2);
	slip_peer_prepare(&stranger, &peers_rg);
	cr_assert_eq(slip_robust_sem_attach(&h, mem, BYTES, &stranger),
		     -EINVAL);
}

Test(robust_sem, units_of_a_killed_holder_come_to_who_waits)
{
	struct member m;

	world(2);
	start(&m, hold_two);
	cr_assert_eq(slip_robust_sem_acquire_try(&mine, 1), -EAGAIN);
	slay(&m);
	cr_assert_eq(slip_robust_sem_acquire_try(&mine, 1), -EAGAIN,
		     "try does not ask");
	cr_assert_eq(slip_robust_sem_acquire(&mine, 2), 0);
	cr_assert_eq(slip_robust_sem_value(&mine), 0);
}

Test(robust_sem, a_deadline_in_the_past_asks_who_is_dead)
{
	struct member m;

	world(2);
	start(&m, hold_two);
	slay(&m);
	cr_assert_eq(slip_robust_sem_acquire_until(&mine, 1, PAST), 0);
	cr_assert_eq(slip_robust_sem_value(&mine), 1);
}

Test(robust_sem, recover_gives_back_once)
{
	struct member m;

	world(3);
	start(&m, hold_two);
	slay(&m);
	cr_assert_eq(slip_robust_sem_recover(&mine), 0);
	cr_assert_eq(slip_robust_sem_value(&mine), 3);
	cr_assert_eq(slip_robust_sem_recover(&mine), 0);
	cr_assert_eq(slip_peer_recover(&root), 1);
	cr_assert_eq(slip_robust_sem_value(&mine), 3);
}

Test(robust_sem, slip_peer_recover_gives_back)
{
	struct member m;

	world(3);
	start(&m, hold_two);
	slay(&m);
	cr_assert_eq(slip_peer_recover(&root), 1);
	cr_assert_eq(slip_robust_sem_value(&mine), 3);
}

Test(robust_sem, slip_peer_recover_looks_at_all_seats)
{
	struct member m[SEATS - 1];

	world(4);
	for (unsigned i = 0; i < SEATS - 1; i++)
		start(&m[i], hold_two);
	cr_assert_eq(slip_robust_sem_value(&mine), 0);
	slay(&m[SEATS - 2]);
	cr_assert_eq(slip_peer_recover(&root), 1);
	cr_assert_eq(slip_robust_sem_value(&mine), 2, "of the last seat");
	slay(&m[0]);
	cr_assert_eq(slip_peer_recover(&root), 1);
	cr_assert_eq(slip_robust_sem_value(&mine), 4);
}

Test(robust_sem, what_was_posted_or_released_is_not_undone)
{
	struct member m;

	world(2);
	start(&m, hold_none);
	slay(&m);
	cr_assert_eq(slip_peer_recover(&root), 1);
	cr_assert_eq(slip_robust_sem_value(&mine), 5);
}

Test(robust_sem, who_leaves_with_units_gives_them_back)
{
	struct member m;

	world(2);
	start(&m, leave_with_two);
	cr_assert_eq(actor_wait(&m.actor), 0);
	cr_assert_eq(slip_robust_sem_value(&mine), 2);
	cr_assert_eq(slip_peer_recover(&root), 0, "nobody is left dead");
}

Test(robust_sem, a_stopped_holder_keeps_its_units)
{
	struct member m;

	world(2);
	start(&m, hold_two);
	cr_assert_eq(kill(m.actor.pid, SIGSTOP), 0);
	cr_assert_eq(slip_robust_sem_acquire_until(
			     &mine, 1, slip_after_ns(3 * SLIP_SLICE_NS)),
		     -ETIMEDOUT);
	cr_assert_eq(slip_robust_sem_recover(&mine), 0);
	cr_assert_eq(slip_robust_sem_value(&mine), 0);
	slay(&m);
	cr_assert_eq(slip_robust_sem_acquire(&mine, 2), 0);
}

Test(robust_sem, seats_of_the_dead_can_be_had)
{
	struct slip_robust_sem more;
	struct member m[2];

	world(5);
	start(&m[0], hold_two);
	start(&m[1], hold_two);
	cr_assert_eq(slip_robust_sem_attach(&more, mem, BYTES, &root), -EUSERS);
	slay(&m[0]);
	cr_assert_eq(slip_robust_sem_attach(&more, mem, BYTES, &root), 0);
	cr_assert_eq(slip_robust_sem_value(&more), 3);
	slay(&m[1]);
	cr_assert_eq(slip_robust_sem_acquire(&more, 5), 0);
}

Test(robust_sem, a_killed_waiter_takes_nothing_with_it)
{
	struct member m;

	world(1);
	start(&m, wait_for_two);
	slay(&m);
	cr_assert_eq(slip_robust_sem_post(&mine, 1), 0);
	cr_assert_eq(slip_peer_recover(&root), 1);
	cr_assert_eq(slip_robust_sem_value(&mine), 2);
}

Test(robust_sem, a_waiter_is_served_by_a_release)
{
	struct member m;

	world(1);
	start(&m, wait_for_two);
	cr_assert_eq(slip_robust_sem_acquire(&mine, 1), 0);
	cr_assert_eq(slip_robust_sem_post(&mine, 1), 0);
	cr_assert_eq(slip_robust_sem_release(&mine, 1), 0);
	cr_assert_eq(actor_wait(&m.actor), 0);
	cr_assert_eq(slip_peer_recover(&root), 1, "it exited with two");
	cr_assert_eq(slip_robust_sem_value(&mine), 2);
}

Test(robust_sem, units_without_room_stay_with_the_dead)
{
	struct member m;

	world(2);
	start(&m, hold_two);
	cr_assert_eq(slip_robust_sem_post(&mine, SLIP_ROBUST_SEM_MAX - 1), 0);
	slay(&m);
	cr_assert_eq(slip_robust_sem_recover(&mine), -EOVERFLOW);
	cr_assert_eq(slip_peer_recover(&root), -EOVERFLOW);
	cr_assert_eq(slip_robust_sem_acquire(&mine, 1), 0);
	cr_assert_eq(slip_robust_sem_recover(&mine), 0);
	cr_assert_eq(slip_robust_sem_value(&mine), SLIP_ROBUST_SEM_MAX);
}

static int use_a_copy(void *arg)
{
	struct slip_robust_sem *h = arg;

	if (slip_robust_sem_acquire(h, 1) != -ECHILD ||
	    slip_robust_sem_acquire_try(h, 1) != -ECHILD ||
	    slip_robust_sem_release(h, 1) != -ECHILD ||
	    slip_robust_sem_post(h, 1) != -ECHILD ||
	    slip_robust_sem_consume(h, 1) != -ECHILD ||
	    slip_robust_sem_recover(h) != -ECHILD ||
	    slip_robust_sem_detach(h) != -ECHILD ||
	    slip_robust_sem_attach(h, mem, BYTES, &root) != -ECHILD)
		return 1;
	return 0;
}

Test(robust_sem, a_copy_in_a_fork_child_is_refused)
{
	world(2);
	cr_assert_eq(slip_robust_sem_acquire(&mine, 1), 0);
	cr_assert_eq(actor_run(use_a_copy, &mine), 0);
	cr_assert_eq(slip_robust_sem_held(&mine), 1);
}

/* The hook meets bytes that are no semaphore. */
Test(robust_sem, damage_keeps_no_id)
{
	struct member m;

	world(2);
	start(&m, hold_two);
	slay(&m);
	memset(mem, 0xff, BYTES);
	cr_assert_eq(slip_peer_recover(&root), 1);
}

static int hold_two_twice(struct slip_peer *me)
{
	static struct slip_robust_sem second;

	if (sit(me) || slip_robust_sem_acquire(&theirs, 2) ||
	    slip_robust_sem_attach(&second, find(me->rg), BYTES, me) ||
	    slip_robust_sem_acquire(&second, 2))
		return 92;
	actor_stay();
}

Test(robust_sem, all_that_have_no_room_stay)
{
	struct member m;

	world(4);
	start(&m, hold_two_twice);
	cr_assert_eq(slip_robust_sem_post(&mine, SLIP_ROBUST_SEM_MAX), 0);
	slay(&m);
	cr_assert_eq(slip_robust_sem_recover(&mine), -EOVERFLOW);
	cr_assert_eq(slip_peer_recover(&root), -EOVERFLOW);
	cr_assert_eq(slip_robust_sem_acquire(&mine, 4), 0);
	cr_assert_eq(slip_peer_recover(&root), 1);
	cr_assert_eq(slip_robust_sem_value(&mine), SLIP_ROBUST_SEM_MAX);
}

static int no_hook(struct slip_peer *self, void *at, size_t bytes, uint32_t id,
		   uint32_t gen)
{
	(void)self;
	(void)at;
	(void)bytes;
	(void)id;
	(void)gen;
	return 0;
}

Test(robust_sem, without_room_for_a_hook_there_is_no_handle)
{
	struct slip_robust_sem more;
	struct slip_peer second;

	world(2);
	cr_assert_eq(slip_peer_join(&second, &peers_rg), 0);
	for (uint32_t i = 0; i < SLIP_PEER_HOOKS_MAX; i++)
		cr_assert_eq(slip_peer_hook(&second,
					    (100 + i) | SLIP_KIND_NAMES_PEERS,
					    no_hook),
			     0);
	cr_assert_eq(slip_robust_sem_attach(&more, mem, BYTES, &second),
		     -ENOSPC);
	slip_peer_leave(&second);
}

/* Its units are back already, and the seat may be another's. */
Test(robust_sem, a_handle_whose_member_has_left_is_refused)
{
	struct slip_robust_sem h;
	struct slip_peer guest;

	world(2);
	cr_assert_eq(slip_peer_join(&guest, &peers_rg), 0);
	cr_assert_eq(slip_robust_sem_attach(&h, mem, BYTES, &guest), 0);
	cr_assert_eq(slip_robust_sem_acquire(&h, 2), 0);
	slip_peer_leave(&guest);
	cr_assert_eq(slip_robust_sem_value(&mine), 2);
	cr_assert_eq(slip_robust_sem_release(&h, 2), -EINVAL);
	cr_assert_eq(slip_robust_sem_detach(&h), -EINVAL);
	cr_assert_eq(slip_peer_join(&guest, &peers_rg), 0);
	cr_assert_eq(slip_robust_sem_post(&h, 1), -EINVAL, "another member");
	cr_assert_eq(slip_robust_sem_value(&mine), 2);
}

/* The first member of one region has the name of the first of another. */
Test(robust_sem, a_handle_does_not_go_with_its_member_to_another_region)
{
	struct slip_region elsewhere;

	world(2);
	cr_assert_eq(slip_robust_sem_acquire(&mine, 2), 0);
	slip_peer_leave(&root);
	cr_assert_eq(slip_robust_sem_value(&mine), 2);
	cr_assert_eq(slip_region_create(&elsewhere, 4096, SLIP_REGION_MEMFD),
		     0);
	cr_assert_eq(slip_region_publish(&elsewhere, NULL, 0600), 0);
	cr_assert_eq(slip_peer_join(&root, &elsewhere), 0);
	cr_assert_eq(slip_robust_sem_release(&mine, 2), -EINVAL);
	cr_assert_eq(slip_robust_sem_value(&mine), 2, "they were back already");
	slip_peer_leave(&root);
	slip_region_close(&elsewhere);
	slip_region_close(&peers_rg);
	cr_assert_eq(slip_robust_sem_post(&mine, 1), -EINVAL, "a closed one");
}
