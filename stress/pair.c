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
#define SLICE_NS     (10 * STRESS_MS)

static const char *const side_names[] = { "producer", "consumer" };

/* What the controller knows; children inherit it by fork. */
static struct {
	const struct pair_ring *ring;
	struct pair_config config;
	struct pair_ledger *ledger;
	unsigned back_end;
	struct slip_region rg;
	void *mem;
	size_t bytes;
	uint64_t random;
	pid_t pid[PAIR_SIDES];
	uint64_t disturbances;
	struct pair_account *account;
	uint64_t before[PAIR_COUNTS]; /* what the account said */
	bool running;
} pair;

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

static void count(enum pair_count what, uint64_t n)
{
	add(&pair.account->count[what], n);
}

static int describe_config(char *text, size_t bytes)
{
	static const char *const pinned[] = { "", ", on one CPU",
					      ", on two CPUs" };
	const struct pair_config *c = &pair.config;

	return snprintf(
		text, bytes,
		"%s, capacity %u, %u B, mode %u, %s, at %s once%s%s, from "
		"%llu, age %llu",
		pair.ring->name, c->capacity, c->elem_bytes, c->mode,
		c->blocking ? "blocking" : "polling",
		c->at_least_once ? "least" : "most",
		c->mirror ? ", mirror" : "", pinned[c->pinning], llu(c->first),
		llu(c->age));
}

static void dump(void)
{
	struct pair_ledger *l = pair.ledger;
	char text[256];

	if (!pair.running)
		return;
	(void)describe_config(text, sizeof(text));
	stress_say("%s", text);
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
		/* Yielding alone, two that poll have starved a third, on
		 * their way to be killed, for 20 s (Linux 6.18). */
		if (stress_pick(&self->random, 16))
			sched_yield();
		else
			stress_sleep_ns(1000);
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

	stress_pin(pair.config.pinning, side);
	enter(&self, side, false);
	rc = pair.ring->attach(&self);
	STRESS_CHECK(rc == 0, "attach %s: %d", side_names[side], rc);
	add(&l->side[side].heirs, get(&l->side[side].orphan));
	set(&l->side[side].orphan, 0);
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

static void look(void)
{
	struct pair_ledger *l = pair.ledger;

	set(&pair.account->count[PAIR_NOW], get(&l->got) - pair.config.first);
	stress_pulse(get(&l->put_done) + get(&l->got) + pair.disturbances +
		     pair.config.seed * 31);
}

/* Wait a little for something; the watchdog ends it if it never comes. */
static void idle(uint64_t ns)
{
	stress_all_at_work();
	look();
	stress_sleep_ns(ns);
}

/* Wait for so long, or to the end of all runs. */
static void rest(uint64_t ns)
{
	uint64_t until = slip_after_ns(ns);
	uint64_t now;

	while ((now = slip_now_ns()) < until && !stress_is_over())
		idle(until - now < SLICE_NS ? until - now : SLICE_NS);
}

static void await_attached(enum pair_side side)
{
	while (get(&pair.ledger->side[side].attached) !=
	       (uint64_t)pair.pid[side])
		idle(50000);
}

static void bury(enum pair_side side)
{
	set(&pair.ledger->side[side].orphan, 1);
	count(PAIR_KILLS, 1);
}

static void kill_side(enum pair_side side)
{
	stress_kill(pair.pid[side]);
	bury(side);
}

/* 4 to 7 times each power of two; below, the number itself. */
static uint32_t delay_class(uint64_t ns)
{
	uint32_t power = 0;
	uint32_t class;

	while (ns >> power >= 8)
		power++;
	class = 4 * power + (uint32_t)(ns >> power);
	return class < PAIR_DELAYS ? class : PAIR_DELAYS - 1;
}

static uint64_t delay_of(uint32_t class)
{
	if (class < 8)
		return class;
	return (UINT64_C(4) + class % 4) << (class / 4 - 1);
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
	while (!get(&l->side[other].pipe_ns)) {
		/* The victim may have ended: not all are at work. */
		look();
		stress_sleep_ns(100000);
	}
	stress_kill(pair.pid[side]);
	bury(side);
	if (fair)
		add(&pair.account->delays[delay_class(
			    get(&l->side[other].pipe_ns) - since)],
		    1);
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
	count(PAIR_STOPS, 1);
}

static void stop_a_while(enum pair_side side, bool fatal)
{
	stress_stop(pair.pid[side]);
	count(PAIR_STOPS, 1);
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
	count(PAIR_LEAVES, 1);
	start(side);
}

static void kill_both(void)
{
	kill_side(PAIR_PRODUCER);
	kill_side(PAIR_CONSUMER);
	start(PAIR_CONSUMER);
	start(PAIR_PRODUCER);
}

static void kill_somehow(enum pair_side side)
{
	uint64_t kind = stress_pick(&pair.random, 8);

	if (kind == 0) {
		kill_both();
		return;
	}
	if (kind <= 3)
		kill_and_listen(side);
	else
		kill_side(side);
	start(side);
}

static void stop_somehow(enum pair_side side)
{
	uint64_t kind = stress_pick(&pair.random, 3);

	if (kind == 0)
		stop_until_refused(side);
	else
		stop_a_while(side, kind == 1 && stress_options.kills);
}

static void disturb(void)
{
	enum pair_side side = (enum pair_side)stress_pick(&pair.random, 2);

	pair.disturbances++;
	if (stress_pick(&pair.random, 12) == 0)
		dismiss(side);
	else if (stress_pick_stop(&pair.random))
		stop_somehow(side);
	else
		kill_somehow(side);
}

unsigned pair_back_end(void)
{
	struct slip_region rg;
	int rc = slip_region_create(&rg, 64, SLIP_REGION_MEMFD);

	if (rc == 0)
		slip_region_close(&rg);
	return rc ? 0 : SLIP_REGION_MEMFD;
}

static void create(void)
{
	const struct pair_config *c = &pair.config;
	struct pair_ledger *l = pair.ledger;
	int rc;

	rc = slip_region_create(&pair.rg, pair.bytes,
				pair.back_end | SLIP_REGION_PEERS(PEERS));
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
	if (stress_pick(&pair.random, 2) || !stress_options.kills) {
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

static void settle(void)
{
	const struct pair_ledger *l = pair.ledger;
	uint64_t pushed = get(&l->got) - pair.config.first;
	uint64_t lost = get(&l->lost);
	uint64_t again = get(&l->again);

	set(&pair.account->count[PAIR_NOW], 0);
	count(PAIR_RUNS, 1);
	count(PAIR_PUSHED, pushed);
	count(PAIR_POPPED, pushed + again - lost);
	count(PAIR_LOST, lost);
	count(PAIR_AGAIN, again);
	count(PAIR_LATE, get(&l->late));
	for (int i = 0; i < PAIR_SIDES; i++)
		count(PAIR_TAKEOVERS, get(&l->side[i].heirs));
}

static uint64_t this_run(enum pair_count what)
{
	return get(&pair.account->count[what]) - pair.before[what];
}

void pair_describe(char *text, size_t bytes)
{
	int n = describe_config(text, bytes);

	if (n < 0 || (size_t)n >= bytes)
		return;
	(void)snprintf(text + n, bytes - (size_t)n,
		       ": %llu elements, %llu kills, %llu lost, %llu again, "
		       "%llu late",
		       llu(this_run(PAIR_PUSHED)), llu(this_run(PAIR_KILLS)),
		       llu(this_run(PAIR_LOST)), llu(this_run(PAIR_AGAIN)),
		       llu(this_run(PAIR_LATE)));
}

/* False: what the options leave to be chosen fits no such ring. */
static bool choose(uint64_t seed)
{
	struct pair_config *c = &pair.config;
	int tries = 100;

	*c = (struct pair_config){ .seed = seed };
	c->blocking = stress_pick(&pair.random, 3) > 0;
	c->at_least_once = stress_pick(&pair.random, 2);
	c->mode = stress_pick(&pair.random, 2) ? SLIP_EVENT_FULL
					       : SLIP_EVENT_AUTO;
	c->pinning = stress_options.pinning;
	if (c->pinning == STRESS_PIN_VARY)
		c->pinning = (enum stress_pinning)stress_pick(&pair.random, 3);
	do {
		pair.ring->choose(c, &pair.random);
		pair.bytes = pair.ring->bytes(c);
	} while (!pair.bytes && --tries);
	return pair.bytes;
}

bool pair_fits(const struct pair_ring *ring)
{
	if (ring->fits)
		return ring->fits();
	pair.ring = ring;
	pair.random = 0;
	return choose(0);
}

void pair_run(const struct pair_ring *ring, struct pair_account *account,
	      uint64_t seed)
{
	if (ring->run) {
		ring->run(account, seed);
		return;
	}
	stress_on_stuck(dump);
	pair.ring = ring;
	pair.account = account;
	for (int i = 0; i < PAIR_COUNTS; i++)
		pair.before[i] = get(&account->count[i]);
	pair.random = seed;
	STRESS_CHECK(choose(seed), "no such ring: %u of %u B",
		     pair.config.capacity, pair.config.elem_bytes);
	create();
	pair.running = true;
	start(PAIR_PRODUCER);
	start(PAIR_CONSUMER);
	if (!stress_rate())
		rest(QUIET_NS);
	for (int i = 0; i < DISTURBANCES && stress_rate(); i++) {
		rest(stress_gap_ns(&pair.random));
		if (i && stress_is_over())
			break;
		disturb();
	}
	finish();
	settle();
	pair.running = false;
	slip_region_close(&pair.rg);
}

uint64_t pair_median_ns(const struct pair_account *account, uint64_t *number)
{
	uint64_t half;
	uint32_t i = 0;

	*number = 0;
	for (uint32_t k = 0; k < PAIR_DELAYS; k++)
		*number += get(&account->delays[k]);
	if (!*number)
		return 0;
	for (half = *number / 2; half >= get(&account->delays[i]); i++)
		half -= get(&account->delays[i]);
	return delay_of(i);
}

void pair_begin(void)
{
	pair.ledger = stress_shared(sizeof(*pair.ledger));
	pair.back_end = pair_back_end();
}
