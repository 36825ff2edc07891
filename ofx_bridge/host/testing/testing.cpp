// The bundle with which the host tests itself: two effects, one that copies and one that misbehaves when asked to.

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "suites.h"

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace testing {

Suites suites;

void set_host(OfxHost* host) { suites.host = host; }

OfxStatus fetch_suites() {
  crash_if_asked("load");
  const auto fetch = [](const char* name, int version) {
    return suites.host->fetchSuite(suites.host->host, name, version);
  };
  suites.property = static_cast<const OfxPropertySuiteV1*>(fetch(kOfxPropertySuite, 1));
  suites.effect = static_cast<const OfxImageEffectSuiteV1*>(fetch(kOfxImageEffectSuite, 1));
  suites.param = static_cast<const OfxParameterSuiteV1*>(fetch(kOfxParameterSuite, 1));
  suites.memory = static_cast<const OfxMemorySuiteV1*>(fetch(kOfxMemorySuite, 1));
  suites.thread = static_cast<const OfxMultiThreadSuiteV1*>(fetch(kOfxMultiThreadSuite, 1));
  suites.message = static_cast<const OfxMessageSuiteV1*>(fetch(kOfxMessageSuite, 1));
  suites.message2 = static_cast<const OfxMessageSuiteV2*>(fetch(kOfxMessageSuite, 2));
  suites.progress = static_cast<const OfxProgressSuiteV1*>(fetch(kOfxProgressSuite, 1));
  suites.time_line = static_cast<const OfxTimeLineSuiteV1*>(fetch(kOfxTimeLineSuite, 1));
  if (suites.property && suites.effect && suites.param) return kOfxStatOK;
  return kOfxStatErrMissingHostFeature;
}

void crash_if_asked(const char* place) {
  const char* const asked = std::getenv("OFX_TESTING_CRASH");
  if (asked && !std::strcmp(asked, place)) std::raise(SIGSEGV);
}

double time_in(OfxPropertySetHandle arguments) {
  double time = 0;
  suites.property->propGetDouble(arguments, kOfxPropTime, 0, &time);
  return time;
}

OfxRectI window_in(OfxPropertySetHandle arguments) {
  int window[4] = {};
  suites.property->propGetIntN(arguments, kOfxImageEffectPropRenderWindow, 4, window);
  return {window[0], window[1], window[2], window[3]};
}

OfxImageClipHandle clip_of(OfxImageEffectHandle effect, const char* name) {
  OfxImageClipHandle clip = nullptr;
  suites.effect->clipGetHandle(effect, name, &clip, nullptr);
  return clip;
}

OfxParamHandle param_of(OfxImageEffectHandle effect, const char* name) {
  OfxParamSetHandle set = nullptr;
  OfxParamHandle param = nullptr;
  suites.effect->getParamSet(effect, &set);
  suites.param->paramGetHandle(set, name, &param, nullptr);
  return param;
}

OfxPropertySetHandle define_param(OfxImageEffectHandle effect, const char* type, const char* name) {
  OfxParamSetHandle set = nullptr;
  OfxPropertySetHandle properties = nullptr;
  suites.effect->getParamSet(effect, &set);
  suites.param->paramDefine(set, type, name, &properties);
  return properties;
}

void define_clip(OfxImageEffectHandle effect, const char* name, const std::vector<const char*>& components,
                 bool optional, bool temporal) {
  OfxPropertySetHandle clip = nullptr;
  suites.effect->clipDefine(effect, name, &clip);
  int index = 0;
  for (const char* each : components) put(clip, kOfxImageEffectPropSupportedComponents, each, index++);
  put(clip, kOfxImageClipPropOptional, int(optional));
  put(clip, kOfxImageEffectPropTemporalClipAccess, int(temporal));
}

OfxPropertySetHandle describe_as(OfxImageEffectHandle effect, const Description& description) {
  const OfxPropertySetHandle set = properties_of(effect);
  put(set, kOfxPropLabel, description.label);
  put(set, kOfxImageEffectPluginPropGrouping, "Faceplate/Testing");
  int index = 0;
  for (const char* context : description.contexts) put(set, kOfxImageEffectPropSupportedContexts, context, index++);
  index = 0;
  for (const char* depth : description.depths) put(set, kOfxImageEffectPropSupportedPixelDepths, depth, index++);
  put(set, kOfxImageEffectPluginRenderThreadSafety, description.thread_safety);
  return set;
}

OfxStatus answer(const Actions& actions, const char* action, const void* handle, OfxPropertySetHandle in,
                 OfxPropertySetHandle out) {
  const auto effect = static_cast<OfxImageEffectHandle>(const_cast<void*>(handle));
  const auto is = [action](const char* name) { return !std::strcmp(action, name); };
  if (is(kOfxActionLoad)) return fetch_suites();
  if (is(kOfxActionDescribe)) return actions.describe(effect);
  if (is(kOfxImageEffectActionDescribeInContext)) return actions.describe_in_context(effect, in);
  if (is(kOfxImageEffectActionRender)) return actions.render(effect, in);
  if (is(kOfxActionInstanceChanged) && actions.changed) return actions.changed(effect, in);
  if (is(kOfxImageEffectActionIsIdentity) && actions.is_identity) return actions.is_identity(effect, in, out);
  if (is(kOfxImageEffectActionGetFramesNeeded) && actions.frames_needed) return actions.frames_needed(effect, in, out);
  if (is(kOfxActionUnload) || is(kOfxActionCreateInstance) || is(kOfxActionDestroyInstance)) return kOfxStatOK;
  return kOfxStatReplyDefault;
}

Picture::Picture(OfxImageClipHandle clip, double time, const OfxRectD* region) {
  if (!clip || suites.effect->clipGetImage(clip, time, region, &handle_) != kOfxStatOK || !handle_) {
    handle_ = nullptr;
    return;
  }
  const auto text = [this](const char* name) {
    char* value = nullptr;
    return suites.property->propGetString(handle_, name, 0, &value) == kOfxStatOK ? std::string(value) : "";
  };
  int bounds[4] = {};
  void* data = nullptr;
  suites.property->propGetIntN(handle_, kOfxImagePropBounds, 4, bounds);
  suites.property->propGetInt(handle_, kOfxImagePropRowBytes, 0, &row_bytes_);
  suites.property->propGetPointer(handle_, kOfxImagePropData, 0, &data);
  bounds_ = {bounds[0], bounds[1], bounds[2], bounds[3]};
  data_ = static_cast<char*>(data);
  depth_ = text(kOfxImageEffectPropPixelDepth);
  const std::string components = text(kOfxImageEffectPropComponents);
  channels_ = components == kOfxImageComponentRGBA ? 4 : components == kOfxImageComponentRGB ? 3 : 1;
  sample_bytes_ = depth_ == kOfxBitDepthFloat ? 4 : depth_ == kOfxBitDepthByte ? 1 : 2;
}

char* Picture::pixel(int x, int y) const {
  if (!data_ || x < bounds_.x1 || x >= bounds_.x2 || y < bounds_.y1 || y >= bounds_.y2) return nullptr;
  return data_ + std::ptrdiff_t(y - bounds_.y1) * row_bytes_ + std::ptrdiff_t(x - bounds_.x1) * pixel_bytes();
}

void Picture::release() {
  if (handle_) suites.effect->clipReleaseImage(handle_);
  handle_ = nullptr;
  data_ = nullptr;
}

}  // namespace testing

EXPORTED int OfxGetNumberOfPlugins() { return 2; }

EXPORTED OfxPlugin* OfxGetPlugin(int nth) {
  return nth == 0 ? testing::copy_plugin() : nth == 1 ? testing::probe_plugin() : nullptr;
}

EXPORTED OfxStatus OfxSetHost(const OfxHost* host) { return host ? kOfxStatOK : kOfxStatFailed; }
