/*
 * libevent's headers.  Its struct header uses a macro LIST_ENTRY of its own
 * where none is defined, so the one of base/list.h is set aside meanwhile.
 * For the files of io/ alone.
 */
#ifndef CARPOOL_IO_LIBEVENT_H
#define CARPOOL_IO_LIBEVENT_H

#pragma push_macro("LIST_ENTRY")
#undef LIST_ENTRY
#include <event2/event.h>
#include <event2/event_struct.h>
#pragma pop_macro("LIST_ENTRY")

#endif
