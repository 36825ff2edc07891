// What is alive: every object a plug-in holds a handle of registers here, so that a stale or wrong handle is found
// out instead of followed, and a test can ask what was left behind.

#pragma once

#include <map>
#include <string>
#include <vector>

namespace faceplate::ofx_host {

enum class Kind { host, property_set, image, effect, clip, param, param_set, image_memory, memory, mutex };

// The base of all such objects. Its address is the handle.
class Live {
 public:
  explicit Live(Kind kind);
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;
  virtual ~Live();

  // Whether a plug-in's pointer is an object of this kind that still exists.
  static bool is(const void* handle, Kind kind);

  // Kind's name -> how many exist, hosts aside, which nobody gives back; kinds of which none exist are left out.
  static std::map<std::string, long> counts();

 private:
  const Kind kind_;
};

// A handle back to the object it stands for, or null for anything else.
template <class Object>
Object* alive(const void* handle, Kind kind) {
  if (!Live::is(handle, kind)) return nullptr;
  return dynamic_cast<Object*>(const_cast<Live*>(static_cast<const Live*>(handle)));
}

template <class Handle>
Handle handle_of(Live* object) {
  return reinterpret_cast<Handle>(object);
}

// What plug-ins asked for and were refused, newest last, at most a thousand lines: a plug-in's author wants to know.
void note_refusal(const std::string& sentence);
std::vector<std::string> take_refusals();

}  // namespace faceplate::ofx_host
