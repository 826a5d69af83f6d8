/*
 * Mutex with thread-safety annotations (checked by clang -Wthread-safety).
 * Rules of the house: nobody holds two locks; nothing is called while one is
 * held but functions whose name ends in _locked and pure helpers; no system
 * call, callback or log line under a lock.
 */
#ifndef CARPOOL_BASE_LOCK_H
#define CARPOOL_BASE_LOCK_H

#include <pthread.h>

#if defined(__clang__)
#define CAPABILITY __attribute__((capability("mutex")))
#define ACQUIRES(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define RELEASES(...) __attribute__((release_capability(__VA_ARGS__)))
#define REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define NO_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define CAPABILITY
#define ACQUIRES(...)
#define RELEASES(...)
#define REQUIRES(...)
#define NO_ANALYSIS
#endif

struct CAPABILITY lock {
	pthread_mutex_t mutex;
};

void lock_init(struct lock *l);
void lock_fini(struct lock *l);
void lock_take(struct lock *l) ACQUIRES(l);
void lock_give(struct lock *l) RELEASES(l);

#endif
