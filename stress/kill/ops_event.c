/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

/* As a commit of the mode does it: RMW demands a seq_cst read-modify-write. */
static void commit(struct kill_event_victim *v)
{
	if (v->mode == SLIP_EVENT_RMW)
		(void)slip_a64_exchange_seqcst(&v->shared->news, 1);
	else
		slip_a64_store_release(&v->shared->news, 1);
}

int KILL_OP(event_notify)(void *victim)
{
	struct kill_event_victim *v = victim;

	commit(v);
	slip_event_notify(&v->shared->event, v->mode);
	return 1;
}

int KILL_OP(event_notify_one)(void *victim)
{
	struct kill_event_victim *v = victim;

	commit(v);
	slip_event_notify_one(&v->shared->event, v->mode);
	return 1;
}

int KILL_OP(event_prepare)(void *victim)
{
	struct kill_event_victim *v = victim;

	return slip_event_prepare(&v->shared->event, v->mode, &v->key);
}

int KILL_OP(event_sleep)(void *victim)
{
	struct kill_event_victim *v = victim;
	int rc = 0;

	while (!rc && !slip_a64_load_acquire(&v->shared->news)) {
		rc = slip_event_prepare(&v->shared->event, v->mode, &v->key);
		if (rc || slip_a64_load_acquire(&v->shared->news))
			break;
		rc = slip_event_sleep(&v->shared->event, v->key, SLIP_FOREVER);
	}
	return rc;
}

static int news_there(const struct slip_source *source, bool ask)
{
	const slip_a64 *news = SLIP_CAST(const slip_a64 *, source->handle);

	(void)ask;
	return slip_a64_load_acquire(news) != 0;
}

/* Beside a word of its own that nobody changes. Without the spin, as that has
 * other points each time. */
int KILL_OP(waitset_wait)(void *victim)
{
	struct kill_event_victim *v = victim;
	int rc;

	slip_event_source(&v->sources[0], &v->shared->event, v->mode,
			  SLIP_FOREVER, news_there, &v->shared->news);
	slip_word_source(&v->sources[1], &v->word, 0, SLIP_PRIVATE);
	rc = slip_waitset_init(&v->set, v->sources, 2);
	v->set.spin.skip = UINT32_MAX;
	rc = rc ? rc : slip_waitset_wait(&v->set, SLIP_FOREVER);
	return rc == 1 ? 0 : -1;
}
