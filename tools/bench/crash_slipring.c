/* SPDX-License-Identifier: MIT */
/* The links of our own: each side joins the region as a peer, so that a death
 * is stated by the kernel and a role can be taken over. */
#define _GNU_SOURCE
#include "tools/bench/crash_loops.h"

#include "futex/peer.h"
#include "ring/mpmc.h"
#include "ring/record.h"
#include "ring/spsc.h"

#define RECORDS_BYTES (CRASH_CAPACITY * 16u)
/* Elements that are taken at once. */
#define TAKEN 32u

SLIP_SPSC_DEFINE(numbers, uint64_t);
SLIP_MPMC_DEFINE(shared, uint64_t);

struct end {
	struct slip_region rg;
	struct slip_peer self;
	void *mem;
	size_t bytes;
	union {
		struct slip_spsc_producer sp;
		struct slip_spsc_consumer sc;
		struct slip_record_producer rp;
		struct slip_record_consumer rc;
		struct slip_mpmc q;
	} u;
};

static int make(struct crash_run *r, uint32_t kind, size_t bytes)
{
	int rc = slip_region_create(&r->rg, bytes, SLIP_REGION_MEMFD);

	if (!rc)
		rc = slip_region_place(&r->rg, "ring", kind, bytes, &r->mem);
	if (!rc && kind == SLIP_KIND_SPSC)
		rc = numbers_init(r->mem, bytes, CRASH_CAPACITY, 0);
	else if (!rc && kind == SLIP_KIND_MPMC)
		rc = shared_init(r->mem, bytes, CRASH_CAPACITY, 0);
	else if (!rc)
		rc = slip_record_init(r->mem, bytes, RECORDS_BYTES, 0);
	return rc ? rc : slip_region_publish(&r->rg, NULL, 0600);
}

static int open_spsc(struct crash_run *r)
{
	return make(r, SLIP_KIND_SPSC, numbers_bytes(CRASH_CAPACITY));
}

static int open_record(struct crash_run *r)
{
	return make(r, SLIP_KIND_RECORD, slip_record_bytes(RECORDS_BYTES, 0));
}

static int open_mpmc(struct crash_run *r)
{
	return make(r, SLIP_KIND_MPMC, shared_bytes(CRASH_CAPACITY, 0));
}

static void close_region(struct crash_run *r)
{
	slip_region_close(&r->rg);
}

/* The region as this process sees it, as a member. */
static int enter(struct end *e, const struct crash_run *r, uint32_t kind)
{
	int rc = slip_region_adopt(&e->rg, slip_region_fd(&r->rg),
				   SLIP_REGION_MEMFD);

	if (rc)
		return rc;
	e->mem = slip_region_find(&e->rg, "ring", kind, &e->bytes);
	return e->mem ? slip_peer_join(&e->self, &e->rg) : -ENOENT;
}

/* --- ring of elements ------------------------------------------------------ */

SLIP_CORE int spsc_push(void *own, uint64_t value)
{
	struct end *e = own;

	if (numbers_push(&e->u.sp, &value))
		return 0;
	return numbers_push_until(&e->u.sp, &value,
				  slip_after_ns(CRASH_NAP_NS));
}

static int spsc_again(void *own)
{
	struct end *e = own;

	return slip_spsc_wait_consumer_until(&e->u.sp,
					     slip_after_ns(CRASH_NAP_NS));
}

SLIP_CORE int spsc_pop(void *own, uint64_t *values)
{
	struct end *e = own;
	uint32_t n = numbers_pop_n(&e->u.sc, values, TAKEN);
	int rc;

	if (n)
		return (int)n;
	rc = slip_spsc_wait_data_until(&e->u.sc, slip_after_ns(CRASH_NAP_NS));
	return rc ? rc : -ETIMEDOUT;
}

static int spsc_produce(struct crash_run *r)
{
	struct end e;
	int rc = enter(&e, r, SLIP_KIND_SPSC);

	if (!rc)
		rc = numbers_attach_producer(&e.u.sp, e.mem, e.bytes, &e.self);
	if (rc)
		return rc;
	crash_ready(r->board);
	return crash_produce(r->board, &e, spsc_push, spsc_again);
}

static int spsc_consume(struct crash_run *r, bool successor)
{
	struct end e;
	int rc = enter(&e, r, SLIP_KIND_SPSC);

	if (rc)
		return rc;
	if (successor) {
		crash_ready(r->board);
		crash_await(&r->board->go);
	}
	do {
		rc = numbers_attach_consumer(&e.u.sc, e.mem, e.bytes, &e.self);
	} while (rc == -EBUSY && successor && sched_yield() == 0);
	if (rc)
		return rc;
	if (!successor)
		crash_ready(r->board);
	return crash_consume(r->board, &e, spsc_pop, successor, TAKEN);
}

/* --- ring of records ------------------------------------------------------- */

SLIP_CORE int record_push(void *own, uint64_t value)
{
	struct end *e = own;
	int rc = slip_record_push(&e->u.rp, &value, sizeof(value));

	if (rc != -EAGAIN)
		return rc;
	return slip_record_push_until(&e->u.rp, &value, sizeof(value),
				      slip_after_ns(CRASH_NAP_NS));
}

static int record_again(void *own)
{
	struct end *e = own;

	return slip_record_wait_consumer_until(&e->u.rp,
					       slip_after_ns(CRASH_NAP_NS));
}

SLIP_CORE int record_pop(void *own, uint64_t *values)
{
	struct slip_record_span spans[TAKEN];
	struct end *e = own;
	uint32_t n = slip_record_pop_n(&e->u.rc, values,
				       TAKEN * sizeof(*values), spans, TAKEN);
	int rc;

	for (uint32_t i = 0; i < n; i++)
		if (spans[i].len != sizeof(*values))
			return -EBADMSG;
	if (n)
		return (int)n;
	rc = slip_record_wait_data_until(&e->u.rc, slip_after_ns(CRASH_NAP_NS));
	return rc ? rc : -ETIMEDOUT;
}

static int record_produce(struct crash_run *r)
{
	struct end e;
	int rc = enter(&e, r, SLIP_KIND_RECORD);

	if (!rc)
		rc = slip_record_attach_producer(&e.u.rp, e.mem, e.bytes,
						 &e.self);
	if (rc)
		return rc;
	crash_ready(r->board);
	return crash_produce(r->board, &e, record_push, record_again);
}

static int record_consume(struct crash_run *r, bool successor)
{
	struct end e;
	int rc = enter(&e, r, SLIP_KIND_RECORD);

	if (rc)
		return rc;
	if (successor) {
		crash_ready(r->board);
		crash_await(&r->board->go);
	}
	do {
		rc = slip_record_attach_consumer(&e.u.rc, e.mem, e.bytes,
						 &e.self);
	} while (rc == -EBUSY && successor && sched_yield() == 0);
	if (rc)
		return rc;
	if (!successor)
		crash_ready(r->board);
	return crash_consume(r->board, &e, record_pop, successor, TAKEN);
}

/* --- ring of many consumers ------------------------------------------------ */

SLIP_CORE int mpmc_push(void *own, uint64_t value)
{
	struct end *e = own;

	if (shared_push(&e->u.q, &value))
		return 0;
	return shared_push_until(&e->u.q, &value, slip_after_ns(CRASH_NAP_NS));
}

static int mpmc_again(void *own)
{
	struct end *e = own;

	if (!slip_mpmc_gone(&e->u.q, SLIP_CONSUMER))
		return 0;
	(void)sched_yield();
	return -ETIMEDOUT;
}

SLIP_CORE int mpmc_pop(void *own, uint64_t *values)
{
	struct end *e = own;
	uint32_t n = shared_pop_n(&e->u.q, values, TAKEN);
	int rc;

	if (n)
		return (int)n;
	rc = shared_pop_until(&e->u.q, values, slip_after_ns(CRASH_NAP_NS));
	return rc ? rc : 1;
}

static int mpmc_produce(struct crash_run *r)
{
	struct end e;
	int rc = enter(&e, r, SLIP_KIND_MPMC);

	if (!rc)
		rc = shared_attach(&e.u.q, e.mem, e.bytes, SLIP_PRODUCER,
				   &e.self);
	if (rc)
		return rc;
	crash_ready(r->board);
	return crash_produce(r->board, &e, mpmc_push, mpmc_again);
}

/* Beside another one: what is popped here only ever grows. */
static int mpmc_share(struct crash_run *r, struct end *e, bool colleague)
{
	struct crash_board *b = r->board;
	struct crash_tally t = { 0, 0, 0, false };

	for (;;) {
		uint64_t values[CRASH_BATCH];
		int n = mpmc_pop(e, values);

		if (n < 0 && n != -ETIMEDOUT)
			return n;
		for (int i = 0; i < n; i++) {
			if (values[i] <= t.last)
				return -EBADMSG;
			t.last = values[i];
		}
		if (n <= 0)
			continue;
		slip_a64_store_release(&b->last, t.last);
		t.fresh += (uint32_t)n;
		t.successor = colleague && r->event == CRASH_CALLED &&
			      slip_a64_load_acquire(&b->struck_ns);
		crash_post(b, &t);
	}
}

static int mpmc_consume(struct crash_run *r, bool successor)
{
	struct end e;
	int rc = enter(&e, r, SLIP_KIND_MPMC);

	if (rc)
		return rc;
	if (successor && r->event == CRASH_ALONE) {
		crash_ready(r->board);
		crash_await(&r->board->go);
	}
	rc = shared_attach(&e.u.q, e.mem, e.bytes, SLIP_CONSUMER, &e.self);
	if (rc)
		return rc;
	if (!successor || r->event != CRASH_ALONE)
		crash_ready(r->board);
	if (r->event != CRASH_ALONE)
		return mpmc_share(r, &e, successor);
	return crash_consume(r->board, &e, mpmc_pop, successor, TAKEN);
}

const struct crash_link crash_spsc = {
	.open = open_spsc,
	.close = close_region,
	.produce = spsc_produce,
	.consume = spsc_consume,
};

const struct crash_link crash_record = {
	.open = open_record,
	.close = close_region,
	.produce = record_produce,
	.consume = record_consume,
};

const struct crash_link crash_mpmc = {
	.open = open_mpmc,
	.close = close_region,
	.produce = mpmc_produce,
	.consume = mpmc_consume,
	.colleague = true,
};
