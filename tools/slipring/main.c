/* SPDX-License-Identifier: MIT */
/* slipring COMMAND ...: finds the command and hands over to it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/slipring/common.h"

/* As MODULE.bazel says. */
const char *argp_program_version = "slipring 0.1.0";

/* The one command without options or arguments of its own. */
static int demo(int argc, char **argv)
{
	static const struct argp argp = {
		.doc = "Show two processes and one ring: throughput and round "
		       "trip beside a pipe's, then a kill in mid-operation.",
	};

	if (argp_parse(&argp, argc, argv, 0, NULL, NULL))
		return STATUS_USAGE;
	return cmd_demo(1, argv);
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "bench", cmd_bench, "rings, rivals and limits, side by side" },
	{ "demo", demo, "two processes and one ring, with figures" },
	{ "send", cmd_send, "standard input into a ring" },
	{ "recv", cmd_recv, "a ring to standard output" },
	{ "ls", cmd_ls, "the regions of this machine" },
	{ "stat", cmd_stat, "what is in a region, and who uses it" },
	{ "rm", cmd_rm, "remove a region that nobody uses" },
	{ "gc", cmd_gc, "remove every region whose users are all dead" },
	{ "doctor", cmd_doctor, "what this machine offers, and lacks" },
	{ "stress", cmd_stress, "torture the rings on this machine" },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* argp frees what a filter returns, unless it is the text it came with. */
static char *list_commands(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t bytes;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;
	out = open_memstream(&list, &bytes);
	if (!out)
		return NULL;
	(void)fputs("Commands:\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		(void)fprintf(out, "  %-8s %s\n", commands[i].name,
			      commands[i].summary);
	(void)fputs("\n`slipring COMMAND --help' says more. Exit status: 0 ok, "
		    "1 failed, 2 wrong usage.",
		    out);
	(void)fclose(out);
	return list;
}

struct choice {
	const struct command *command;
	int at; /* its index in argv */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct choice *choice = state->input;

	if (key == ARGP_KEY_NO_ARGS)
		argp_error(state, "a command is missing");
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	choice->command = find(arg);
	choice->at = state->next - 1;
	if (!choice->command)
		argp_error(state, "there is no command '%s'", arg);
	/* The rest of the line is the command's own: stop here. */
	state->next = state->argc;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Rings in shared memory, from the shell.\v",
		.help_filter = list_commands,
	};
	struct choice choice = { NULL, 0 };
	static char title[32];

	argp_err_exit_status = STATUS_USAGE;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &choice))
		return STATUS_USAGE;
	(void)snprintf(title, sizeof(title), "slipring %s",
		       choice.command->name);
	program_invocation_name = title;
	argv[choice.at] = title;
	return choice.command->run(argc - choice.at, argv + choice.at);
}
