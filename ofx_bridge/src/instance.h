// What belongs to one instance of an effect. Nothing here changes while it renders but `complained`.

#ifndef FACEPLATE_INSTANCE_H
#define FACEPLATE_INSTANCE_H

#include <atomic>

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
  std::atomic<bool> complained{false};      // a message of ours is on show

 private:
  static OfxImageClipHandle clip(OfxImageEffectHandle effect, const char* name) {
    OfxImageClipHandle found = nullptr;
    return host().effects->clipGetHandle(effect, name, &found, nullptr) == kOfxStatOK ? found : nullptr;
  }
};

}  // namespace faceplate

#endif
