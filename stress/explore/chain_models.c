/* SPDX-License-Identifier: MIT */
/*
 * Models of ring/chain.h: segments of two slots, so that a few elements fill them,
 * hang on others, empty them and use them again; pushers that are late, rivals at
 * the end of a segment, batches, the limit, close, sleepers, stopped threads.
 *
 * liburcu is urcu_model.h: a segment comes back, or is given back, as soon as that
 * may be; and what is given back is overwritten, as is what was never taken. Histories
 * are held against a FIFO queue (history.h).
 */
#include <string.h>

#include "urcu_model.h"

#include "history.h"
#include "ring/chain.h"

#define SEGMENTS      8
#define SEGMENT_BYTES 512 /* two slots of 16 bytes behind a header */

static struct slip_chain c;
static struct {
	char bytes[SEGMENTS][SEGMENT_BYTES] __attribute__((aligned(128)));
} pool;
static struct {
	bool taken[SEGMENTS];
	unsigned
		refuse; /* the nth request from now on finds nothing; 0: none */
	int rc[X_THREADS];
} s;
static slip_a32 given; /* as malloc's lock: who takes sees who gave */
static slip_a32 told;

/* Over all executions; so that none of the claims is empty. */
static uint64_t some, none, voided, grown, reused, freed, pipes, refused, stops,
	saw_some, saw_none;

/* --- memory ------------------------------------------------------------------ */

RCU_UNSEEN static void *take_memory(void)
{
	if (s.refuse && --s.refuse == 0)
		return NULL;
	for (unsigned i = 0; i < SEGMENTS; i++) {
		if (s.taken[i])
			continue;
		s.taken[i] = true;
		grown++;
		return pool.bytes[i];
	}
	x_fail(__FILE__, __LINE__, "out of segments");
}

RCU_UNSEEN static void note_given(void *memory)
{
	for (unsigned i = 0; i < SEGMENTS; i++)
		if (memory == pool.bytes[i]) {
			X_ASSERT(s.taken[i], "given back twice");
			s.taken[i] = false;
		}
	freed++;
}

static void *get(void *context, size_t bytes)
{
	(void)context;
	X_ASSERT(bytes == SEGMENT_BYTES, "%zu bytes", bytes);
	(void)slip_a32_fetch_add_acqrel(&given, 1);
	return take_memory();
}

static void put(void *context, void *memory, size_t bytes)
{
	(void)context;
	memset(memory, 0xbb, bytes);
	(void)slip_a32_fetch_add_acqrel(&given, 1);
	note_given(memory);
}

/* --- operations -------------------------------------------------------------- */

static int push_value(uint64_t value)
{
	struct op *o = begin(x_self(), PUSH, value);
	int rc = slip_chain_push_(&c, &value, 8);

	end(o, rc == 0, value);
	return rc;
}

static int push(uint64_t i)
{
	return push_value((x_self() + 1) * 100 + i);
}

static bool pop(void)
{
	uint64_t value = 0;
	struct op *o = begin(x_self(), POP, 0);
	bool ok = slip_chain_pop_(&c, &value, 8);

	end(o, ok, value);
	return ok;
}

static uint32_t push_n(uint64_t i, uint32_t n)
{
	unsigned t = x_self();
	struct op *o = begin_batch(t, PUSH, n);
	uint64_t elems[4];
	uint32_t went;

	for (uint32_t k = 0; k < n; k++)
		elems[k] = o[k].value = (t + 1) * 100 + i + k;
	went = slip_chain_push_some_(&c, elems, n, 8);
	end_batch(o, n, went);
	return went;
}

/* As in mpmc_models.c: only the first that it did not get says "empty". */
static uint32_t pop_n(uint32_t n)
{
	struct op *o = begin_batch(x_self(), POP, n);
	uint64_t elems[4];
	uint32_t came = slip_chain_pop_n_(&c, elems, n, 8);

	for (uint32_t k = 0; k < came; k++)
		o[k].value = elems[k];
	end_batch(o, n, came);
	for (uint32_t k = came ? came : 1; k < n; k++)
		o[k].kind = NOTHING;
	return came;
}

/* Those that end with an element are judged. */
static int pop_until(uint64_t deadline)
{
	uint64_t value = 0;
	struct op *o = begin(x_self(), POP, 0);
	int rc = slip_chain_pop_until(&c, &value, deadline);

	end(o, rc == 0, value);
	if (rc)
		o->kind = NOTHING;
	return rc;
}

static int push_until(uint64_t i)
{
	uint64_t value = (x_self() + 1) * 100 + i;
	struct op *o = begin(x_self(), PUSH, value);
	int rc = slip_chain_push_until(&c, &value, SLIP_FOREVER);

	end(o, rc == 0, value);
	return rc;
}

/* --- chains ------------------------------------------------------------------ */

static void chain(uint32_t segments_max)
{
	struct slip_chain_options o = {
		.segment = 2,
		.segments_max = segments_max,
		.get = get,
		.put = put,
	};

	some = none = voided = grown = reused = freed = pipes = refused = 0;
	stops = saw_some = saw_none = 0;
	memset(&s, 0, sizeof(s));
	memset(&told, 0, sizeof(told));
	memset(&pool, 0xbb, sizeof(pool));
	memset(&history, 0, sizeof(history));
	rcu_setup();
	X_ASSERT(!slip_chain_init(&c, 8, &o), "init");
	c.patience = c.linger = 0;
	/* Sleep at once. */
	slip_a64_store_relaxed(&c.spin, UINT64_C(0xffff) << 48);
	x_keep(&c, sizeof(c));
	x_keep(&pool, sizeof(pool));
	x_keep(&s, sizeof(s));
	x_keep(&history, sizeof(history));
	x_keep(&told, sizeof(told));
	x_name(&c, sizeof(c), "chain");
	for (unsigned i = 0; i < SEGMENTS; i++)
		x_name(pool.bytes[i], SEGMENT_BYTES,
		       (const char *[]){ "seg0", "seg1", "seg2", "seg3", "seg4",
					 "seg5", "seg6", "seg7" }[i]);
}

static void unlimited(void)
{
	chain(0);
}

/* Slots that are being filled are looked at again. */
static void patient(void)
{
	chain(0);
	c.patience = 2;
}

/* Two elements are there: the first segment is full. */
static void full_segment(void)
{
	chain(0);
	X_ASSERT(!push_value(1) && !push_value(2), "push");
}

/* And what is left is given back at once: the cache is said to be full. */
static void frugal(void)
{
	full_segment();
	slip_a64_store_relaxed(&c.spares, 1000); /* hint */
}

/* And the limit is reached: no more can be hung on. */
static void full_limited(void)
{
	chain(2);
	for (uint64_t v = 1; v <= 4; v++)
		X_ASSERT(!push_value(v), "push");
}

/* One is full, and one more may be hung on. */
static void limited(void)
{
	chain(2);
	X_ASSERT(!push_value(1) && !push_value(2), "push");
}

/* A segment has been left, and is spare. */
static void spare_segment(void)
{
	full_segment();
	X_ASSERT(!push_value(3) && pop() && pop() && pop(), "push and pop");
	X_ASSERT(slip_a64_load_relaxed(&c.spares) == 1, "no spare one");
	memset(&history, 0, sizeof(history));
}

/* Two are, and the one in use is full. */
static void spare_segments(void)
{
	full_segment();
	for (uint64_t v = 3; v <= 5; v++)
		X_ASSERT(!push_value(v), "push");
	while (pop())
		continue;
	X_ASSERT(slip_a64_load_relaxed(&c.spares) == 2, "no spare ones");
	memset(&history, 0, sizeof(history));
	X_ASSERT(!push_value(6), "push");
}

/* --- after ------------------------------------------------------------------- */

static void count(void)
{
	EACH_OP(o)
	{
		if (t_o == X_THREADS || !o->end)
			continue;
		some += o->kind == POP && o->ok;
		none += o->kind == POP && !o->ok;
		refused += o->kind == PUSH && !o->ok;
	}
}

/* All that the rest of the world may see of it is as it must be; then it goes. */
static void judge(void)
{
	unsigned unknown = 0, lost = 0;

	while (pop())
		continue;
	EACH_OP(o)
	unknown += o->kind == POP && !o->end;
	EACH_OP(o)
	{
		judge_fifo(o, t_o, unknown != 0);
		if (o->kind == PUSH && o->end && o->ok)
			lost += !pop_of(o);
		if (o->kind == PUSH && o->end && !o->ok)
			X_ASSERT(!pop_of(o), "%llu popped, refused",
				 (unsigned long long)o->value);
	}
	X_ASSERT(lost <= unknown, "%u lost, %u pops did not return", lost,
		 unknown);
}

/* Was a pusher turned away from a slot? */
static void count_voids(void)
{
	for (unsigned i = 0; i < SEGMENTS; i++) {
		struct slip_chain_segment *at =
			slip_chain_at_((uintptr_t)pool.bytes[i]);

		for (unsigned k = 0; k < 2 && s.taken[i]; k++) {
			/* stat */
			uint64_t w = slip_a64_load_relaxed(
				slip_chain_slot_(at, k, 8));

			voided += (w & 3) == SLIP_CHAIN_VOID;
		}
		reused += s.taken[i] && at->use > 1;
	}
}

/* Each segment that was taken is in the chain, spare, or given back. */
static void give_all_back(void)
{
	slip_chain_destroy(&c);
	for (unsigned i = 0; i < SEGMENTS; i++)
		X_ASSERT(!s.taken[i], "segment %u was forgotten", i);
}

static void done(void)
{
	count();
	count_voids();
	judge();
	give_all_back();
}

static void done_or_stopped(void)
{
	bool stopped = false;

	for (unsigned t = 0; t < X_THREADS; t++)
		stopped = stopped || x_stopped(t);
	stops += stopped;
	count();
	count_voids();
	judge();
	/* The segments of who stopped inside are not free yet. */
	if (!stopped)
		give_all_back();
}

static void popped_some(void)
{
	X_ASSERT(some && none, "%llu popped, %llu empty",
		 (unsigned long long)some, (unsigned long long)none);
}

static void popped_all(void)
{
	X_ASSERT(some && !none, "%llu popped, %llu empty",
		 (unsigned long long)some, (unsigned long long)none);
}

static void popped_and_voided(void)
{
	popped_some();
	X_ASSERT(voided, "no slot was voided");
}

static void recycled(void)
{
	X_ASSERT(some && reused && rcu_reclaimed, "%llu popped, %llu reused",
		 (unsigned long long)some, (unsigned long long)reused);
}

static void gave_back(void)
{
	X_ASSERT(some && freed, "%llu popped", (unsigned long long)some);
}

static void stopped_some(void)
{
	X_ASSERT(some && stops && voided, "%llu popped, %llu stops, %llu void",
		 (unsigned long long)some, (unsigned long long)stops,
		 (unsigned long long)voided);
}

static void refused_some(void)
{
	X_ASSERT(some && refused, "%llu popped, %llu refused",
		 (unsigned long long)some, (unsigned long long)refused);
}

static void looked_on(void)
{
	X_ASSERT(some && saw_some && saw_none, "%llu saw some, %llu none",
		 (unsigned long long)saw_some, (unsigned long long)saw_none);
}

static void looked_on_and_refused(void)
{
	X_ASSERT(saw_some && refused, "%llu saw some, %llu refused",
		 (unsigned long long)saw_some, (unsigned long long)refused);
}

static void ended(void)
{
	X_ASSERT(some && pipes, "%llu popped, %llu ends",
		 (unsigned long long)some, (unsigned long long)pipes);
}

/* --- threads ----------------------------------------------------------------- */

static void push_one(void)
{
	X_ASSERT(!push(0), "push");
}

static void push_two(void)
{
	X_ASSERT(!push(0) && !push(1), "push");
}

static void push_three(void)
{
	X_ASSERT(!push(0) && !push(1) && !push(2), "push");
}

static void push_five(void)
{
	for (uint64_t i = 0; i < 5; i++)
		X_ASSERT(!push(i), "push");
}

static void pop_one(void)
{
	(void)pop();
}

static void pop_two(void)
{
	(void)pop();
	(void)pop();
}

static void pop_three(void)
{
	pop_two();
	(void)pop();
}

static void pop_five(void)
{
	for (unsigned i = 0; i < 5; i++)
		(void)pop();
}

static void push_and_pop(void)
{
	X_ASSERT(!push(0), "push");
	X_ASSERT(pop(), "nothing there, and ours is not popped");
}

static void push_and_tell(void)
{
	push_one();
	slip_a32_store_release(&told, 1);
}

/* Who takes another's leaves it the one that was told of. */
static void pop_if_told(void)
{
	if (slip_a32_load_acquire(&told))
		X_ASSERT(pop(), "told of one, and there is none");
}

/* There are never more than three segments. */
static void look(void)
{
	struct slip_chain_info info;

	slip_chain_inspect(&c, &info);
	X_ASSERT(info.elements_guess <= 6, "%llu elements",
		 (unsigned long long)info.elements_guess);
	saw_some += info.elements_guess != 0;
	saw_none += info.elements_guess == 0;
}

static void push_three_at_once(void)
{
	X_ASSERT(push_n(0, 3) == 3, "push_n");
}

static void push_two_at_once(void)
{
	X_ASSERT(push_n(0, 2) == 2, "push_n");
}

static void pop_three_at_once(void)
{
	(void)pop_n(3);
}

static void pop_two_at_once(void)
{
	(void)pop_n(2);
}

static void wait_for_one(void)
{
	X_ASSERT(!pop_until(SLIP_FOREVER), "pop_until");
}

static void wait_for_two(void)
{
	wait_for_one();
	wait_for_one();
}

static void wait_a_while(void)
{
	int rc = pop_until(slip_after_ns(1000));

	X_ASSERT(!rc || rc == -ETIMEDOUT, "pop_until: %d", rc);
	none += rc != 0;
}

static void push_and_close(void)
{
	X_ASSERT(!push(0), "push");
	slip_chain_close(&c);
}

static void close_it(void)
{
	slip_chain_close(&c);
	X_ASSERT(push(9) == -EPIPE, "pushed into a closed chain");
}

static void push_until_closed(void)
{
	int rc = 0;

	for (uint64_t i = 0; i < 3 && !rc; i++)
		rc = push(i);
	X_ASSERT(!rc || rc == -EPIPE, "push: %d", rc);
}

static void pop_to_the_end(void)
{
	int rc;

	do
		rc = pop_until(SLIP_FOREVER);
	while (!rc);
	X_ASSERT(rc == -EPIPE, "pop_until: %d", rc);
	s.rc[x_self()] = rc;
	pipes++;
}

static void push_when_there_is_room(void)
{
	X_ASSERT(!push_until(0), "push_until");
}

static void push_three_when_there_is_room(void)
{
	for (uint64_t i = 0; i < 3; i++)
		X_ASSERT(!push_until(i), "push_until");
}

static void push_until_room_or_end(void)
{
	int rc = push_until(0);

	X_ASSERT(!rc || rc == -EPIPE, "push_until: %d", rc);
	refused += rc != 0;
}

static void push_if_there_is_room(void)
{
	int rc = push(0);

	X_ASSERT(!rc || rc == -EAGAIN, "push: %d", rc);
}

static void push_and_pop_two(void)
{
	push_if_there_is_room();
	pop_two();
}

static void push_without_memory(void)
{
	int rc;

	s.refuse = 1;
	rc = push(0);
	X_ASSERT(rc == -ENOMEM || !rc, "push: %d", rc);
}

/* Nothing that was pushed comes after the end. */
static void done_and_ended(void)
{
	uint64_t value;

	for (unsigned t = 0; t < X_THREADS; t++)
		if (s.rc[t] == -EPIPE)
			X_ASSERT(!slip_chain_pop_(&c, &value, 8),
				 "%llu after the end",
				 (unsigned long long)value);
	done();
}

#define MODEL(NAME, OPERATION, ONCE, FINISH, BOUND, ...)                       \
	{                                                                      \
		.name = (NAME), .operation = (OPERATION), .once = (ONCE),      \
		.threads = { __VA_ARGS__ }, .final = done, .finish = (FINISH), \
		.preemptions = (BOUND)                                         \
	}
#define SLEEPS X_SPURIOUS | X_EINTR

static const struct x_model models[] = {
	MODEL("push-pop", "chain.push+pop", unlimited, popped_some, 3,
	      push_three, pop_three),
	MODEL("two-two", "chain.push+pop", unlimited, popped_and_voided, 2,
	      push_one, push_two, pop_one, pop_two),
	MODEL("three-one", "chain.push+pop", unlimited, popped_some, 2,
	      push_one, push_one, push_one, pop_three),
	MODEL("both", "chain.push+pop", unlimited, popped_all, 2, push_and_pop,
	      push_and_pop, push_and_pop),
	MODEL("both-two", "chain.push+pop", unlimited, popped_all, 4,
	      push_and_pop, push_and_pop),
	MODEL("told", "chain.push+pop", unlimited, popped_all, 2, push_and_tell,
	      pop_if_told, push_and_pop),
	MODEL("patient", "chain.push+pop", patient, popped_some, 3, push_two,
	      pop_two),
	MODEL("inspect", "chain.inspect", full_segment, looked_on, 2, push_one,
	      pop_three, look),
	MODEL("inspect-closed", "chain.inspect", full_segment,
	      looked_on_and_refused, 2, push_until_closed, close_it, look),
	MODEL("append", "chain.grow", full_segment, popped_some, 2, push_one,
	      push_one, pop_three),
	MODEL("recycle", "chain.grow", spare_segment, recycled, 2, push_five,
	      pop_five),
	MODEL("recycle-rivals", "chain.grow", spare_segment, recycled, 2,
	      push_three, push_two, pop_five),
	MODEL("recycle-readers", "chain.grow", spare_segment, recycled, 2,
	      push_five, pop_three, pop_three),
	MODEL("loser", "chain.grow", spare_segments, NULL, 2, push_one,
	      push_one, push_one),
	MODEL("give-back", "chain.grow", frugal, gave_back, 2, push_one,
	      pop_three, push_one),
	MODEL("give-back-readers", "chain.grow", frugal, gave_back, 2, push_one,
	      pop_three, pop_one),
	MODEL("drain", "chain.grow", full_segment, gave_back, 2, push_three,
	      pop_five, pop_three),
	MODEL("batch", "chain.push_n+pop_n", unlimited, popped_some, 3,
	      push_three_at_once, pop_three_at_once, pop_one),
	MODEL("batch-rivals", "chain.push_n+pop_n", unlimited, popped_some, 2,
	      push_two_at_once, push_two_at_once, pop_two_at_once,
	      pop_two_at_once),
	{
		.name = "stopped",
		.operation = "chain.push+pop",
		.once = unlimited,
		.threads = { push_two, push_one, pop_three },
		.final = done_or_stopped,
		.finish = stopped_some,
		.stoppable = 1,
		.troubles = 1,
		.preemptions = 1,
	},
	{
		.name = "stopped-popper",
		.operation = "chain.push+pop",
		.once = full_segment,
		.threads = { pop_two, push_two, pop_three },
		.final = done_or_stopped,
		.stoppable = 1,
		.troubles = 1,
		.preemptions = 1,
	},
	{
		.name = "wait",
		.operation = "chain.wait",
		.once = unlimited,
		.threads = { push_two, wait_for_two },
		.final = done,
		.preemptions = 3,
		.flags = SLEEPS,
		.surprises = 1,
	},
	{
		.name = "wait-two",
		.operation = "chain.wait",
		.once = unlimited,
		.threads = { push_one, push_one, wait_for_one, wait_for_one },
		.final = done,
		.preemptions = 2,
	},
	{
		.name = "wait-batch",
		.operation = "chain.wait",
		.once = unlimited,
		.threads = { push_two_at_once, wait_for_one, wait_for_one },
		.final = done,
		.preemptions = 2,
	},
	{
		.name = "wait-a-while",
		.operation = "chain.wait",
		.once = unlimited,
		.threads = { push_one, wait_a_while },
		.final = done,
		.finish = popped_some,
		.preemptions = 2,
		.flags = SLEEPS | X_TIMEOUT,
		.surprises = 1,
	},
	{
		.name = "close",
		.operation = "chain.close",
		.once = unlimited,
		.threads = { push_and_close, pop_to_the_end },
		.final = done_and_ended,
		.finish = ended,
		.preemptions = 3,
		.flags = SLEEPS,
		.surprises = 1,
	},
	{
		.name = "close-rivals",
		.operation = "chain.close",
		.once = unlimited,
		.threads = { push_until_closed, close_it, pop_to_the_end },
		.final = done_and_ended,
		.finish = ended,
		.preemptions = 2,
	},
	{
		.name = "close-twice",
		.operation = "chain.close",
		.once = full_segment,
		.threads = { push_until_closed, close_it, close_it,
			     pop_to_the_end },
		.final = done_and_ended,
		.finish = ended,
		.preemptions = 1,
	},
	{
		.name = "limit",
		.operation = "chain.limit",
		.once = full_limited,
		.threads = { push_if_there_is_room, pop_three },
		.final = done,
		.finish = refused_some,
		.preemptions = 3,
	},
	{
		.name = "limit-wait",
		.operation = "chain.limit",
		.once = full_limited,
		.threads = { push_when_there_is_room, pop_three },
		.final = done,
		.preemptions = 3,
		.flags = SLEEPS,
		.surprises = 1,
	},
	{
		.name = "limit-last",
		.operation = "chain.limit",
		.once = full_limited,
		.threads = { push_when_there_is_room, pop_two },
		.final = done,
		.preemptions = 3,
		.flags = SLEEPS,
		.surprises = 1,
	},
	{
		.name = "limit-behind",
		.operation = "chain.limit",
		.once = limited,
		.threads = { push_three_when_there_is_room, pop_two },
		.final = done,
		.preemptions = 3,
	},
	{
		.name = "limit-late",
		.operation = "chain.limit",
		.once = limited,
		.threads = { push_and_pop_two, push_if_there_is_room },
		.final = done,
		.finish = refused_some,
		.preemptions = 3,
	},
	{
		.name = "limit-rivals",
		.operation = "chain.limit",
		.once = full_limited,
		.threads = { push_when_there_is_room, push_when_there_is_room,
			     pop_three },
		.final = done,
		.preemptions = 2,
	},
	{
		.name = "limit-close",
		.operation = "chain.limit",
		.once = full_limited,
		.threads = { push_until_room_or_end, close_it },
		.final = done,
		.preemptions = 2,
	},
	{
		.name = "no-memory",
		.operation = "chain.limit",
		.once = full_segment,
		.threads = { push_without_memory, pop_two },
		.final = done,
		.preemptions = 1,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
