/*
 * Who may log in, and how he is to prove who he is: auth_type, the rules of
 * auth_hba_file, and what needs no word from the client (certificates, unix
 * sockets).  Runs on the client's worker.
 */
#ifndef CARPOOL_CORE_ACCESS_H
#define CARPOOL_CORE_ACCESS_H

#include "core/client.h"

/*
 * The method for a client whose route is known, as a front can carry it out;
 * AUTH_REJECT: denied, with why in c->login->denial.  False: it waits, and is
 * answered by login_answer_verify.
 */
bool access_method(struct client *c, enum auth_method *method);

#endif
