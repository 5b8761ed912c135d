/* SPDX-License-Identifier: MIT */
/* One fuzz target: libFuzzer calls this; GAME says which game it plays. */
#include "hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static const struct game *game;

	if (!game)
		game = game_named(GAME);
	game_run(game, bytes, count);
	return 0;
}
