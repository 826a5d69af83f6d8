/*
 * The commands that do something.  Each ends the errand, now or later.  Control
 * thread.
 */
#ifndef CARPOOL_ADMIN_ACT_H
#define CARPOOL_ADMIN_ACT_H

struct errand;

void act_disable(struct errand *errand);
void act_enable(struct errand *errand);
void act_explain(struct errand *errand);
void act_kill(struct errand *errand);
void act_kill_client(struct errand *errand);
void act_pause(struct errand *errand);
void act_reconnect(struct errand *errand);
void act_reload(struct errand *errand);
void act_resume(struct errand *errand);
void act_set(struct errand *errand);
void act_set_fixed(struct errand *errand);
void act_shutdown(struct errand *errand);
void act_suspend(struct errand *errand);
void act_wait_close(struct errand *errand);

#endif
