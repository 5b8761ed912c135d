/* SPDX-License-Identifier: MIT */
#include "stress/mpmc_account.h"

#include <stdlib.h>
#include <string.h>

#include "futex/sys.h"

/* Of a fate: deliveries that were logged; for each of the first 24 whether the
 * element was returned after it, surely or perhaps; its push was killed; it was
 * the first of that push. */
#define DELIVERIES   UINT64_C(255)
#define MOST	     24u
#define RETURNED(d)  (UINT64_C(1) << (8 + (d)))
#define PERHAPS(d)   (UINT64_C(1) << (32 + (d)))
#define PUSH_UNKNOWN (UINT64_C(1) << 63)
#define PUSH_FIRST   (UINT64_C(1) << 62)

/* Of what is held. */
enum { LOGGING = 1, HELD = 2, ACKING = 3 };

/* All words: own to the holder of the place, or the element; stat to others. A
 * successor, and the controller, look when the holder is dead and waited for. */
static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word);
}

static void set(slip_a64 *word, uint64_t value)
{
	slip_a64_store_relaxed(word, value);
}

static void add(slip_a64 *word, uint64_t n)
{
	set(word, get(word) + n);
}

uint64_t mpmc_name(uint32_t place, uint64_t number)
{
	return number << 4 | place;
}

static struct mpmc_elem *elem_of(struct mpmc_account *a, uint64_t name)
{
	uint64_t place = name & 15;
	uint64_t number = name >> 4;

	STRESS_CHECK(place < MPMC_PLACES && number < MPMC_NUMBERS,
		     "there is no element %#llx", llu(name));
	return &a->elem[place][number];
}

void mpmc_account_reset(struct mpmc_account *a, bool work, bool timed)
{
	for (uint32_t i = 0; i < MPMC_PLACES; i++)
		memset(a->elem[i], 0,
		       sizeof(a->elem[i][0]) * get(&a->diary[i].put_intent));
	memset(a->diary, 0, sizeof(a->diary));
	set(&a->deaths, 0);
	set(&a->finish, 0);
	set(&a->drain, 0);
	memset(a->place, 0, sizeof(a->place));
	a->work = work;
	a->timed = timed;
	a->lost_most = 0;
	a->unsure = 0;
	a->bequeathed = 0;
}

static uint32_t *note_of(const struct mpmc_account *a, uint64_t name)
{
	return a->notes + (name & 15) * MPMC_NUMBERS + (name >> 4);
}

/* --- pushing --------------------------------------------------------------- */

static uint64_t now(const struct mpmc_account *a)
{
	return a->timed ? slip_now_ns() : 0;
}

void mpmc_putting(struct mpmc_account *a, uint32_t place, uint64_t n)
{
	struct mpmc_diary *d = &a->diary[place];
	uint64_t first = get(&d->put_done);
	uint64_t since = now(a);

	for (uint64_t i = 0; i < n; i++) {
		set(&a->elem[place][first + i].pushing, since);
		if (a->notes)
			*note_of(a, mpmc_name(place, first + i)) = 1;
	}
	set(&d->put_intent, first + n);
}

void mpmc_put(struct mpmc_account *a, uint32_t place, uint64_t n)
{
	struct mpmc_diary *d = &a->diary[place];
	uint64_t first = get(&d->put_done);
	uint64_t at = now(a);

	for (uint64_t i = 0; i < n; i++)
		set(&a->elem[place][first + i].pushed, at);
	add(&d->pushed, n);
	set(&d->put_done, first + n);
	set(&d->put_intent, first + n);
}

/* --- popping --------------------------------------------------------------- */

uint64_t mpmc_popping(struct mpmc_account *a, uint32_t place, uint64_t n)
{
	set(&a->diary[place].popping, n);
	return now(a);
}

/* Log one more delivery, which must be number `d`: only one has the element. */
static void log_delivery(struct mpmc_account *a, struct mpmc_elem *e,
			 uint64_t name, uint64_t d)
{
	uint64_t seen = get(&e->fate);

	if (a->notes)
		STRESS_CHECK((*note_of(a, name))++ == d + 1,
			     "of element %#llx the note is another's",
			     llu(name));
	do
		STRESS_CHECK((seen & DELIVERIES) == d,
			     "element %#llx is delivered to two at once",
			     llu(name));
	while (!slip_a64_cas_relaxed(&e->fate, &seen, seen + 1));
}

/* From each producer the elements come in order, at every consumer. What was
 * returned does not; nor what one had claimed that died before it could say. */
static void check_order(struct mpmc_account *a, uint32_t place, uint64_t name,
			bool first)
{
	slip_a64 *last = &a->diary[place].last[name & 15];
	uint64_t number = name >> 4;

	if (a->work && (!first || get(&a->deaths)))
		return;
	STRESS_CHECK(number >= get(last),
		     "element %llu of %llu comes after number %llu",
		     llu(number), llu(name & 15), llu(get(last)) - 1);
	set(last, number + 1);
}

static struct mpmc_elem *check_elem(struct mpmc_account *a, const void *elem,
				    size_t bytes, uint64_t *name)
{
	struct mpmc_elem *e;

	memcpy(name, elem, 8);
	e = elem_of(a, *name);
	STRESS_CHECK(stress_filled(elem, bytes, *name), "element %#llx is torn",
		     llu(*name));
	STRESS_CHECK(*name >> 4 < get(&a->diary[*name & 15].put_intent),
		     "element %#llx was never pushed", llu(*name));
	return e;
}

void mpmc_popped(struct mpmc_account *a, uint32_t place, const void *elem,
		 size_t bytes, uint64_t since)
{
	struct mpmc_diary *diary = &a->diary[place];
	uint64_t name;
	struct mpmc_elem *e = check_elem(a, elem, bytes, &name);
	uint64_t d = get(&e->fate) & DELIVERIES;

	STRESS_CHECK(d == 0 || a->work, "element %#llx comes twice", llu(name));
	STRESS_CHECK(d < MOST, "element %#llx comes again and again",
		     llu(name));
	log_delivery(a, e, name, d);
	if (!a->work)
		check_order(a, place, name, true);
	set(&e->popping, since);
	set(&e->popped, now(a));
	add(&diary->popped, 1);
	set(&diary->popping, get(&diary->popping) - 1);
}

uint32_t mpmc_taken(struct mpmc_account *a, uint32_t place, const void *elem,
		    size_t bytes, uint32_t attempts, uint64_t since)
{
	struct mpmc_diary *diary = &a->diary[place];
	uint64_t name;
	struct mpmc_elem *e = check_elem(a, elem, bytes, &name);
	uint64_t d = get(&e->fate) & DELIVERIES;
	uint64_t held = name << 16 | d << 8;
	uint32_t i = 0;

	while (get(&diary->held[i]))
		STRESS_CHECK(++i < MPMC_HELD, "it holds too many");
	STRESS_CHECK(d == 0 || a->work, "element %#llx comes twice", llu(name));
	STRESS_CHECK(d < MOST, "element %#llx comes again and again",
		     llu(name));
	STRESS_CHECK(attempts > d,
		     "element %#llx: attempt %u, after %llu deliveries",
		     llu(name), attempts, llu(d));
	STRESS_CHECK(attempts - d - 1 <= get(&a->deaths),
		     "element %#llx: attempt %u, %llu deliveries, %llu deaths",
		     llu(name), attempts, llu(d), llu(get(&a->deaths)));
	set(&diary->held[i], held | LOGGING);
	log_delivery(a, e, name, d);
	set(&diary->held[i], held | HELD);
	check_order(a, place, name, attempts == 1);
	set(&e->popping, since);
	set(&e->popped, now(a));
	add(&diary->popped, 1);
	set(&diary->popping, 0);
	return i;
}

void mpmc_acking(struct mpmc_account *a, uint32_t place, uint32_t held)
{
	slip_a64 *word = &a->diary[place].held[held];

	set(word, get(word) + ACKING - HELD);
}

void mpmc_acked(struct mpmc_account *a, uint32_t place, uint32_t held)
{
	set(&a->diary[place].held[held], 0);
}

/* By whoever knows it; any number of times. */
static void was_returned(struct mpmc_account *a, uint64_t held, bool surely)
{
	uint64_t d = held >> 8 & 255;
	struct mpmc_elem *e = elem_of(a, held >> 16);

	(void)slip_a64_fetch_or_relaxed(&e->fate,
					surely ? RETURNED(d) : PERHAPS(d));
}

void mpmc_nacked(struct mpmc_account *a, uint32_t place, uint32_t held)
{
	slip_a64 *word = &a->diary[place].held[held];

	was_returned(a, get(word), true);
	set(word, 0);
}

/* --- the end of a holder --------------------------------------------------- */

void mpmc_bury(struct mpmc_account *a, uint32_t place, bool killed)
{
	struct mpmc_diary *diary = &a->diary[place];

	for (uint32_t i = 0; i < MPMC_HELD; i++) {
		uint64_t held = get(&diary->held[i]);
		bool surely = (held & 255) == HELD;

		if (held && a->work) {
			was_returned(a, held, surely);
			if (!surely)
				a->unsure++;
			else if (killed)
				a->bequeathed++;
		}
		set(&diary->held[i], 0);
	}
	for (uint64_t n = get(&diary->put_done); n < get(&diary->put_intent);
	     n++)
		(void)slip_a64_fetch_or_relaxed(
			&a->elem[place][n].fate,
			n == get(&diary->put_done) ? PUSH_UNKNOWN | PUSH_FIRST
						   : PUSH_UNKNOWN);
	set(&diary->put_done, get(&diary->put_intent));
	if (killed)
		a->lost_most += get(&diary->popping);
	set(&diary->popping, 0);
}

/* --- the end of a run ------------------------------------------------------ */

/* The deliveries of one element; of a work queue. */
static void check_fate(uint64_t fate, uint64_t name, struct mpmc_result *r,
		       uint64_t *unreturned)
{
	uint64_t n = fate & DELIVERIES;

	for (uint64_t d = 0; d + 1 < n; d++)
		STRESS_CHECK(fate & (RETURNED(d) | PERHAPS(d)),
			     "element %#llx: %llu deliveries, number %llu was "
			     "not returned (%#llx)",
			     llu(name), llu(n), llu(d), llu(fate));
	for (uint64_t d = 0; d < MOST; d++)
		r->returned += (fate & RETURNED(d)) != 0;
	/* Taken by pop, by one that was killed in it; counted with the lost. */
	*unreturned += n && fate & RETURNED(n - 1) && !(fate & PERHAPS(n - 1));
	r->again += n ? n - 1 : 0;
}

/* Those of a place, from the last: what was pushed before one that was
 * delivered, in the same operation, was pushed. */
static void settle_place(struct mpmc_account *a, uint32_t place,
			 struct mpmc_result *r, uint64_t *unreturned)
{
	bool later = false;

	for (uint64_t n = get(&a->diary[place].put_done); n-- > 0;) {
		uint64_t fate = get(&a->elem[place][n].fate);
		bool came = fate & DELIVERIES;

		if (!(fate & PUSH_UNKNOWN))
			later = false;
		else if (!came && !later) {
			r->never++;
			continue;
		} else {
			later = !(fate & PUSH_FIRST);
			r->late++;
		}
		r->pushed++;
		r->popped += came;
		r->lost += !came;
		check_fate(fate, mpmc_name(place, n), r, unreturned);
	}
}

static int by_pushing(const void *a, const void *b)
{
	const struct mpmc_elem *const *x = a;
	const struct mpmc_elem *const *y = b;
	uint64_t s = get(&(*x)->pushing);
	uint64_t t = get(&(*y)->pushing);

	return (s > t) - (s < t);
}

static int by_pushed(const void *a, const void *b)
{
	const struct mpmc_elem *const *x = a;
	const struct mpmc_elem *const *y = b;
	uint64_t s = get(&(*x)->pushed);
	uint64_t t = get(&(*y)->pushed);

	return (s > t) - (s < t);
}

/* All elements whose four times are known. */
static size_t collect(struct mpmc_account *a, const struct mpmc_elem **list)
{
	size_t count = 0;

	for (uint32_t i = 0; i < MPMC_PLACES; i++)
		for (uint64_t n = 0; n < get(&a->diary[i].put_done); n++) {
			struct mpmc_elem *e = &a->elem[i][n];

			if (get(&e->pushed) && get(&e->popped))
				list[count++] = e;
		}
	return count;
}

/* In the order in which their pushes began; of all whose push had returned by
 * then, none may have been popped by an operation that began after this one was
 * had. */
static void check_clock(struct mpmc_account *a, struct mpmc_result *r)
{
	size_t room = (size_t)r->popped + 1;
	const struct mpmc_elem **began = malloc(2 * room * sizeof(*began));
	const struct mpmc_elem **ended = began + room;
	uint64_t latest = 0;
	size_t count;
	size_t k = 0;

	STRESS_CHECK(began, "no memory");
	count = collect(a, began);
	memcpy(ended, began, count * sizeof(*began));
	qsort(began, count, sizeof(*began), by_pushing);
	qsort(ended, count, sizeof(*ended), by_pushed);
	for (size_t i = 0; i < count; i++) {
		uint64_t start = get(&began[i]->pushing);

		for (; k < count && get(&ended[k]->pushed) < start; k++)
			if (get(&ended[k]->popping) > latest)
				latest = get(&ended[k]->popping);
		STRESS_CHECK(latest <= get(&began[i]->popped),
			     "one that was pushed after another had been was "
			     "popped %llu ns before that was tried",
			     llu(latest - get(&began[i]->popped)));
	}
	r->ordered = count;
	free(began);
}

struct mpmc_result mpmc_settle(struct mpmc_account *a)
{
	struct mpmc_result r = { 0 };
	uint64_t unreturned = 0;

	for (uint32_t i = 0; i < MPMC_PLACES; i++)
		settle_place(a, i, &r, &unreturned);
	STRESS_CHECK(r.lost + unreturned <= a->lost_most,
		     "%llu lost, %llu never delivered again, but at most %llu "
		     "were being popped by the dead",
		     llu(r.lost), llu(unreturned), llu(a->lost_most));
	r.lost += unreturned;
	r.popped -= unreturned;
	if (a->timed && !a->work)
		check_clock(a, &r);
	return r;
}
