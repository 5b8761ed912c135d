/* SPDX-License-Identifier: MIT */
/* Plays the games: with inputs from a seed, each repeated by its own number;
 * then with a peer that really writes meanwhile; or with inputs from files. */
#define _GNU_SOURCE
#include "hostile.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define INPUT_MAX 4096u
#define RUNS_MIN  100u	/* whatever the time says, or nothing is shown */
#define RUNS_MORE 1000u /* until a call succeeds: the peer may be quick */

enum peer { NONE, THREAD, PROCESS, PEERS };
static const char *const peer_names[] = { "none", "thread", "process" };
static const char *const checks[] = { "hostile",	 "hostile-thread",
				      "hostile-process", "none",
				      "bare-thread",	 "bare-process" };

static struct {
	const struct game *game; /* NULL: all */
	int peer;		 /* PEERS: all */
	uint64_t seed, runs;
	double seconds;
	const char *corpus;
	char **files;
} options = { NULL, PEERS, 0, UINT64_MAX, 4, NULL, NULL };

/* --- options --------------------------------------------------------------- */

static uint64_t number(const char *text, struct argp_state *state)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || *end || end == text || *text == '-')
		argp_error(state, "not a number: %s", text);
	return n;
}

static void list(void)
{
	for (unsigned i = 0; i < games_count; i++)
		printf("%s\t%s\n", games[i].name, games[i].operation);
	exit(0);
}

static int peer_named(const char *text, struct argp_state *state)
{
	for (int i = 0; i < PEERS; i++)
		if (strcmp(text, peer_names[i]) == 0)
			return i;
	argp_error(state, "no such peer: %s", text);
	return PEERS;
}

static error_t option(int key, char *text, struct argp_state *state)
{
	switch (key) {
	case 'g':
		options.game = game_named(text);
		if (!options.game)
			argp_error(state, "no such game: %s", text);
		break;
	case 'p':
		options.peer = peer_named(text, state);
		break;
	case 'S':
		options.seed = number(text, state);
		break;
	case 'r':
		options.runs = number(text, state);
		break;
	case 's':
		options.seconds = strtod(text, NULL);
		break;
	case 'c':
		options.corpus = text;
		break;
	case 'l':
		list();
		break;
	case ARGP_KEY_ARGS:
		options.files = state->argv + state->next;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_option known[] = {
	{ "game", 'g', "NAME", 0, "only this one", 0 },
	{ "list", 'l', NULL, 0, "say which there are", 0 },
	{ "peer", 'p', "WHO", 0,
	  "none (writes at set points, repeatable), thread, process", 0 },
	{ "seed", 'S', "N", 0, "of the first run (default: the time)", 0 },
	{ "runs", 'r', "N", 0, "of each game and peer, at most", 0 },
	{ "seconds", 's', "N", 0, "for all of it (4)", 0 },
	{ "write-corpus", 'c', "DIR", 0, "put inputs for a fuzzer there", 0 },
	{ 0 }
};

/* --- runs ------------------------------------------------------------------ */

static uint8_t input[INPUT_MAX];

/* The bytes that belong to a seed. */
static size_t input_of(const struct game *g, uint64_t seed)
{
	uint64_t state = seed;
	size_t count = g->bytes / 4 + next_random(&state) % g->bytes;

	for (size_t i = 0; i < count; i++)
		input[i] = (uint8_t)next_random(&state);
	return count;
}

/* What a concurrent peer does is not repeated exactly, but that it does it. */
static void run(const struct game *g, int peer, uint64_t seed)
{
	replay_as("%s --game %s --peer %s --seed %llu%s",
		  program_invocation_name, g->name, peer_names[peer],
		  (unsigned long long)(peer ? options.seed : seed),
		  peer ? "" : " --runs 1");
	game_run(g, input, input_of(g, seed));
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* An empty run proves nothing. All that a flag can say is that it was not set,
 * and one that is scribbled on all the time is set. */
static const char *vacuous(const struct game *g, const struct counts *n)
{
	if (!n->errors && (strcmp(g->name, "flag") != 0 || !n->moved))
		return "no call ever failed";
	if (!n->live)
		return "nothing was ever spoilt while in use";
	return !n->moved ? "no call ever succeeded" : NULL;
}

/* Whether the row is good. */
static bool row(const struct game *g, int peer)
{
	const struct counts *n = &play.counts;
	const char *why = options.runs < RUNS_MIN ? NULL : vacuous(g, n);

	printf("row\t%s\t%s\t%s\truns=%llu calls=%llu moved=%llu errors=%llu "
	       "poisoned=%llu scribbles=%llu seed=%llu\n",
	       g->operation, checks[hostile_bare * PEERS + peer],
	       why ? "FAIL" : "ok", (unsigned long long)n->runs,
	       (unsigned long long)n->calls, (unsigned long long)n->moved,
	       (unsigned long long)n->errors, (unsigned long long)n->poisoned,
	       (unsigned long long)n->scribbles,
	       (unsigned long long)options.seed);
	if (why)
		fprintf(stderr, "%s, peer %s: %s\n", g->name, peer_names[peer],
			why);
	fflush(stdout);
	return !why;
}

static bool play_for(const struct game *g, int peer, uint64_t ns)
{
	uint64_t end = clock_ns() + ns;
	uint64_t i = 0;

	/* What is made once has to be there before a peer is forked. */
	play.real = hostile_bare;
	run(g, NONE, options.seed);
	memset(&play.counts, 0, sizeof(play.counts));
	play.real = peer != NONE;
	if (peer != NONE)
		peer_start(peer == PROCESS, options.seed);
	while (i < options.runs && (i < RUNS_MIN || clock_ns() < end ||
				    (i < RUNS_MORE && !play.counts.moved)))
		run(g, peer, options.seed + i++);
	if (peer != NONE)
		peer_stop();
	play.real = false;
	return row(g, peer);
}

static bool wanted(const struct game *g, int peer)
{
	return (!options.game || options.game == g) &&
	       (options.peer == PEERS || options.peer == peer) &&
	       !(g->local && peer == PROCESS) &&
	       !(hostile_bare && peer == NONE);
}

static bool play_all(void)
{
	unsigned parts = 0;
	unsigned bad = 0;

	for (unsigned i = 0; i < games_count * PEERS; i++)
		parts += wanted(&games[i / PEERS], (int)(i % PEERS));
	for (unsigned i = 0; i < games_count * PEERS; i++)
		if (wanted(&games[i / PEERS], (int)(i % PEERS)))
			bad += !play_for(
				&games[i / PEERS], (int)(i % PEERS),
				(uint64_t)(options.seconds * 1e9 / parts));
	if (!parts)
		fail("nothing to play");
	return !bad;
}

/* --- files ----------------------------------------------------------------- */

static void play_file(const struct game *g, const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t count;

	if (!f)
		fail("%s: %s", path, strerror(errno));
	count = fread(input, 1, sizeof(input), f);
	fclose(f);
	replay_as("%s --game %s %s", program_invocation_name, g->name, path);
	game_run(g, input, count);
	printf("%s: ok\n", path);
}

static void write_input(const char *dir, const struct game *g, unsigned n)
{
	size_t count = input_of(g, options.seed + n);
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s-%u", dir, g->name, n);
	f = fopen(path, "wb");
	if (!f || fwrite(input, 1, count, f) != count || fclose(f))
		fail("%s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
	static const struct argp argp = { known,
					  option,
					  "[FILE...]",
					  "Plays the verbs beside a hostile "
					  "peer. With FILEs: these inputs, for "
					  "the one --game.",
					  NULL,
					  NULL,
					  NULL };

	options.seed = (uint64_t)time(NULL) * 1000003;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	watch_start();
	if ((options.files || options.corpus) && !options.game)
		fail("which --game?");
	if (options.corpus)
		for (unsigned n = 0; n < 16; n++)
			write_input(options.corpus, options.game, n);
	for (char **file = options.files; file && *file; file++)
		play_file(options.game, *file);
	if (options.files || options.corpus)
		return 0;
	printf("hostile: seed %llu\n", (unsigned long long)options.seed);
	return play_all() ? 0 : 1;
}
