/* SPDX-License-Identifier: MIT */
/*
 * Our record ring as suite record sees it: the public calls, without peers, and
 * with the event mode that slip_record_init chooses, as if somebody might sleep.
 */
#include "ring/record.h"
#include "tools/bench/record_loops.h"

struct ends {
	struct slip_record_producer p;
	struct slip_record_consumer c;
	unsigned self;
};

static int make(struct bench_team *t)
{
	return slip_record_init(record_ring(t), record_ring_bytes(t),
				t->point->capacity, 0);
}

static int open_ends(struct bench_team *t, unsigned self, struct ends *e)
{
	e->self = self;
	return self ? slip_record_attach_consumer(&e->c, record_ring(t),
						  record_ring_bytes(t), NULL)
		    : slip_record_attach_producer(&e->p, record_ring(t),
						  record_ring_bytes(t), NULL);
}

static void shut_ends(struct ends *e)
{
	if (e->self)
		slip_record_detach_consumer(&e->c);
	else
		slip_record_detach_producer(&e->p);
}

/* The END is one record here. */
#define ONE(t, bytes) 1

/* --- without waiting ------------------------------------------------------- */

SLIP_CORE int put_claim(void *lane, const uint64_t *from, uint32_t bytes)
{
	struct ends *e = (struct ends *)lane;
	void *to = slip_record_claim(&e->p, bytes);

	if (!to)
		return e->p.error;
	memcpy(to, from, bytes);
	slip_record_commit(&e->p, bytes);
	return 1;
}

SLIP_CORE int take_copy(void *lane, union record_msg *to, uint32_t bytes,
			uint64_t number)
{
	struct ends *e = (struct ends *)lane;
	uint32_t len;
	const void *body = slip_record_peek(&e->c, &len);

	if (!body)
		return e->c.error;
	if (len != bytes)
		return -EBADMSG;
	memcpy(to, body, bytes);
	slip_record_release(&e->c);
	return record_check(to->word, bytes, number);
}

SLIP_CORE int take_touch(void *lane, union record_msg *to, uint32_t bytes,
			 uint64_t number)
{
	struct ends *e = (struct ends *)lane;
	uint32_t len;
	const void *body = slip_record_peek(&e->c, &len);
	int rc;

	(void)to;
	if (!body)
		return e->c.error;
	if (len != bytes)
		return -EBADMSG;
	rc = record_touch((const uint64_t *)body, bytes, number);
	slip_record_release(&e->c);
	return rc;
}

SLIP_CORE int put_push(void *lane, const uint64_t *from, uint32_t bytes)
{
	struct ends *e = (struct ends *)lane;
	int rc = slip_record_push(&e->p, from, bytes);

	return rc == 0 ? 1 : rc == -EAGAIN ? 0 : rc;
}

SLIP_CORE int take_pop(void *lane, union record_msg *to, uint32_t bytes,
		       uint64_t number)
{
	struct ends *e = (struct ends *)lane;
	uint32_t len;
	int rc = slip_record_pop(&e->c, to, bytes, &len);

	if (rc)
		return rc == -EAGAIN ? 0 : rc;
	return len == bytes ? record_check(to->word, bytes, number) : -EBADMSG;
}

RECORD_WAY(claim_copy, ends, put_claim, take_copy, make, NULL, ONE, 1)
RECORD_WAY(claim_touch, ends, put_claim, take_touch, make, NULL, ONE, 1)
RECORD_WAY(push, ends, put_push, take_pop, make, NULL, ONE, 1)
RECORD_WAY(claim_copy_rest, ends, put_claim, take_copy, make, NULL, ONE,
	   RECORD_REST)
RECORD_WAY(claim_touch_rest, ends, put_claim, take_touch, make, NULL, ONE,
	   RECORD_REST)
RECORD_WAY(push_rest, ends, put_push, take_pop, make, NULL, ONE, RECORD_REST)
RECORD_WAY_ANY(claim_any, ends, put_claim, take_copy, make, NULL)
RECORD_WAY_ANY(push_any, ends, put_push, take_pop, make, NULL)

/* --- blocking -------------------------------------------------------------- */

SLIP_CORE int put_until(void *lane, const uint64_t *from, uint32_t bytes)
{
	struct ends *e = (struct ends *)lane;
	int rc = slip_record_push_until(&e->p, from, bytes, SLIP_FOREVER);

	return rc ? rc : 1;
}

SLIP_CORE int take_until(void *lane, union record_msg *to, uint32_t bytes,
			 uint64_t number)
{
	struct ends *e = (struct ends *)lane;
	uint32_t len;
	int rc = slip_record_pop_until(&e->c, to, bytes, &len, SLIP_FOREVER);

	if (rc)
		return rc;
	return len == bytes ? record_check(to->word, bytes, number) : -EBADMSG;
}

SLIP_CORE int put_claim_until(void *lane, const uint64_t *from, uint32_t bytes)
{
	struct ends *e = (struct ends *)lane;
	int rc = put_claim(lane, from, bytes);

	while (rc == 0) {
		rc = slip_record_wait_room_until(&e->p, bytes, SLIP_FOREVER);
		if (rc == 0)
			rc = put_claim(lane, from, bytes);
	}
	return rc;
}

SLIP_CORE int take_peek_until(void *lane, union record_msg *to, uint32_t bytes,
			      uint64_t number)
{
	struct ends *e = (struct ends *)lane;
	int rc = take_touch(lane, to, bytes, number);

	while (rc == 0) {
		rc = slip_record_wait_data_until(&e->c, SLIP_FOREVER);
		if (rc == 0)
			rc = take_touch(lane, to, bytes, number);
	}
	return rc;
}

RECORD_WAY(until, ends, put_until, take_until, make, NULL, ONE, 1)
RECORD_WAY(claim_until, ends, put_claim_until, take_peek_until, make, NULL, ONE,
	   1)
