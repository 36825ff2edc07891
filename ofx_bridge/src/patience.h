// How long a render may wait, and whether its host still wants it to.

#ifndef FACEPLATE_PATIENCE_H
#define FACEPLATE_PATIENCE_H

#include <time.h>

#include <functional>

#include "errors.h"

namespace faceplate {

// Seconds on a clock that nobody sets.
inline double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

inline constexpr int kPollMilliseconds = 5;  // between two questions to the host

// Asks the host whether to go on. Only for the thread that renders: hosts answer no other.
class Patience {
 public:
  explicit Patience(std::function<bool()> aborted) : aborted_(std::move(aborted)) {}

  bool aborted() const { return aborted_(); }

  void expectWanted() const {
    if (aborted_()) throw Aborted();
  }

  // Sleep for one poll, then raise Aborted when the host has lost interest.
  void breathe() const {
    const timespec pause = {0, kPollMilliseconds * 1000000L};
    nanosleep(&pause, nullptr);
    expectWanted();
  }

 private:
  std::function<bool()> aborted_;
};

}  // namespace faceplate

#endif
