#include "backoff.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "patience.h"

namespace faceplate::backoff {
namespace {

constexpr double kFirst = 1.0;
constexpr double kLongest = 16.0;

struct Failures {
  std::optional<Error> last;
  double pause = 0, until = 0;
};

std::mutex lock;
Failures failures;

bool isOfTheEngine(const std::string& code) {
  static const char* const codes[] = {"engine.absent", "engine.hung", "engine.gone",  "engine.version",
                                      "engine.wire",   "engine.peer", "engine.folder"};
  return std::find(std::begin(codes), std::end(codes), code) != std::end(codes);
}

void expect(bool absent) {
  const std::lock_guard<std::mutex> held(lock);
  if (!failures.last || now() >= failures.until) return;
  if ((failures.last->code() == "engine.absent") == absent) throw Error(*failures.last);
}

}  // namespace

void expectCalm() { expect(false); }

void expectStartAllowed() { expect(true); }

void failed(const Error& error) {
  if (!isOfTheEngine(error.code())) return;
  const std::lock_guard<std::mutex> held(lock);
  const double time = now();
  // Renders that ran at the same time failed for the same reason, and those in the pause never tried.
  if (failures.last && time < failures.until) return;
  failures.pause = failures.last ? std::min(2 * failures.pause, kLongest) : kFirst;
  failures.last = error;
  failures.until = time + failures.pause;
}

void worked() {
  const std::lock_guard<std::mutex> held(lock);
  failures = Failures();
}

}  // namespace faceplate::backoff
