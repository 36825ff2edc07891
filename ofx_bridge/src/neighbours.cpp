#include "neighbours.h"

namespace faceplate {

bool hostLooksAround() { return Properties(host().given->host).whole(kOfxImageEffectPropTemporalClipAccess, 0) != 0; }

std::vector<int> stepsAround(OfxImageClipHandle clip, OfxTime time, int reach) {
  OfxPropertySetHandle handle = nullptr;
  std::vector<int> steps;
  if (!clip || host().effects->clipGetPropertySet(clip, &handle) != kOfxStatOK) return steps;
  const Properties facts(handle);
  const double first = facts.number(kOfxImageEffectPropFrameRange, time - reach, 0);
  const double last = facts.number(kOfxImageEffectPropFrameRange, time + reach, 1);
  for (int step = -reach; step <= reach; ++step) {
    if (step != 0 && first <= time + step && time + step <= last) steps.push_back(step);
  }
  return steps;
}

}  // namespace faceplate
