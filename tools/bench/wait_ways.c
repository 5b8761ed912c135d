/* SPDX-License-Identifier: MIT */
/* The ways of waking somebody in another process that the suite measures. */
#define _GNU_SOURCE
#include "tools/bench/wait_ways.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "futex/region_tools.h"

/* --- a bare futex: the limit ----------------------------------------------- */

static int tell_futex(struct hands *h, uint64_t k)
{
	slip_a32_store_release(&h->alarm->word, (uint32_t)k + 1);
	(void)slip_futex_wake(&h->alarm->word, 1, SLIP_SHARED);
	return 0;
}

static int await_futex(struct hands *h, uint64_t k)
{
	for (;;) {
		uint32_t seen = slip_a32_load_acquire(&h->alarm->word);
		int rc;

		if ((int32_t)(seen - (uint32_t)k) > 0)
			return 0;
		rc = slip_futex_wait(&h->alarm->word, seen, SLIP_FOREVER,
				     SLIP_SHARED);
		if (rc && rc != -EAGAIN && rc != -EINTR)
			return rc;
	}
}

const struct way way_futex = { .tell = tell_futex, .await = await_futex };

/* --- the ring -------------------------------------------------------------- */

static int setup_ring(struct bench_team *t)
{
	return ticks_init(ring_of(t), ticks_bytes(WAYS_CAPACITY), WAYS_CAPACITY,
			  way_of(t)->mode);
}

static int attach(struct hands *h, unsigned self, void *ring,
		  struct slip_peer *peer)
{
	size_t bytes = ticks_bytes(WAYS_CAPACITY);

	return self ? ticks_attach_consumer(&h->consumer, ring, bytes, peer)
		    : ticks_attach_producer(&h->producer, ring, bytes, peer);
}

static int enter_ring(struct bench_team *t, struct hands *h, unsigned self)
{
	return attach(h, self, ring_of(t), NULL);
}

static int tell_ring(struct hands *h, uint64_t k)
{
	if (ticks_push(&h->producer, &k))
		return 0;
	/* Full: the sleeper has had no processor for a long time. */
	return ticks_push_until(&h->producer, &k, slip_after_ns(1000000000));
}

static int await_ring(struct hands *h, uint64_t k)
{
	uint64_t elem;
	int rc = ticks_pop_until(&h->consumer, &elem, SLIP_FOREVER);

	if (rc)
		return rc;
	return elem == k ? 0 : -EBADMSG;
}

const struct way way_asym = { .setup = setup_ring,
			      .enter = enter_ring,
			      .tell = tell_ring,
			      .await = await_ring,
			      .mode = SLIP_EVENT_ASYM };
const struct way way_full = { .setup = setup_ring,
			      .enter = enter_ring,
			      .tell = tell_ring,
			      .await = await_ring,
			      .mode = SLIP_EVENT_FULL };

/* --- the ring in a region, its users looking out for each other's death ---- */

static const char ring_name[] = "ring";

static int setup_region(struct bench_team *t)
{
	struct slip_region *rg = &alarm_of(t)->creator;
	size_t bytes = ticks_bytes(WAYS_CAPACITY);
	int rc = slip_region_create(rg, bytes, SLIP_REGION_MEMFD);
	void *ring;

	if (rc)
		return rc;
	ring = slip_region_add(rg, ring_name, SLIP_KIND_SPSC, bytes);
	rc = ring ? ticks_init(ring, bytes, WAYS_CAPACITY, way_of(t)->mode)
		  : -ENOSPC;
	if (!rc)
		rc = slip_region_publish(rg, NULL, 0600);
	if (rc)
		slip_region_close(rg);
	return rc;
}

static void cleanup_region(struct bench_team *t)
{
	slip_region_close(&alarm_of(t)->creator);
}

static int enter_region(struct bench_team *t, struct hands *h, unsigned self)
{
	int fd = slip_region_fd(&alarm_of(t)->creator);
	int rc = slip_region_adopt(&h->rg, fd, 0);
	size_t bytes;
	void *ring;

	if (!rc)
		rc = slip_peer_join(&h->peer, &h->rg);
	if (rc)
		return rc;
	ring = slip_region_find(&h->rg, ring_name, SLIP_KIND_SPSC, &bytes);
	return ring ? attach(h, self, ring, &h->peer) : -ENOENT;
}

static void leave_region(struct hands *h, unsigned self)
{
	if (self)
		slip_spsc_detach_consumer(&h->consumer);
	else
		slip_spsc_detach_producer(&h->producer);
	slip_peer_leave(&h->peer);
	slip_region_close(&h->rg);
}

const struct way way_region = { .setup = setup_region,
				.cleanup = cleanup_region,
				.enter = enter_region,
				.leave = leave_region,
				.tell = tell_ring,
				.await = await_ring,
				.mode = SLIP_EVENT_AUTO };

/* --- the rivals ------------------------------------------------------------ */

static int setup_eventfd(struct bench_team *t)
{
	struct alarm *alarm = alarm_of(t);

	/* Each read takes one wake, so that none is lost. */
	alarm->fd[0] = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	alarm->fd[1] = alarm->fd[0];
	return alarm->fd[0] < 0 ? -errno : 0;
}

static void cleanup_eventfd(struct bench_team *t)
{
	(void)close(alarm_of(t)->fd[0]);
}

static int tell_eventfd(struct hands *h, uint64_t k)
{
	(void)k;
	return eventfd_write(h->alarm->fd[1], 1) ? -errno : 0;
}

static int await_eventfd(struct hands *h, uint64_t k)
{
	eventfd_t one;

	(void)k;
	return eventfd_read(h->alarm->fd[0], &one) ? -errno : 0;
}

const struct way way_eventfd = { .setup = setup_eventfd,
				 .cleanup = cleanup_eventfd,
				 .tell = tell_eventfd,
				 .await = await_eventfd };

static int setup_pipe(struct bench_team *t)
{
	struct alarm *alarm = alarm_of(t);

	alarm->fd[0] = -1;
	alarm->fd[1] = -1;
	return pipe(alarm->fd) ? -errno : 0;
}

static void cleanup_pipe(struct bench_team *t)
{
	(void)close(alarm_of(t)->fd[0]);
	(void)close(alarm_of(t)->fd[1]);
}

static int tell_pipe(struct hands *h, uint64_t k)
{
	return write(h->alarm->fd[1], &k, sizeof(k)) == sizeof(k) ? 0 : -EIO;
}

static int await_pipe(struct hands *h, uint64_t k)
{
	uint64_t elem = 0;

	if (read(h->alarm->fd[0], &elem, sizeof(elem)) != sizeof(elem))
		return -EIO;
	return elem == k ? 0 : -EBADMSG;
}

const struct way way_pipe = { .setup = setup_pipe,
			      .cleanup = cleanup_pipe,
			      .tell = tell_pipe,
			      .await = await_pipe };

static int setup_sem(struct bench_team *t)
{
	return sem_init(&alarm_of(t)->sem, 1, 0) ? -errno : 0;
}

static int tell_sem(struct hands *h, uint64_t k)
{
	(void)k;
	return sem_post(&h->alarm->sem) ? -errno : 0;
}

static int await_sem(struct hands *h, uint64_t k)
{
	(void)k;
	return sem_wait(&h->alarm->sem) ? -errno : 0;
}

const struct way way_sem = { .setup = setup_sem,
			     .tell = tell_sem,
			     .await = await_sem };

static int setup_cond(struct bench_team *t)
{
	struct alarm *alarm = alarm_of(t);
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;
	int rc;

	(void)pthread_mutexattr_init(&mutex);
	(void)pthread_condattr_init(&cond);
	rc = pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	if (!rc)
		rc = pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
	if (!rc)
		rc = pthread_mutex_init(&alarm->mutex, &mutex);
	if (!rc)
		rc = pthread_cond_init(&alarm->cond, &cond);
	return -rc;
}

static int tell_cond(struct hands *h, uint64_t k)
{
	(void)pthread_mutex_lock(&h->alarm->mutex);
	h->alarm->told = k + 1;
	(void)pthread_mutex_unlock(&h->alarm->mutex);
	return -pthread_cond_signal(&h->alarm->cond);
}

static int await_cond(struct hands *h, uint64_t k)
{
	(void)pthread_mutex_lock(&h->alarm->mutex);
	while (h->alarm->told <= k)
		(void)pthread_cond_wait(&h->alarm->cond, &h->alarm->mutex);
	return -pthread_mutex_unlock(&h->alarm->mutex);
}

const struct way way_cond = { .setup = setup_cond,
			      .tell = tell_cond,
			      .await = await_cond };
