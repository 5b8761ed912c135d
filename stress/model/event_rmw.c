/* SPDX-License-Identifier: MIT */
/* EVENT-H3: the handshake in mode RMW, on machines other than x86-64. */
#define MODE SLIP_EVENT_RMW
#include "event.inc"
