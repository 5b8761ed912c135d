/* SPDX-License-Identifier: MIT */
/*
 * Instead of a POSIX message queue with priorities, and of System V's messages
 * by type: the urgent ones come first, a consumer may ask for those of some
 * levels only, a thread that serves other things too sleeps until the queue is no
 * longer empty (mq_notify), and messages of a sender that is killed are not lost.
 */
#include "tools/examples/example.h"

#include "ring/slipring.h"

enum { BULK, NORMAL, URGENT, LEVELS };
#define PLACES 4

struct message {
	uint32_t number;
	char what[28];
};
SLIP_PRIORITY_DEFINE(mail, struct message);

static struct family parent;

static void send_to(struct slip_priority *q, uint32_t level, uint32_t number)
{
	struct message m = { number, "news" };

	must(mail_push_until(q, &m, level, SLIP_FOREVER) == 0, "mq_send");
}

/* Sends to two levels, and is killed with its seat taken. */
static int sender(void)
{
	struct slip_priority q;
	struct family f;
	size_t bytes;
	void *ring;

	family_join(&f, &parent);
	ring = family_find(&f, "mail", SLIP_KIND_PRIORITY, &bytes);
	must(mail_attach(&q, ring, bytes, SLIP_PRODUCER, &f.me) == 0,
	     "mq_open");
	send_to(&q, BULK, 5);
	send_to(&q, URGENT, 6);
	wait_for_the_end();
	return 0;
}

static void expect(struct slip_priority *q, uint32_t level, uint32_t number)
{
	struct message m;
	uint32_t at;

	must(mail_pop_until(q, &m, &at, SLIP_FOREVER) == 0, "mq_receive");
	must(at == level && m.number == number, "the most urgent");
}

/* As a loop that serves other things too would. */
static void sleep_until_some(struct slip_priority *q, uint64_t levels)
{
	struct slip_source source;
	struct slip_waitset set;

	slip_priority_pop_source(&source, q, levels);
	must(slip_waitset_init(&set, &source, 1) == 0, "init");
	must(slip_waitset_wait(&set, SLIP_FOREVER) == 1, "mq_notify");
}

int main(void)
{
	size_t bytes = mail_bytes(LEVELS, PLACES, 0);
	struct slip_priority out, in;
	struct message m;
	uint32_t at;
	pid_t child;
	void *ring;

	family_create(&parent, bytes);
	ring = family_add(&parent, "mail", SLIP_KIND_PRIORITY, bytes);
	must(mail_init(ring, bytes, LEVELS, PLACES, 0) == 0, "init");
	family_publish(&parent);
	must(mail_attach(&out, ring, bytes, SLIP_PRODUCER, &parent.me) == 0 &&
		     mail_attach(&in, ring, bytes, SLIP_CONSUMER, &parent.me) ==
			     0,
	     "mq_open");

	/* By priority, and in order within one. */
	send_to(&out, BULK, 1);
	send_to(&out, URGENT, 2);
	send_to(&out, NORMAL, 3);
	send_to(&out, URGENT, 4);
	expect(&in, URGENT, 2);
	expect(&in, URGENT, 4);

	/* By type: msgrcv(q, &m, n, 1, 0), and the lowest of two. */
	must(slip_priority_pop_highest(&in, SLIP_PRIORITY_LEVEL(BULK), &m,
				       &at) &&
		     m.number == 1,
	     "of that level");
	must(slip_priority_pop_lowest(&in,
				      SLIP_PRIORITY_LEVEL(NORMAL) |
					      SLIP_PRIORITY_LEVEL(URGENT),
				      &m, &at) &&
		     m.number == 3,
	     "of these levels");

	/* Told when there is something; what a dead one sent is there. */
	child = start(sender);
	sleep_until_some(&in, SLIP_PRIORITY_LEVEL(URGENT));
	kill_it(child);
	expect(&in, URGENT, 6);
	expect(&in, BULK, 5);
	must(mail_pop_until(&in, &m, &at, slip_after_ns(1000000)) == -ETIMEDOUT,
	     "mq_timedreceive");

	/* Each level is bounded by itself. */
	for (uint32_t i = 0; i < PLACES; i++)
		send_to(&out, BULK, 10 + i);
	must(!mail_push(&out, &m, BULK), "full: O_NONBLOCK");
	must(mail_push(&out, &m, NORMAL), "and this one is not");

	slip_priority_detach(&out);
	slip_priority_detach(&in);
	family_leave(&parent);
	return 0;
}
