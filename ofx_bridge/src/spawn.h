// Start a program that outlives this process and inherits nothing of it but what is named.

#ifndef FACEPLATE_SPAWN_H
#define FACEPLATE_SPAWN_H

#include <sys/types.h>

#include <string>
#include <vector>

namespace faceplate {

// `child`: the process, to be buried by waitpid; -1 when it could not be started, `reason` is the errno then.
struct Spawned {
  pid_t child;
  int reason;
};

// In a session of its own, working folder the root, standard input the null device, standard output and error to
// `log`, no other descriptor open, no signal blocked or ignored. Neither copies the host's memory nor runs a shell.
Spawned spawn(const std::vector<std::string>& command, const std::vector<std::string>& environment, int log);

}  // namespace faceplate

#endif
