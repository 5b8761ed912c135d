/* SPDX-License-Identifier: MIT */
#include "stress/pair_program.h"

int main(int argc, char **argv)
{
	return pair_main(argc, argv,
			 "ring/record.h between processes that are killed",
			 &pair_record);
}
