// What the testing effects share: the suites of the host, and short ways to its properties, images and parameters.

#pragma once

#include <string>
#include <vector>

#include "ofx_abi.h"

namespace testing {

// Filled in when the host loads the plug-in; a suite the host does not have stays null.
struct Suites {
  OfxHost* host = nullptr;
  const OfxPropertySuiteV1* property = nullptr;
  const OfxImageEffectSuiteV1* effect = nullptr;
  const OfxParameterSuiteV1* param = nullptr;
  const OfxMemorySuiteV1* memory = nullptr;
  const OfxMultiThreadSuiteV1* thread = nullptr;
  const OfxMessageSuiteV1* message = nullptr;
  const OfxMessageSuiteV2* message2 = nullptr;
  const OfxProgressSuiteV1* progress = nullptr;
  const OfxTimeLineSuiteV1* time_line = nullptr;
};

extern Suites suites;

void set_host(OfxHost* host);
OfxStatus fetch_suites();

// Ends the process when the environment's OFX_TESTING_CRASH names this place: for tests of what a crash leaves behind.
void crash_if_asked(const char* place);

inline OfxPropertySetHandle properties_of(OfxImageEffectHandle effect) {
  OfxPropertySetHandle set = nullptr;
  suites.effect->getPropertySet(effect, &set);
  return set;
}

inline void put(OfxPropertySetHandle set, const char* name, const char* value, int index = 0) {
  suites.property->propSetString(set, name, index, value);
}
inline void put(OfxPropertySetHandle set, const char* name, int value, int index = 0) {
  suites.property->propSetInt(set, name, index, value);
}
inline void put(OfxPropertySetHandle set, const char* name, double value, int index = 0) {
  suites.property->propSetDouble(set, name, index, value);
}

double time_in(OfxPropertySetHandle arguments);
OfxRectI window_in(OfxPropertySetHandle arguments);
OfxImageClipHandle clip_of(OfxImageEffectHandle effect, const char* name);
OfxParamHandle param_of(OfxImageEffectHandle effect, const char* name);
OfxPropertySetHandle define_param(OfxImageEffectHandle effect, const char* type, const char* name);
void define_clip(OfxImageEffectHandle effect, const char* name, const std::vector<const char*>& components,
                 bool optional = false, bool temporal = false);

// What is told of an effect, in the order in which hosts like it best.
struct Description {
  const char* label;
  std::vector<const char*> contexts, depths;
  const char* thread_safety;
};

OfxPropertySetHandle describe_as(OfxImageEffectHandle effect, const Description& description);

// The actions that an effect answers; a null one is left to the host.
struct Actions {
  OfxStatus (*describe)(OfxImageEffectHandle effect);
  OfxStatus (*describe_in_context)(OfxImageEffectHandle effect, OfxPropertySetHandle arguments);
  OfxStatus (*render)(OfxImageEffectHandle effect, OfxPropertySetHandle arguments);
  OfxStatus (*changed)(OfxImageEffectHandle effect, OfxPropertySetHandle arguments);
  OfxStatus (*is_identity)(OfxImageEffectHandle effect, OfxPropertySetHandle arguments, OfxPropertySetHandle results);
  OfxStatus (*frames_needed)(OfxImageEffectHandle effect, OfxPropertySetHandle arguments, OfxPropertySetHandle results);
};

OfxStatus answer(const Actions& actions, const char* action, const void* handle, OfxPropertySetHandle in,
                 OfxPropertySetHandle out);

// An effect as a host finds it: its entry point answers with these actions.
template <const Actions& actions>
OfxPlugin plugin_of(const char* identifier, unsigned int minor) {
  return {kOfxImageEffectPluginApi, kOfxImageEffectPluginApiVersion, identifier, 1, minor, set_host,
          [](const char* action, const void* handle, OfxPropertySetHandle in, OfxPropertySetHandle out) {
            return answer(actions, action, handle, in, out);
          }};
}

// An image borrowed from a clip; released when it goes out of scope.
class Picture {
 public:
  Picture(OfxImageClipHandle clip, double time, const OfxRectD* region = nullptr);
  ~Picture() { release(); }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;

  explicit operator bool() const { return data_ != nullptr; }
  OfxPropertySetHandle handle() const { return handle_; }
  const OfxRectI& bounds() const { return bounds_; }
  const std::string& depth() const { return depth_; }
  int channels() const { return channels_; }
  int sample_bytes() const { return sample_bytes_; }
  int pixel_bytes() const { return channels_ * sample_bytes_; }
  // Null outside the image.
  char* pixel(int x, int y) const;
  void forget() { handle_ = nullptr; }
  void release();

 private:
  OfxPropertySetHandle handle_ = nullptr;
  OfxRectI bounds_ = {0, 0, 0, 0};
  std::string depth_;
  int channels_ = 0, sample_bytes_ = 0, row_bytes_ = 0;
  char* data_ = nullptr;
};

OfxPlugin* copy_plugin();
OfxPlugin* probe_plugin();

}  // namespace testing
