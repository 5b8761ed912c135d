/* SPDX-License-Identifier: MIT */
/*
 * Models of the semaphores that know nobody: sem.h and sem_set.h. What a unit
 * stands for is a plain byte, written before it is given and read after it is
 * taken. Who waits sleeps without slices where nobody dies, so a wake-up that
 * is lost, or goes to one who cannot use it, is a sleeper for ever, which the
 * runtime sees; and does not spin, since that is not what is examined (and the
 * event's own matter).
 */
#include <string.h>

#include "explore.h"
#include "futex/sem.h"
#include "futex/sem_set.h"

static struct {
	struct slip_sem sem;
	struct slip_sem_set set;
	uint64_t slice;
	unsigned char goods[4]; /* plain: a race if the order is wrong */
	unsigned taken[X_THREADS];
	unsigned posted[X_THREADS];
	unsigned told[X_THREADS]; /* by the end of a wait */
	int rc[X_THREADS];
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t sleeps[X_THREADS], troubled, late, served;

static void make(uint32_t value)
{
	memset(&s, 0, sizeof(s));
	X_ASSERT(!slip_sem_init(&s.sem, value), "init");
	s.slice = SLIP_FOREVER;
	memset(sleeps, 0, sizeof(sleeps));
	troubled = late = served = 0;
	x_keep(&s, sizeof(s));
	x_name(&s.sem.word, 4, "word");
	x_name(&s.sem.event, sizeof(s.sem.event), "event");
	x_name(&s.set.word, 8, "set");
	x_name(&s.set.event, sizeof(s.set.event), "set's event");
	x_name(s.goods, sizeof(s.goods), "goods");
}

static void none(void)
{
	make(0);
}

static void one(void)
{
	make(1);
}

static void two(void)
{
	make(2);
}

static void sliced(void)
{
	make(0);
	s.slice = SLIP_LONG_SLICE_NS;
}

/* Counts who goes to sleep; the kernel's model does the rest. */
static bool watch(long nr, const long args[6], long *result)
{
	(void)result;
	if (nr == SYS_futex && (args[1] & 127) == SLIP_FUTEX_WAIT_BITSET_)
		sleeps[x_self()]++;
	return false;
}

/* --- as the headers do it, without the spin -------------------------------- */

static int sleep_until(struct slip_event *e, slip_ready_fn ready, void *handle,
		       uint64_t deadline)
{
	struct slip_waiter w;

	slip_waiter_init_(&w, e, SLIP_EVENT_RMW, s.slice);
	w.spin.skip = UINT32_MAX;
	return slip_waiter_until_(&w, ready, handle, deadline);
}

static int acquire_until(uint32_t n, uint64_t deadline)
{
	struct slip_sem_want_ want = { &s.sem, n };
	int rc = slip_sem_acquire_try(&s.sem, n);

	if (rc == -EAGAIN)
		rc = sleep_until(&s.sem.event, slip_sem_ready_, &want,
				 deadline);
	if (rc == 0)
		s.taken[x_self()] += n;
	return rc;
}

static void acquire(uint32_t n)
{
	int rc = acquire_until(n, SLIP_FOREVER);

	X_ASSERT(!rc, "acquire says %d", rc);
}

static void post(uint32_t n)
{
	X_ASSERT(!slip_sem_post(&s.sem, n), "post");
	s.posted[x_self()] += n;
}

static void change(const struct slip_sem_change *c)
{
	struct slip_sem_set_want_ want = { &s.set, c };
	int rc = slip_sem_set_change_try(&s.set, c);

	if (rc == -EAGAIN)
		rc = sleep_until(&s.set.event, slip_sem_set_ready_, &want,
				 SLIP_FOREVER);
	X_ASSERT(!rc, "change says %d", rc);
}

/* --- what threads do ------------------------------------------------------- */

static void post_goods(void)
{
	s.goods[0] = 1;
	post(1);
	s.goods[1] = 1;
	post(1);
}

static void take_goods(void)
{
	acquire(1);
	X_ASSERT(s.goods[0] == 1, "the goods are not there");
	acquire(1);
	X_ASSERT(s.goods[1] == 1, "the second are not there");
}

static void post_one(void)
{
	post(1);
}

static void post_two(void)
{
	post(2);
}

static void post_twice(void)
{
	post(1);
	post(1);
}

static void take_one(void)
{
	acquire(1);
}

/* Who is not told that there is one does not give the two either. */
static void take_one_post_two(void)
{
	acquire(1);
	post(2);
}

static void take_two(void)
{
	acquire(2);
}

static void work_then_take(void)
{
	s.goods[x_self()] = 1;
	acquire(1);
}

static void wait_zero(void)
{
	int rc =
		sleep_until(&s.sem.event, slip_sem_zero_, &s.sem, SLIP_FOREVER);

	X_ASSERT(!rc, "wait_zero says %d", rc);
}

static void wait_zero_and_look(void)
{
	wait_zero();
	X_ASSERT(s.goods[0] && s.goods[1], "somebody's work is not done");
}

static void take_in_time(void)
{
	s.rc[x_self()] = acquire_until(1, slip_after_ns(1000));
}

/* --- afterwards ------------------------------------------------------------ */

static void count(void)
{
	uint32_t value = slip_sem_value(&s.sem);
	unsigned sum = 0;

	troubled += x_troubled();
	for (unsigned i = 0; i < X_THREADS; i++)
		sum += s.posted[i] - s.taken[i];
	/* One killed after its swap has not written that down. */
	X_ASSERT(x_troubled() || value == sum, "%u units, not %u", value, sum);
}

static void nothing_left(void)
{
	X_ASSERT(slip_sem_value(&s.sem) == 0, "units are left");
}

static void somebody_slept(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < X_THREADS; i++)
		sum += sleeps[i];
	X_ASSERT(sum, "nobody ever slept");
}

static void both_slept(void)
{
	X_ASSERT(sleeps[1] && sleeps[2], "slept %llu and %llu times",
		 (unsigned long long)sleeps[1], (unsigned long long)sleeps[2]);
}

static void in_time_or_not(void)
{
	X_ASSERT(s.rc[1] == 0 || s.rc[1] == -ETIMEDOUT, "says %d", s.rc[1]);
	X_ASSERT(slip_sem_value(&s.sem) == (s.rc[1] ? 1 : 0), "units");
	late += s.rc[1] != 0;
	served += s.rc[1] == 0;
}

static void both_happened(void)
{
	X_ASSERT(late && served, "%llu late, %llu served",
		 (unsigned long long)late, (unsigned long long)served);
}

/* --- deaths and stops ------------------------------------------------------ */

/* Posts that never were are not waited for. */
static void take_if_any(void)
{
	int rc;

	do {
		rc = acquire_until(1, slip_after_ns(2 * SLIP_LONG_SLICE_NS));
	} while (rc && !x_dead(0));
	s.rc[1] = rc ? slip_sem_acquire_try(&s.sem, 1) : rc;
}

static void poster_died(void)
{
	uint32_t value = slip_sem_value(&s.sem);

	X_ASSERT(!s.rc[1] || !value, "%u units are left asleep on", value);
	X_ASSERT(x_dead(0) || value + !s.rc[1] == 2, "units");
	X_ASSERT(value + !s.rc[1] <= 2, "units from nowhere");
	late += x_dead(0) && !s.rc[1];
	troubled += x_troubled();
}

static void sleeper_died(void)
{
	X_ASSERT(s.taken[2] == 1, "the survivor got nothing");
	X_ASSERT(slip_sem_value(&s.sem) <= 1, "units from nowhere");
	late += x_troubled() && sleeps[1] && sleeps[2];
	troubled += x_troubled();
}

static void deaths_happened(void)
{
	X_ASSERT(late && troubled, "%llu of %llu deaths mattered",
		 (unsigned long long)late, (unsigned long long)troubled);
}

/* --- sets ------------------------------------------------------------------ */

static const struct slip_sem_change add_0 = { { 1, 0, 0, 0 }, 0 };
static const struct slip_sem_change add_3 = { { 0, 0, 0, 1 }, 0 };
static const struct slip_sem_change take_both = { { -1, 0, 0, -1 }, 0 };
static const struct slip_sem_change take_0 = { { -1, 0, 0, 0 }, 0 };
static const struct slip_sem_change lock_1 = { { 0, 1, 0, 0 }, 1u << 1 };
static const struct slip_sem_change unlock_1 = { { 0, -1, 0, 0 }, 0 };

static void add_to_0(void)
{
	s.goods[0] = 1;
	change(&add_0);
}

static void add_two_to_0(void)
{
	static const struct slip_sem_change add_two = { { 2, 0, 0, 0 }, 0 };

	s.goods[0] = 1;
	change(&add_two);
}

static void add_to_0_twice(void)
{
	change(&add_0);
	change(&add_0);
}

static void add_to_3(void)
{
	s.goods[3] = 1;
	change(&add_3);
}

static void take_of_both(void)
{
	change(&take_both);
	X_ASSERT(s.goods[0] && s.goods[3], "the goods are not there");
}

static void only_take_of_both(void)
{
	change(&take_both);
}

static void take_of_0(void)
{
	change(&take_0);
}

/* It leaves one, so it need not look at the event. */
static void take_goods_of_0(void)
{
	change(&take_0);
	X_ASSERT(s.goods[0], "the goods are not there");
}

static void one_of_0_left(void)
{
	uint32_t v[4];

	slip_sem_set_values(&s.set, v);
	X_ASSERT(v[0] == 1 && !(v[1] | v[2] | v[3]), "%u left", v[0]);
}

/* A mutex: the counter is made 1 where it is 0. */
static void lock_and_count(void)
{
	change(&lock_1);
	s.goods[0]++;
	change(&unlock_1);
}

static void set_empty(void)
{
	uint32_t v[4];

	slip_sem_set_values(&s.set, v);
	X_ASSERT(!(v[0] | v[1] | v[2] | v[3]), "%u %u %u %u", v[0], v[1], v[2],
		 v[3]);
}

static void three_counted(void)
{
	set_empty();
	X_ASSERT(s.goods[0] == 3, "%u visits", s.goods[0]);
}

#define SEM(NAME, OPERATION, ONCE, FINAL, FINISH, ...)                        \
	{                                                                     \
		.name = NAME, .operation = "sem." OPERATION, .once = ONCE,    \
		.threads = { __VA_ARGS__ }, .final = FINAL, .finish = FINISH, \
		.sys = watch, .flags = X_SPURIOUS | X_EINTR, .surprises = 1,  \
	}
#define SET(NAME, FINAL, ...)                                              \
	{                                                                  \
		.name = NAME, .operation = "sem_set.change", .once = none, \
		.threads = { __VA_ARGS__ }, .final = FINAL,                \
		.finish = somebody_slept, .sys = watch,                    \
		.flags = X_SPURIOUS | X_EINTR, .surprises = 1,             \
	}

static const struct x_model models[] = {
	SEM("goods", "post+acquire", none, count, somebody_slept, post_goods,
	    take_goods),
	SEM("crowd", "post+acquire", none, nothing_left, somebody_slept,
	    post_one, post_one, take_one, take_one),
	SEM("many-and-one", "post+acquire", none, nothing_left, both_slept,
	    post_one, take_two, take_one_post_two),
	SEM("many-and-one-crowd", "post+acquire", none, count, somebody_slept,
	    post_two, post_one, take_two, take_one),
	SEM("several", "post+acquire", none, nothing_left, both_slept, post_two,
	    take_one, take_one),
	SEM("zero", "wait_zero", two, nothing_left, somebody_slept,
	    work_then_take, work_then_take, wait_zero_and_look),
	SEM("zero-and-one", "wait_zero", one, nothing_left, somebody_slept,
	    post_one, take_one, wait_zero, take_one),
	{
		.name = "time-out",
		.operation = "sem.acquire",
		.once = none,
		.threads = { post_one, take_in_time },
		.final = in_time_or_not,
		.finish = both_happened,
		.flags = X_TIMEOUT | X_SPURIOUS,
		.surprises = 2,
		.preemptions = 4,
	},
	{
		.name = "poster-dies",
		.operation = "sem.post",
		.once = sliced,
		.threads = { post_twice, take_if_any },
		.final = poster_died,
		.finish = deaths_happened,
		.sys = watch,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 4,
	},
	{
		.name = "sleeper-dies",
		.operation = "sem.acquire",
		.once = sliced,
		.threads = { post_twice, take_one, take_one },
		.final = sleeper_died,
		.finish = deaths_happened,
		.sys = watch,
		.mortal = 2,
		.troubles = 1,
	},
	{
		.name = "sleeper-stops",
		.operation = "sem.acquire",
		.once = sliced,
		.threads = { post_twice, take_one, take_one },
		.final = sleeper_died,
		.finish = deaths_happened,
		.sys = watch,
		.stoppable = 2,
		.troubles = 1,
	},
	SET("set-goods", one_of_0_left, add_two_to_0, take_goods_of_0),
	SET("set-both", set_empty, add_to_0, add_to_3, take_of_both),
	SET("set-crowd", set_empty, add_to_0_twice, add_to_3, only_take_of_both,
	    take_of_0),
	SET("set-lock", three_counted, lock_and_count, lock_and_count,
	    lock_and_count),
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
