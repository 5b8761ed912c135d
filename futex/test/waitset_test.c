/* SPDX-License-Identifier: MIT */
/*
 * futex/waitset.h with futex/sources.h: what is ready, who is woken, slices by
 * the clock, and kernels that refuse. With rings: ring/test/sources_test.c.
 */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK waitset_test_sys

#include "futex/sources.h"
#include "futex/test/sleeper.h"

#include "futex/test/peers.h"

/* The kernel, as the test wants it. */
static bool slices = true; /* let it see deadlines */
static long waitv_says;	   /* -errno instead of sleeping */
static long wait_says;
static const void *missing; /* the word that is -EFAULT */
static long endless_says;   /* -errno instead of sleeping without a deadline */
static long wakes;	    /* so many sleeps end at once, in a wake-up */
static slip_a32 naps;	    /* calls that would sleep */

long waitset_test_sys(long nr, long a, long b, long c, long d, long e, long f);

long waitset_test_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	bool wait = nr == SYS_futex && (b & 127) == SLIP_FUTEX_WAIT_BITSET_;
	bool waitv = nr == SLIP_SYS_FUTEX_WAITV_;

	if (wait || waitv)
		/* stat */
		(void)slip_a32_fetch_add_relaxed(&naps, 1);
	if ((wait || waitv) && wakes)
		return --wakes ? 0 : -ENOMEM;
	if (wait && missing && a == (long)missing)
		return -EFAULT;
	if (waitv && waitv_says)
		return waitv_says;
	if (wait && wait_says)
		return wait_says;
	if ((wait || waitv) && !d && endless_says)
		return endless_says;
	if (!slices)
		d = wait || waitv ? 0 : d;
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

static struct slip_sem sem;
static struct slip_flag flag;
static slip_a32 words[4];
static struct slip_source s[4];
static struct slip_waitset w;

static uint64_t soon(void)
{
	return slip_after_ns(2000000);
}

/* A set whose thread sleeps at once. */
static void make(uint32_t n)
{
	cr_assert_eq(slip_waitset_init(&w, s, n), 0);
	w.spin.skip = UINT32_MAX;
}

/* A semaphore, a flag, two words. */
static void make_mix(unsigned kind)
{
	cr_assert_eq(slip_sem_init(&sem, 0), 0);
	cr_assert_eq(slip_flag_init(&flag, kind), 0);
	slip_sem_source(&s[0], &sem, 2);
	slip_flag_source(&s[1], &flag);
	slip_word_source(&s[2], &words[2], 0, SLIP_SHARED);
	slip_word_source(&s[3], &words[3], 0, SLIP_PRIVATE);
	make(4);
}

static void ready_is(int a, int b, int c, int d)
{
	cr_assert_eq(s[0].now, a);
	cr_assert_eq(s[1].now, b);
	cr_assert_eq(s[2].now, c);
	cr_assert_eq(s[3].now, d);
}

/* --- init -------------------------------------------------------------------- */

Test(waitset, a_set_of_none_or_of_nonsense_is_refused)
{
	static slip_a32 two[2];
	static struct slip_event e;
	void *odd = (char *)two + 2;

	cr_assert_eq(slip_waitset_init(&w, s, 0), -EINVAL);
	cr_assert_eq(slip_waitset_wait(&w, 0), -EINVAL);
	slip_word_source(&s[0], NULL, 0, SLIP_SHARED);
	cr_assert_eq(slip_waitset_init(&w, s, 1), -EINVAL);
	slip_word_source(&s[0], (slip_a32 *)odd, 0, SLIP_SHARED);
	cr_assert_eq(slip_waitset_init(&w, s, 1), -EINVAL);
	slip_word_source(&s[0], two, 0, 1);
	cr_assert_eq(slip_waitset_init(&w, s, 1), -EINVAL);
	slip_event_source(&s[0], &e, SLIP_EVENT_FULL, SLIP_FOREVER, NULL, two);
	cr_assert_eq(slip_waitset_init(&w, s, 1), -EINVAL);
	slip_event_source(&s[0], &e, SLIP_EVENT_AUTO, SLIP_FOREVER,
			  slip_flag_now_, two);
	cr_assert_eq(slip_waitset_init(&w, s, 1), -EINVAL);
	slip_event_source(&s[0], &e, SLIP_EVENT_RMW + 1, SLIP_FOREVER,
			  slip_flag_now_, two);
	cr_assert_eq(slip_waitset_init(&w, s, 1), -EINVAL);
	slip_event_source(&s[0], NULL, SLIP_EVENT_RMW, SLIP_FOREVER,
			  slip_flag_now_, two);
	cr_assert_eq(slip_waitset_init(&w, s, 1), -EINVAL);
	cr_assert_eq(slip_waitset_wait(&w, 0), -EINVAL, "refused stays so");
}

/* --- looking ----------------------------------------------------------------- */

Test(waitset, units_a_flag_and_words_are_ready_when_they_are)
{
	make_mix(SLIP_FLAG_AUTO);
	cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT);
	cr_assert_eq(slip_sem_post(&sem, 1), 0);
	cr_assert_eq(slip_waitset_wait(&w, 0), -ETIMEDOUT, "one is not two");
	cr_assert_eq(slip_sem_post(&sem, 1), 0);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	ready_is(1, 0, 0, 0);
	slip_flag_set(&flag);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 2);
	slip_a32_store_relaxed(&words[2], 1); /* init */
	slip_a32_store_relaxed(&words[3], 1); /* init */
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 4);
	ready_is(1, 1, 1, 1);
	/* Nothing was taken. */
	cr_assert_eq(slip_sem_acquire_try(&sem, 2), 0);
	cr_assert(slip_flag_try(&flag));
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 2);
	ready_is(0, 0, 1, 1);
}

Test(waitset, what_was_dropped_is_never_ready)
{
	make_mix(SLIP_FLAG_AUTO);
	cr_assert_eq(slip_sem_post(&sem, 2), 0);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	slip_waitset_drop(&w, 0);
	slip_waitset_drop(&w, 4); /* there is none */
	cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT);
	slip_flag_set(&flag);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	ready_is(0, 1, 0, 0);
}

Test(waitset, what_was_dropped_stays_so_without_the_set)
{
	static struct slip_waitset other;

	make_mix(SLIP_FLAG_AUTO);
	slip_waitset_drop(&w, 0);
	memset(&w, 0xff, sizeof(w));
	cr_assert_eq(slip_waitset_init(&other, s, 4), 0);
	cr_assert_eq(slip_waitset_wait(&other, 0), -ETIMEDOUT);
	ready_is(0, 0, 0, 0);
}

Test(waitset, no_units_can_be_waited_for)
{
	cr_assert_eq(slip_sem_init(&sem, 1), 0);
	slip_sem_zero_source(&s[0], &sem);
	make(1);
	cr_assert_eq(slip_waitset_wait(&w, 0), -ETIMEDOUT);
	cr_assert_eq(slip_sem_acquire_try(&sem, 1), 0);
	cr_assert_eq(slip_waitset_wait(&w, 0), 1);
}

/* --- asleep ------------------------------------------------------------------ */

struct sleeping {
	pthread_t thread;
	slip_a32 tid;
	int result;
	int (*body)(void);
};

static void *sleeping_main(void *arg)
{
	struct sleeping *it = arg;

	/* TEST-R1 sleeper: nothing but the number. Pairs: put_to_sleep. Else:
	 * nothing; it is only looked up in /proc. */
	slip_a32_store_release(&it->tid, slip_sys_tid_());
	it->result = it->body();
	return NULL;
}

static void put_to_sleep(struct sleeping *it, int (*body)(void))
{
	uint32_t tid;

	memset(it, 0, sizeof(*it));
	it->body = body;
	cr_assert_eq(pthread_create(&it->thread, NULL, sleeping_main, it), 0);
	/* TEST-A1: see sleeping_main. */
	while ((tid = slip_a32_load_acquire(&it->tid)) == 0)
		sched_yield();
	until_asleep((long)tid);
}

static int woken(struct sleeping *it)
{
	cr_assert_eq(pthread_join(it->thread, NULL), 0);
	return it->result;
}

static int wait_on_set(void)
{
	return slip_waitset_wait(&w, SLIP_FOREVER);
}

static int acquire_one(void)
{
	return slip_sem_acquire(&sem, 1);
}

static void tell(int which)
{
	if (which == 0)
		cr_assert_eq(slip_sem_post(&sem, 2), 0);
	if (which == 1)
		slip_flag_set(&flag);
	if (which >= 2)
		slip_word_change(&words[which], 1, s[which].flags);
}

/* From here on a wake-up that is lost is lost for good, and the test hangs. */
static void no_slices(void)
{
	if (!(slip_futex_features() & SLIP_FUTEX_HAS_WAITV))
		cr_skip("no futex_waitv: words are slept on in turns");
	slices = false;
}

Test(waitset, each_wakes_the_one_that_sleeps)
{
	for (int i = 0; i < 4; i++) {
		struct sleeping it;

		memset(words, 0, sizeof(words));
		make_mix(i % 2 ? SLIP_FLAG_AUTO : SLIP_FLAG_MANUAL);
		no_slices();
		put_to_sleep(&it, wait_on_set);
		tell(i);
		cr_assert_eq(woken(&it), 1);
		cr_assert_eq(s[i].now, 1);
		slices = true;
	}
}

/* A post of one wakes one; but a set takes nothing. */
Test(waitset, a_set_does_not_keep_a_unit_from_a_sleeper)
{
	struct sleeping set, taker;

	make_mix(SLIP_FLAG_AUTO);
	s[0].n = 1;
	no_slices();
	put_to_sleep(&set, wait_on_set);
	put_to_sleep(&taker, acquire_one);
	cr_assert_eq(slip_sem_post(&sem, 1), 0);
	cr_assert_eq(woken(&taker), 0);
	/* The set was woken too; it may have come too late. */
	slip_flag_set(&flag);
	cr_assert_gt(woken(&set), 0);
	slices = true;
}

Test(waitset, the_first_of_several_processes_wakes_it)
{
	slip_a32 *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(shared, MAP_FAILED);
	for (uint32_t i = 0; i < 4; i++)
		slip_word_source(&s[i], &shared[i * 16], 0, SLIP_SHARED);
	make(4);
	no_slices();
	for (uint32_t i = 0; i < 4; i++) {
		struct sleeping it;
		pid_t child;
		int status;

		put_to_sleep(&it, wait_on_set);
		child = fork();
		if (child == 0) {
			slip_word_change(&shared[i * 16], 1, SLIP_SHARED);
			_exit(0);
		}
		cr_assert_eq(woken(&it), 1);
		cr_assert_eq(s[i].now, 1);
		cr_assert_eq(waitpid(child, &status, 0), child);
		cr_assert_eq(status, 0);
		slip_a32_store_relaxed(&shared[i * 16], 0); /* init */
	}
	slices = true;
	munmap(shared, 4096);
}

/* --- slices ------------------------------------------------------------------ */

static slip_a32 asked;

static int never_unless_asked(const struct slip_source *source, bool ask)
{
	(void)source;
	if (ask)
		/* stat */
		(void)slip_a32_fetch_add_relaxed(&asked, 1);
	return ask;
}

static struct slip_event event;

static void make_asking(uint64_t slice_ns)
{
	slip_event_source(&s[0], &event, SLIP_EVENT_FULL, slice_ns,
			  never_unless_asked, NULL);
	slip_word_source(&s[1], &words[1], 0, SLIP_SHARED);
	slip_a32_store_relaxed(&asked, 0); /* init */
	make(2);
}

Test(waitset, after_a_slice_sources_may_ask)
{
	make_asking(3000000);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	cr_assert_eq(s[0].now, 1);
	make_asking(SLIP_FOREVER);
	cr_assert_eq(slip_waitset_wait(&w, soon()), 1,
		     "and when the deadline has come");
}

Test(waitset, what_comes_into_a_place_later_has_its_slice)
{
	if (!(slip_futex_features() & SLIP_FUTEX_HAS_WAITV))
		cr_skip("no futex_waitv: each turn has an end");
	slip_word_source(&s[0], &words[0], 0, SLIP_PRIVATE);
	slip_word_source(&s[1], &words[1], 0, SLIP_PRIVATE);
	make(2);
	endless_says = -ENOMEM;
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), -ENOMEM,
		     "between threads nobody dies alone");
	slip_waitset_drop(&w, 0);
	slip_event_source(&s[0], &event, SLIP_EVENT_FULL, 3000000,
			  never_unless_asked, NULL);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	cr_assert_eq(s[0].now, 1);
	slip_waitset_drop(&w, 0);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), -ENOMEM,
		     "and it goes with it");
	endless_says = 0;
}

/* As if who changed it had been killed before it woke anybody. */
Test(waitset, a_change_that_nobody_told_of_is_seen_after_a_slice)
{
	struct sleeping it;

	slip_word_source(&s[0], &words[0], 0, SLIP_SHARED);
	make(1);
	put_to_sleep(&it, wait_on_set);
	slip_a32_store_relaxed(&words[0], 1); /* init */
	cr_assert_eq(woken(&it), 1);
}

/* Sleeps that all end early put off neither. */
Test(waitset, a_storm_of_signals_ends_no_slice_and_no_deadline)
{
	waitv_says = -EINTR;
	make_asking(3000000);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	waitv_says = -EAGAIN;
	make_asking(3000000);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	slip_word_source(&s[0], &words[0], 0, SLIP_SHARED);
	make(2);
	cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT);
	waitv_says = 0;
}

Test(waitset, a_storm_of_wake_ups_puts_off_no_deadline)
{
	slip_word_source(&s[0], &words[0], 0, SLIP_SHARED);
	slip_word_source(&s[1], &words[1], 0, SLIP_SHARED);
	make(2);
	wakes = 10000000;
	cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT);
	wakes = 0;
}

/* One word at a time is slept on for a turn; nobody is asked that often. */
Test(waitset, turns_are_not_slices)
{
	waitv_says = -ENOSYS;
	make_asking(SLIP_FOREVER);
	cr_assert_eq(slip_waitset_wait(&w, slip_after_ns(10000000)), 1);
	/* stat */
	cr_assert_eq(slip_a32_load_relaxed(&asked), 1u, "at the deadline");
	waitv_says = 0;
}

/* All of them in one sleep, which has no end of its own. */
Test(waitset, as_many_as_one_call_takes_have_no_turns)
{
	static struct slip_source many[SLIP_FUTEX_WAITV_MAX];

	if (!(slip_futex_features() & SLIP_FUTEX_HAS_WAITV))
		cr_skip("no futex_waitv: each turn has an end");
	for (unsigned i = 0; i < SLIP_FUTEX_WAITV_MAX; i++)
		slip_word_source(&many[i], &words[0], 0, SLIP_PRIVATE);
	cr_assert_eq(slip_waitset_init(&w, many, SLIP_FUTEX_WAITV_MAX), 0);
	w.spin.skip = UINT32_MAX;
	endless_says = -ENOMEM;
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), -ENOMEM);
	endless_says = 0;
}

/* --- what the kernel refuses ------------------------------------------------- */

Test(waitset, without_waitv_all_are_slept_on_in_turn)
{
	static const int refusals[] = { ENOSYS, EPERM };

	for (int i = 0; i < 8; i++) {
		struct sleeping it;

		memset(words, 0, sizeof(words));
		make_mix(SLIP_FLAG_AUTO);
		waitv_says = -refusals[i / 4];
		put_to_sleep(&it, wait_on_set);
		tell(i % 4);
		cr_assert_eq(woken(&it), 1);
		cr_assert_eq(s[i % 4].now, 1);
		cr_assert(w.single);
		waitv_says = 0;
	}
}

Test(waitset, a_word_without_memory_is_an_error_of_its_source)
{
	make_mix(SLIP_FLAG_AUTO);
	waitv_says = -EFAULT;
	missing = &words[2];
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	ready_is(0, 0, -EFAULT, 0);
	/* One that cannot be named is the set's. */
	missing = NULL;
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), -EFAULT);
	/* The same one at a time. */
	waitv_says = -ENOSYS;
	missing = &words[3];
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	ready_is(0, 0, 0, -EFAULT);
	waitv_says = 0;
	missing = NULL;
	wait_says = -EINVAL;
	slip_word_source(&s[0], &words[0], 0, SLIP_SHARED);
	make(1);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	cr_assert_eq(s[0].now, -EINVAL);
	wait_says = 0;
}

Test(waitset, what_else_the_kernel_refuses_is_said)
{
	make_mix(SLIP_FLAG_AUTO);
	waitv_says = -ENOMEM;
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), -ENOMEM);
	waitv_says = -EPERM;
	wait_says = -EPERM;
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), -EPERM);
	waitv_says = 0;
	wait_says = 0;
}

/* --- robust_sem.h ------------------------------------------------------------ */

static int hold_all(struct slip_peer *self)
{
	static struct slip_robust_sem h;
	size_t bytes;
	void *mem = slip_region_find(self->rg, "words", PEERS_KIND, &bytes);

	if (!mem || slip_robust_sem_attach(&h, mem, bytes, self) ||
	    slip_robust_sem_acquire_try(&h, 2))
		return 91;
	actor_stay();
	return 0;
}

/* Has its units, and is killed: they come back to one who waits. */
Test(waitset, units_of_the_dead_come_back_to_a_set)
{
	static struct slip_robust_sem h;
	static struct slip_peer self;
	struct member m;
	size_t bytes;
	void *mem;

	cr_assert_eq(peers_make(8), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	mem = slip_region_find(&peers_rg, "words", PEERS_KIND, &bytes);
	cr_assert_not_null(mem);
	cr_assert_eq(slip_robust_sem_init(mem, bytes, 4, 2), 0);
	cr_assert_eq(slip_robust_sem_attach(&h, mem, bytes, &self), 0);
	slip_robust_sem_source(&s[0], &h, 2);
	slip_word_source(&s[1], &words[1], 0, SLIP_SHARED);
	make(2);
	cr_assert_eq(slip_waitset_wait(&w, 0), 1);
	cr_assert(peers_start(&m, hold_all));
	cr_assert_eq(slip_waitset_wait(&w, slip_after_ns(20000000)), -ETIMEDOUT,
		     "alive");
	cr_assert_eq(actor_kill(&m.actor), -SIGKILL);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	cr_assert_eq(s[0].now, 1);
	cr_assert_eq(slip_robust_sem_acquire_try(&h, 2), 0);
	slip_robust_sem_detach(&h);
	cr_assert_eq(slip_waitset_wait(&w, 0), 1);
	cr_assert_eq(s[0].now, -EINVAL, "detached");
	slip_peer_leave(&self);
	slip_region_close(&peers_rg);
}
