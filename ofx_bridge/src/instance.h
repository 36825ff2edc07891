// What belongs to one instance of an effect. While it renders nothing here changes but what is said of it.

#ifndef FACEPLATE_INSTANCE_H
#define FACEPLATE_INSTANCE_H

#include <atomic>
#include <mutex>
#include <string>
#include <utility>

#include "knobs.h"

namespace faceplate {

inline constexpr char kMaskClip[] = "Mask";

struct Instance {
  Instance(OfxImageEffectHandle effect, const std::vector<Parameter>& parameters)
      : knobs(effect, parameters),
        source(clip(effect, kOfxImageEffectSimpleSourceClipName)),
        mask(clip(effect, kMaskClip)),
        output(clip(effect, kOfxImageEffectOutputClipName)) {}

  Knobs knobs;
  OfxImageClipHandle source, mask, output;  // null where a context has none
  std::atomic<bool> complained{false};      // an error of ours is on show

  // Remember the warning on show, empty for none; whether it is another than before.
  bool warns(const std::string& sentence) {
    const std::lock_guard<std::mutex> held(warning_lock_);
    return std::exchange(warning_, sentence) != sentence;
  }

 private:
  std::mutex warning_lock_;
  std::string warning_;

  static OfxImageClipHandle clip(OfxImageEffectHandle effect, const char* name) {
    OfxImageClipHandle found = nullptr;
    return host().effects->clipGetHandle(effect, name, &found, nullptr) == kOfxStatOK ? found : nullptr;
  }
};

}  // namespace faceplate

#endif
