// Find the engine of this user on this machine, and start it when there is none. docs/wire.md says where it lives.

#ifndef FACEPLATE_LAUNCH_H
#define FACEPLATE_LAUNCH_H

#include <string>

#include "patience.h"

namespace faceplate {

// A socket connected to the engine; the caller closes it.
//
// Connecting takes at most 200 ms. When no engine is there, one is started, behind the lock that every client of this
// machine takes, and waited for until `until` on the clock of now(); but not soon after that has failed, see backoff.h.
//
// Raises Error: "engine.absent", none is there and none could be started; "engine.busy", it takes no more connections;
// "engine.folder", "engine.peer". Raises Aborted; an engine that was being started goes on starting.
int reach(double until, const Patience& patience);

// Bury engines that this process has started and that have ended since. No thread waits for them.
void buryEngines();

}  // namespace faceplate

#endif
