#include "spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

namespace faceplate {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> found;
  for (const std::string& word : words) found.push_back(const_cast<char*>(word.c_str()));
  found.push_back(nullptr);
  return found;
}

void closeFrom(int first, rlim_t most) {
  if (syscall(SYS_close_range, first, ~0u, 0) == 0) return;
  for (rlim_t number = static_cast<rlim_t>(first); number < most; ++number) close(static_cast<int>(number));
}

// The child's side: nothing here allocates or locks, for the child runs in the host's own memory until it execs.
[[noreturn]] void become(char* const* arguments, char* const* environment, int log, rlim_t descriptors, int* reason) {
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &plain, nullptr);
  setsid();
  const int nothing = open("/dev/null", O_RDWR);
  const bool ready = chdir("/") == 0 && nothing >= 0 && dup2(nothing, 0) == 0 && dup2(log < 0 ? nothing : log, 1) == 1 &&
                     dup2(1, 2) == 2;
  if (ready) {
    closeFrom(3, descriptors);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execve(arguments[0], arguments, environment);
  }
  *reason = errno;
  _exit(127);
}

// vfork, since fork would copy the page tables of a host that may hold tens of gigabytes.
__attribute__((noinline)) pid_t forked(char* const* arguments, char* const* environment, int log, rlim_t descriptors,
                                       int* reason) {
  const pid_t child = vfork();
  if (child == 0) become(arguments, environment, log, descriptors, reason);
  return child;
}

}  // namespace

Spawned spawn(const std::vector<std::string>& command, const std::vector<std::string>& environment, int log) {
  const std::vector<char*> arguments = pointers(command), variables = pointers(environment);
  rlimit limit = {1024, 1024};
  getrlimit(RLIMIT_NOFILE, &limit);
  int reason = 0;
  // No handler of the host's may run in the child, which shares its memory.
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t child = forked(arguments.data(), variables.data(), log, limit.rlim_cur, &reason);
  const int failure = child < 0 ? errno : reason;
  if (child > 0 && failure) waitpid(child, nullptr, 0);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return {failure ? -1 : child, failure};
}

}  // namespace faceplate
