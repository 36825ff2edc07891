#include "live.h"

#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace faceplate::ofx_host {
namespace {

constexpr const char* kNames[] = {"host",  "property_set", "image",        "effect", "clip",
                                  "param", "param_set",    "image_memory", "memory", "mutex"};
constexpr std::size_t kRefusalsKept = 1000;

struct Registry {
  std::shared_mutex mutex;
  std::unordered_map<const void*, Kind> objects;
};

struct Refusals {
  std::mutex mutex;
  std::vector<std::string> sentences;
};

// Never destroyed: a plug-in's own static objects may let go of their handles after our statics would be gone.
Registry& registry() {
  static auto* const one = new Registry;
  return *one;
}

Refusals& refusals() {
  static auto* const one = new Refusals;
  return *one;
}

}  // namespace

Live::Live(Kind kind) : kind_(kind) {
  std::unique_lock lock(registry().mutex);
  registry().objects.emplace(this, kind);
}

Live::~Live() {
  std::unique_lock lock(registry().mutex);
  registry().objects.erase(this);
}

bool Live::is(const void* handle, Kind kind) {
  std::shared_lock lock(registry().mutex);
  const auto found = registry().objects.find(handle);
  return found != registry().objects.end() && found->second == kind;
}

std::map<std::string, long> Live::counts() {
  std::shared_lock lock(registry().mutex);
  std::map<std::string, long> counted;
  for (const auto& object : registry().objects) {
    if (object.second != Kind::host) ++counted[kNames[static_cast<int>(object.second)]];
  }
  return counted;
}

void note_refusal(const std::string& sentence) {
  std::lock_guard lock(refusals().mutex);
  if (refusals().sentences.size() < kRefusalsKept) refusals().sentences.push_back(sentence);
}

std::vector<std::string> take_refusals() {
  std::lock_guard lock(refusals().mutex);
  std::vector<std::string> taken;
  taken.swap(refusals().sentences);
  return taken;
}

}  // namespace faceplate::ofx_host
