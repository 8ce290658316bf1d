/* local - a mail into a mailbox of this host, by a process that has the rights of its user and no others. */
#ifndef DELIVER_LOCAL_H
#define DELIVER_LOCAL_H

#include "deliver/deliver.h"

/* As deliver_hop, for hop->mailbox. Each recipient gets a copy of its own, with Return-Path, Delivered-To and, when the mail was
 * sent to another address, X-Original-To before its header. One that has such a Delivered-To already goes round in circles
 * and fails with 5.4.6. A process of root refuses: it has to become somebody else before. */
void local_deliver(const struct hop *hop, const struct draft *draft, const struct deliver_options *options, struct outcome *outcomes,
		   struct arena *arena);

#endif
