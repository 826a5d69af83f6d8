/*
 * LOAD DATA LOCAL: a server asks for a file of the client.
 *
 * Whether it does is the server's choice, in answer to any command, so a server
 * can have any file of a client that obeys.  It is asked only if it said that
 * it allows that, and the setting local_infile does; else the server gets an
 * empty file and the client an error.  Runs on the worker that owns both.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_FILE_H
#define CARPOOL_SRC_MYSQL_MY_FILE_H

#include "my_back.h"
#include "my_front.h"

/* The back's turn: may its client be asked? */
bool my_file_may_ask(const struct turn *turn);

/*
 * The back's turn: the server asked in the packet with this number, and gets
 * nothing; neither does a client, if it waits for this answer, get more of it
 * than an error.  False: memory is out.
 */
bool my_file_refuse(struct my_back *b, struct turn *turn, uint8_t seq);

/* The front's turn: does the server wait for more of a file? */
bool my_file_is_due(const struct my_front *f, const struct turn *turn);

#endif
