/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/pair.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ring/role.h"
#include "stress/elsewhere.h"

#define PEERS	     6 /* at most 3 live: the dead are in the way */
#define DISTURBANCES 20
#define QUIET_NS     (60 * STRESS_MS)
#define DELAYS	     65536

static const char *const side_names[] = { "producer", "consumer" };

/* What the controller knows; children inherit it by fork. */
static struct {
	const struct pair_ring *ring;
	struct pair_config config;
	struct pair_ledger *ledger;
	struct slip_region rg;
	void *mem;
	size_t bytes;
	uint64_t random;
	pid_t pid[PAIR_SIDES];
	uint64_t disturbances;
	uint64_t kills;
	bool running;
} pair;

static struct {
	uint64_t elements;
	uint64_t kills;
	uint64_t stops;
	uint64_t lost;
	uint64_t again;
	uint64_t late;
	uint32_t delays;
	uint64_t delay_ns[DELAYS];
} all;

/* The ledger's words are stat to the controller, and own to the side that
 * writes them; a successor runs when its predecessor is dead and waited for. */
static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word);
}

static void set(slip_a64 *word, uint64_t value)
{
	slip_a64_store_relaxed(word, value);
}

static void add(slip_a64 *word, uint64_t value)
{
	set(word, get(word) + value);
}

static unsigned long long llu(uint64_t value)
{
	return value;
}

static void dump(void)
{
	const struct pair_config *c = &pair.config;
	struct pair_ledger *l = pair.ledger;

	if (!pair.running)
		return;
	stress_say(
		"capacity %u, %u B, mode %u, %s, at %s once%s, from %llu, age "
		"%llu",
		c->capacity, c->elem_bytes, c->mode,
		c->blocking ? "blocking" : "polling",
		c->at_least_once ? "least" : "most",
		c->mirror ? ", mirror" : "", llu(c->first), llu(c->age));
	stress_say("put: done %llu, intent %llu; got %llu, intent %llu; finish "
		   "%llu, drain %llu",
		   llu(get(&l->put_done)), llu(get(&l->put_intent)),
		   llu(get(&l->got)), llu(get(&l->get_intent)),
		   llu(get(&l->finish)), llu(get(&l->drain)));
	for (int i = 0; i < PAIR_SIDES; i++)
		stress_say("%s %d: attached %llu, turns %llu, refused %llu, "
			   "forever %llu, alone %llu, leave %llu",
			   side_names[i], pair.pid[i],
			   llu(get(&l->side[i].attached)),
			   llu(get(&l->side[i].turns)),
			   llu(get(&l->side[i].refused)),
			   llu(get(&l->side[i].forever)),
			   llu(get(&l->side[i].alone)),
			   llu(get(&l->side[i].leave)));
	pair.ring->dump(pair.mem, pair.bytes);
	for (uint32_t id = 1; id <= PEERS; id++) {
		struct slip_peer_info info;

		if (slip_peer_describe(&pair.rg, id, &info) == 0 && info.joined)
			stress_say("peer %u: gen %u, pid %u, alive %d", id,
				   info.gen, info.pid, info.alive);
	}
}

/* --- a side's process ----------------------------------------------------- */

void pair_took(struct pair_self *self)
{
	set(&self->ledger->got, ++self->next);
}

/* Soon, at once, or never. */
uint64_t pair_deadline(struct pair_self *self)
{
	switch (stress_pick(&self->random, 8)) {
	case 0:
		return SLIP_FOREVER;
	case 1:
		return 0;
	default:
		return slip_after_ns(
			stress_pick(&self->random, 20 * STRESS_MS));
	}
}

void pair_dawdle(struct pair_self *self)
{
	if (stress_pick(&self->random, 512) == 0)
		for (int i = 0; i < 1000; i++)
			slip_pause();
}

static void enter(struct pair_self *self, enum pair_side side, bool rival)
{
	size_t elems = (size_t)pair.config.elem_bytes * PAIR_BATCH;
	int fd = slip_region_fd(&pair.rg);
	int rc;

	self->config = &pair.config;
	self->ledger = pair.ledger;
	self->side = side;
	self->random = pair.random ^ (uint64_t)getpid();
	self->buffer = malloc(elems);
	STRESS_CHECK(self->buffer, "no memory");
	rc = rival ? slip_region_adopt(&self->rg, fd, 0)
		   : elsewhere_adopt(&self->rg, fd, self->ledger->places,
				     PAIR_SIDES, side);
	STRESS_CHECK(rc == 0, "adopt: %d", rc);
	self->mem = slip_region_find(&self->rg, "ring", pair.ring->kind,
				     &self->bytes);
	STRESS_CHECK(self->mem && self->bytes >= pair.bytes, "no ring");
	rc = slip_peer_join(&self->peer, &self->rg);
	STRESS_CHECK(rc == 0, "join: %d", rc);
}

/* The ring against the ledger; see pair.h. */
static void begin_at(struct pair_self *self, uint64_t found)
{
	struct pair_ledger *l = self->ledger;
	uint64_t told = get(&l->got);

	self->next = found;
	if (self->side == PAIR_PRODUCER) {
		told = get(&l->put_done);
		STRESS_CHECK(found >= told && found <= get(&l->put_intent),
			     "the ring ends at %llu, not in %llu..%llu",
			     llu(found), llu(told), llu(get(&l->put_intent)));
		add(&l->late, found - told);
		set(&l->put_done, found);
		return;
	}
	STRESS_CHECK(!self->config->at_least_once ||
			     (found <= told && found + 1 >= told),
		     "the ring begins at %llu, not at %llu or one before",
		     llu(found), llu(told));
	STRESS_CHECK(self->config->at_least_once ||
			     (found >= told && found <= get(&l->get_intent)),
		     "the ring begins at %llu, not in %llu..%llu", llu(found),
		     llu(told), llu(get(&l->get_intent)));
	if (found > told)
		add(&l->lost, found - told);
	else
		add(&l->again, told - found);
	set(&l->got, found);
}

/* One push. >0, 0: full, or -errno. */
static int produce(struct pair_self *self)
{
	uint32_t n = 1 + (uint32_t)stress_pick(&self->random, PAIR_BATCH);
	int rc;

	set(&self->ledger->put_intent, self->next + n);
	rc = pair.ring->put(self, n);
	if (rc > 0) {
		pair_dawdle(self);
		self->next += (uint32_t)rc;
		set(&self->ledger->put_done, self->next);
	}
	return rc;
}

/* One pop. >0, 0: empty, or -errno. */
static int consume(struct pair_self *self)
{
	uint32_t n = 1 + (uint32_t)stress_pick(&self->random, PAIR_BATCH);
	uint64_t first;
	int rc;

	if (self->next == PAIR_UNKNOWN) {
		first = pair.ring->oldest(self);
		if (first == PAIR_UNKNOWN)
			return 0;
		begin_at(self, first);
	}
	set(&self->ledger->get_intent, self->next + n);
	rc = pair.ring->get(self, n);
	if (rc > 0 && !self->config->at_least_once) {
		pair_dawdle(self);
		self->next += (uint32_t)rc;
		set(&self->ledger->got, self->next);
	}
	return rc;
}

/* After a bare verb said full or empty. 0, -ETIMEDOUT, -EPIPE. */
static int refused(struct pair_self *self)
{
	slip_a64 *forever = &self->ledger->side[self->side].forever;
	uint64_t deadline = 0;
	int rc;

	add(&self->ledger->side[self->side].refused, 1);
	if (self->config->blocking) {
		deadline = pair_deadline(self);
	} else if (stress_pick(&self->random, 4)) {
		sched_yield();
		return 0;
	}
	set(forever, deadline == SLIP_FOREVER);
	rc = pair.ring->wait(self, deadline);
	set(forever, 0);
	return rc;
}

/* The other side is gone; wait for a successor, not too long. */
static int widowed(struct pair_self *self)
{
	slip_a64 *alone = &self->ledger->side[self->side].alone;
	int rc;

	set(&self->ledger->side[self->side].pipe_ns, slip_now_ns());
	set(alone, 1);
	rc = pair.ring->wait_other(self, slip_after_ns(2 * STRESS_MS));
	set(alone, 0);
	return rc;
}

/* -EPIPE is said when nothing is left, if there is no new producer yet. */
static void check_drained(struct pair_self *self, uint64_t holder)
{
	const slip_a64 *attached = &self->ledger->side[PAIR_PRODUCER].attached;
	int rc = consume(self);

	STRESS_CHECK(rc <= 0 || get(attached) != holder,
		     "-EPIPE with %d elements to come", rc);
}

/* One turn; false: this side is done. */
static bool turn(struct pair_self *self)
{
	struct pair_ledger *l = self->ledger;
	/* Read first: then -EPIPE means the last of all producers. */
	bool last = get(&l->drain);
	uint64_t holder = get(&l->side[PAIR_PRODUCER].attached);
	int rc;

	if (get(&l->side[self->side].leave) ||
	    (self->side == PAIR_PRODUCER && get(&l->finish)))
		return false;
	add(&l->side[self->side].turns, 1);
	rc = self->side == PAIR_PRODUCER ? produce(self) : consume(self);
	if (rc == 0)
		rc = refused(self);
	if (rc == -EPIPE && self->side == PAIR_CONSUMER)
		check_drained(self, holder);
	if (rc == -EPIPE && last)
		return false;
	if (rc == -EPIPE)
		rc = widowed(self);
	STRESS_CHECK(rc >= 0 || rc == -ETIMEDOUT, "%s: %d",
		     side_names[self->side], rc);
	return true;
}

static int side_main(void *arg)
{
	static struct pair_self self;
	enum pair_side side = *(enum pair_side *)arg;
	struct pair_ledger *l = pair.ledger;
	int rc;

	enter(&self, side, false);
	rc = pair.ring->attach(&self);
	STRESS_CHECK(rc == 0, "attach %s: %d", side_names[side], rc);
	if (self.next != PAIR_UNKNOWN)
		begin_at(&self, self.next);
	set(&l->side[side].attached, (uint64_t)getpid());
	if (stress_pick(&self.random, 3) == 0) {
		rc = slip_peer_recover(&self.peer);
		STRESS_CHECK(rc >= 0, "recover: %d", rc);
	}
	while (turn(&self))
		continue;
	/* From here on the ledger is exact. */
	if (side == PAIR_PRODUCER)
		set(&l->put_intent, self.next);
	else if (self.next != PAIR_UNKNOWN)
		set(&l->get_intent, self.next);
	pair.ring->detach(&self);
	slip_peer_leave(&self.peer);
	slip_region_close(&self.rg);
	return 0;
}

/* Whoever attaches beside a living holder is refused. */
static int rival_main(void *arg)
{
	static struct pair_self self;
	int rc;

	enter(&self, *(enum pair_side *)arg, true);
	rc = pair.ring->attach(&self);
	STRESS_CHECK(rc == -EBUSY, "attach beside a living holder: %d", rc);
	slip_peer_leave(&self.peer);
	slip_region_close(&self.rg);
	return 0;
}

/* --- the controller ------------------------------------------------------- */

static void start(enum pair_side side)
{
	(void)stress_random(&pair.random);
	set(&pair.ledger->side[side].leave, 0);
	pair.pid[side] = stress_spawn(side_main, &side);
}

/* Wait a little for something; the watchdog ends it if it never comes. */
static void idle(uint64_t ns)
{
	struct pair_ledger *l = pair.ledger;

	stress_all_at_work();
	stress_pulse(get(&l->put_done) + get(&l->got) + pair.disturbances +
		     pair.config.seed * 31);
	stress_sleep_ns(ns);
}

static void await_attached(enum pair_side side)
{
	while (get(&pair.ledger->side[side].attached) !=
	       (uint64_t)pair.pid[side])
		idle(50000);
}

static void kill_side(enum pair_side side)
{
	stress_kill(pair.pid[side]);
	pair.kills++;
}

/* Kill, and see that the other side hears of it. */
static void kill_and_listen(enum pair_side side)
{
	struct pair_ledger *l = pair.ledger;
	enum pair_side other = !side;
	bool fair;
	uint64_t since;

	await_attached(side);
	await_attached(other);
	set(&l->side[other].pipe_ns, 0);
	fair = pair.config.blocking && !get(&l->side[other].alone);
	since = slip_now_ns();
	stress_shoot(pair.pid[side]);
	pair.kills++;
	while (!get(&l->side[other].pipe_ns)) {
		/* The victim may have ended: not all are at work. */
		stress_pulse(get(&l->put_done) + get(&l->got));
		stress_sleep_ns(100000);
	}
	stress_kill(pair.pid[side]);
	if (fair && all.delays < DELAYS)
		all.delay_ns[all.delays++] =
			get(&l->side[other].pipe_ns) - since;
}

/* Stop one side; the other reports full or empty and goes on. */
static void stop_until_refused(enum pair_side side)
{
	struct pair_ledger *l = pair.ledger;
	enum pair_side other = !side;
	uint64_t refused;
	pid_t rival;

	await_attached(side);
	await_attached(other);
	stress_stop(pair.pid[side]);
	refused = get(&l->side[other].refused);
	while (get(&l->side[other].refused) == refused &&
	       !get(&l->side[other].forever))
		idle(100000);
	rival = stress_spawn(rival_main, &side);
	stress_join(rival);
	stress_continue(pair.pid[side]);
	all.stops++;
}

static void stop_a_while(enum pair_side side, bool fatal)
{
	stress_stop(pair.pid[side]);
	all.stops++;
	idle(stress_pick(&pair.random, 2 * STRESS_MS));
	if (!fatal) {
		stress_continue(pair.pid[side]);
		return;
	}
	kill_side(side);
	start(side);
}

static void dismiss(enum pair_side side)
{
	set(&pair.ledger->side[side].leave, 1);
	stress_join(pair.pid[side]);
	start(side);
}

static void disturb(void)
{
	enum pair_side side = (enum pair_side)stress_pick(&pair.random, 2);

	pair.disturbances++;
	switch (stress_pick(&pair.random, 12)) {
	case 0:
	case 1:
	case 2:
		kill_and_listen(side);
		start(side);
		break;
	case 3:
		kill_side(PAIR_PRODUCER);
		kill_side(PAIR_CONSUMER);
		start(PAIR_CONSUMER);
		start(PAIR_PRODUCER);
		break;
	case 4:
		stop_until_refused(side);
		break;
	case 5:
		stop_a_while(side, false);
		break;
	case 6:
		stop_a_while(side, true);
		break;
	case 7:
		dismiss(side);
		break;
	default:
		kill_side(side);
		start(side);
	}
}

static void create(void)
{
	const struct pair_config *c = &pair.config;
	struct pair_ledger *l = pair.ledger;
	int rc;

	pair.bytes = pair.ring->bytes(c);
	STRESS_CHECK(pair.bytes, "no such ring: %u of %u", c->capacity,
		     c->elem_bytes);
	rc = slip_region_create(&pair.rg, pair.bytes,
				SLIP_REGION_MEMFD | SLIP_REGION_PEERS(PEERS));
	STRESS_CHECK(rc == 0, "create: %d", rc);
	pair.mem =
		slip_region_add(&pair.rg, "ring", pair.ring->kind, pair.bytes);
	STRESS_CHECK(pair.mem, "no room for the ring");
	memset(l, 0, sizeof(*l));
	rc = pair.ring->format(c, l, pair.mem, pair.bytes);
	STRESS_CHECK(rc == 0, "format: %d", rc);
	rc = slip_region_publish(&pair.rg, NULL, 0600);
	STRESS_CHECK(rc == 0, "publish: %d", rc);
	set(&l->put_intent, c->first);
	set(&l->put_done, c->first);
	set(&l->get_intent, c->first);
	set(&l->got, c->first);
}

/* The producer ends, in order or not; the consumer drains what is left. */
static void finish(void)
{
	struct pair_ledger *l = pair.ledger;
	uint64_t end;

	await_attached(PAIR_PRODUCER);
	if (stress_pick(&pair.random, 2)) {
		set(&l->finish, 1);
		stress_join(pair.pid[PAIR_PRODUCER]);
	} else {
		kill_side(PAIR_PRODUCER);
	}
	set(&l->drain, 1);
	stress_join(pair.pid[PAIR_CONSUMER]);
	end = get(&l->got);
	STRESS_CHECK(end >= get(&l->put_done) && end <= get(&l->put_intent),
		     "drained to %llu, pushed to %llu..%llu", llu(end),
		     llu(get(&l->put_done)), llu(get(&l->put_intent)));
	STRESS_CHECK(pair.ring->is_at_end(&pair.config, l, pair.mem, pair.bytes,
					  end),
		     "the ring is not at its end, %llu", llu(end));
}

static void report(void)
{
	const struct pair_config *c = &pair.config;
	struct pair_ledger *l = pair.ledger;
	uint64_t elements = get(&l->got) - c->first;

	stress_line(c->seed,
		    "capacity %u, %u B, mode %u, %s, at %s once%s, from %llu, "
		    "age %llu: "
		    "%llu elements, %llu kills, %llu lost, %llu again, %llu "
		    "late",
		    c->capacity, c->elem_bytes, c->mode,
		    c->blocking ? "blocking" : "polling",
		    c->at_least_once ? "least" : "most",
		    c->mirror ? ", mirror" : "", llu(c->first), llu(c->age),
		    llu(elements), llu(pair.kills), llu(get(&l->lost)),
		    llu(get(&l->again)), llu(get(&l->late)));
	all.elements += elements;
	all.kills += pair.kills;
	all.lost += get(&l->lost);
	all.again += get(&l->again);
	all.late += get(&l->late);
}

static void run(uint64_t seed)
{
	uint64_t until = slip_after_ns(QUIET_NS);

	pair.random = seed;
	pair.kills = 0;
	pair.config = (struct pair_config){ .seed = seed };
	pair.config.blocking = stress_pick(&pair.random, 3) > 0;
	pair.config.at_least_once = stress_pick(&pair.random, 2);
	pair.config.mode = stress_pick(&pair.random, 2) ? SLIP_EVENT_FULL
							: SLIP_EVENT_AUTO;
	pair.ring->choose(&pair.config, &pair.random);
	create();
	pair.running = true;
	start(PAIR_PRODUCER);
	start(PAIR_CONSUMER);
	if (!stress_options.kills)
		while (slip_now_ns() < until)
			idle(STRESS_MS);
	for (int i = 0; i < DISTURBANCES && stress_options.kills; i++) {
		idle(stress_pick(&pair.random,
				 2000000000 / stress_options.kills));
		disturb();
	}
	finish();
	report();
	pair.running = false;
	slip_region_close(&pair.rg);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int pair_main(int argc, char **argv, const char *about,
	      const struct pair_ring *ring)
{
	uint64_t median = 0;

	stress_begin(argc, argv, about);
	stress_on_stuck(dump);
	pair.ring = ring;
	pair.ledger = stress_shared(sizeof(*pair.ledger));
	while (stress_more())
		run(stress_next_seed());
	qsort(all.delay_ns, all.delays, sizeof(all.delay_ns[0]), by_value);
	if (all.delays)
		median = all.delay_ns[all.delays / 2];
	/* The promise is 10 ms on a machine that is not overcommitted. */
	STRESS_CHECK(median < 500 * STRESS_MS,
		     "half of all deaths took over %llu us to be told",
		     llu(median / 1000));
	return stress_end("%llu elements, %llu kills, %llu stops, %llu lost, "
			  "%llu again, %llu late, -EPIPE after %llu us "
			  "(median of %u)",
			  llu(all.elements), llu(all.kills), llu(all.stops),
			  llu(all.lost), llu(all.again), llu(all.late),
			  llu(median / 1000), all.delays);
}
