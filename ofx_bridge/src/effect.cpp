#include "effect.h"

#include <algorithm>
#include <mutex>
#include <new>

#include "frame.h"
#include "instance.h"
#include "neighbours.h"
#include "source_plane.h"

namespace faceplate {
namespace {

// Hosts load, describe and unload for scanning, and load every effect of a bundle on its own.
std::mutex lives_lock;
int instances = 0;

OfxImageEffectHandle effectOf(const void* handle) {
  return static_cast<OfxImageEffectHandle>(const_cast<void*>(handle));
}

Properties propertiesOf(OfxImageEffectHandle effect) {
  OfxPropertySetHandle found = nullptr;
  host().effects->getPropertySet(effect, &found);
  return Properties(found);
}

Instance& instanceOf(OfxImageEffectHandle effect) {
  auto* found = static_cast<Instance*>(propertiesOf(effect).pointer(kOfxPropInstanceData));
  if (!found) throw Error("request", "The host renders an instance that it has not created.");
  return *found;
}

OfxStatus destroyInstance(OfxImageEffectHandle effect) {
  delete static_cast<Instance*>(propertiesOf(effect).pointer(kOfxPropInstanceData));
  propertiesOf(effect).set(kOfxPropInstanceData, static_cast<void*>(nullptr));
  const std::lock_guard<std::mutex> held(lives_lock);
  if (--instances == 0) closeIdleSessions();
  return kOfxStatOK;
}

// ---------------------------------------------------------------- clips

bool hostHasHalf() {
  const Properties facts(host().given->host);
  for (int place = 0; place < facts.count(kOfxImageEffectPropSupportedPixelDepths); ++place) {
    if (facts.text(kOfxImageEffectPropSupportedPixelDepths, place) == kOfxBitDepthHalf) return true;
  }
  return false;
}

OfxPropertySetHandle defineClip(OfxImageEffectHandle effect, const char* name,
                                std::initializer_list<const char*> components) {
  OfxPropertySetHandle handle = nullptr;
  if (host().effects->clipDefine(effect, name, &handle) != kOfxStatOK) {
    throw Error("request", std::string("The host does not take the clip ") + name + ".");
  }
  const Properties facts(handle);
  int place = 0;
  for (const char* each : components) facts.set(kOfxImageEffectPropSupportedComponents, each, place++);
  facts.set(kOfxImageEffectPropSupportsTiles, 0);
  return handle;
}

void defineClips(OfxImageEffectHandle effect, bool withMask, bool looksAround) {
  const auto colours = {kOfxImageComponentRGBA, kOfxImageComponentRGB, kOfxImageComponentAlpha};
  const Properties source(defineClip(effect, kOfxImageEffectSimpleSourceClipName, colours));
  source.set(kOfxImageEffectPropTemporalClipAccess, static_cast<int>(looksAround));
  if (withMask) {
    const Properties mask(defineClip(effect, kMaskClip, {kOfxImageComponentAlpha, kOfxImageComponentRGBA}));
    mask.set(kOfxImageClipPropOptional, 1);
    mask.set(kOfxImageClipPropIsMask, 1);
  }
  defineClip(effect, kOfxImageEffectOutputClipName, colours);
}

// ---------------------------------------------------------------- questions of the host

// The output is of the source's kind; the host has put what it will give of the source into `out`. Hosts decide
// otherwise by themselves where an effect has several inputs.
OfxStatus preferClips(const Effect& effect, const Instance& instance, OfxPropertySetHandle out) {
  const Properties wanted(out);
  const std::string components = wanted.text("OfxImageClipPropComponents_Source");
  const std::string alpha = effect.premultiplication(instance.knobs);
  if (components.empty() || components == kOfxImageComponentNone) return kOfxStatReplyDefault;
  wanted.set("OfxImageClipPropComponents_Output", components.c_str());
  if (!alpha.empty() && components == kOfxImageComponentRGBA) {
    wanted.set(kOfxImageEffectPropPreMultiplication, alpha.c_str());
  }
  return kOfxStatOK;
}

// A face needs its whole frame, whichever part of it is to be seen.
OfxStatus wantWholeSource(const Instance& instance, OfxPropertySetHandle in, OfxPropertySetHandle out) {
  OfxRectD whole{};
  const OfxTime time = Properties(in).number(kOfxPropTime, 0);
  if (!instance.source || host().effects->clipGetRegionOfDefinition(instance.source, time, &whole) != kOfxStatOK) {
    return kOfxStatReplyDefault;
  }
  const double corners[] = {whole.x1, whole.y1, whole.x2, whole.y2};
  for (int place = 0; place < 4; ++place) Properties(out).set("OfxImageClipPropRoI_Source", corners[place], place);
  return kOfxStatOK;
}

// Exactly the frames that a render will fetch.
OfxStatus wantFrames(const Effect& effect, const Instance& instance, OfxPropertySetHandle in,
                     OfxPropertySetHandle out) {
  const OfxTime time = Properties(in).number(kOfxPropTime, 0);
  const int reach = hostLooksAround() ? effect.reach(instance.knobs, time) : 0;
  const std::vector<int> steps = stepsAround(instance.source, time, reach);
  if (steps.empty()) return kOfxStatReplyDefault;
  Properties(out).set("OfxImageClipPropFrameRange_Source", time + std::min(steps.front(), 0), 0);
  Properties(out).set("OfxImageClipPropFrameRange_Source", time + std::max(steps.back(), 0), 1);
  return kOfxStatOK;
}

OfxStatus tellIdentity(const Effect& effect, const Instance& instance, OfxPropertySetHandle in,
                       OfxPropertySetHandle out) {
  const OfxTime time = Properties(in).number(kOfxPropTime, 0);
  if (!effect.isIdentity(instance.knobs, time)) return kOfxStatReplyDefault;
  Properties(out).set(kOfxPropName, kOfxImageEffectSimpleSourceClipName);
  Properties(out).set(kOfxPropTime, time);
  return kOfxStatOK;
}

// ---------------------------------------------------------------- rendering

RenderArguments argumentsOf(OfxImageEffectHandle effect, OfxPropertySetHandle in) {
  const Properties told(in);
  RenderArguments arguments = {effect, told.number(kOfxPropTime, 0), {},
                               told.whole(kOfxImageEffectPropInteractiveRenderStatus, 0) != 0};
  if (!told.rectangle(kOfxImageEffectPropRenderWindow, arguments.window)) {
    throw Error("request", "The host does not say which part of the frame to render.");
  }
  return arguments;
}

// After a render that worked: say what the host kept from it and what the engine notes of it, once, or take back what
// was said before.
void tellOfIt(const Effect& effect, Instance& instance, const RenderArguments& arguments, std::string notes) {
  if (effect.reach(instance.knobs, arguments.time) > 0 && !hostLooksAround()) {
    notes = effect.oneFrameOnly() + (notes.empty() ? "" : " " + notes);
  }
  const bool complained = instance.complained.exchange(false);
  if (!instance.warns(notes) && !complained) return;
  if (notes.empty()) {
    clearMessage(arguments.effect);
  } else {
    showWarning(arguments.effect, notes);
  }
}

OfxStatus render(const Effect& effect, OfxImageEffectHandle handle, OfxPropertySetHandle in) {
  Instance& instance = instanceOf(handle);
  try {
    const RenderArguments arguments = argumentsOf(handle, in);
    tellOfIt(effect, instance, arguments, renderFrame(effect, instance, arguments));
    return kOfxStatOK;
  } catch (const Aborted&) {
    return kOfxStatFailed;  // nobody wants the picture, and there is none
  } catch (const Error& error) {
    instance.complained = true;
    showError(handle, error.sentence());
    return error.code() == "engine.memory" ? kOfxStatErrMemory : kOfxStatFailed;
  }
}

}  // namespace

// ---------------------------------------------------------------- describing

std::vector<Parameter> Effect::every() const {
  std::vector<Parameter> all = parameters();
  for (const Parameter& parameter : inputParameters()) all.push_back(parameter);
  for (const Parameter& parameter : ownParameters()) all.push_back(parameter);
  return all;
}

OfxStatus Effect::describe(OfxImageEffectHandle handle) const {
  const Properties facts = propertiesOf(handle);
  facts.set(kOfxPropLabel, label());
  facts.set(kOfxImageEffectPluginPropGrouping, "Faceplate");
  facts.set("OfxPropPluginDescription", hint());
  int place = 0;
  for (const char* context : {kOfxImageEffectContextFilter, kOfxImageEffectContextGeneral}) {
    facts.set(kOfxImageEffectPropSupportedContexts, context, place++);
  }
  place = 0;
  facts.set(kOfxImageEffectPropSupportedPixelDepths, kOfxBitDepthFloat, place++);
  if (hostHasHalf()) facts.set(kOfxImageEffectPropSupportedPixelDepths, kOfxBitDepthHalf, place++);
  for (const char* depth : {kOfxBitDepthShort, kOfxBitDepthByte}) {
    facts.set(kOfxImageEffectPropSupportedPixelDepths, depth, place++);
  }
  facts.set(kOfxImageEffectPluginRenderThreadSafety, kOfxImageEffectRenderFullySafe);
  facts.set(kOfxImageEffectPluginPropHostFrameThreading, 0);
  facts.set(kOfxImageEffectPropSupportsTiles, 0);
  facts.set(kOfxImageEffectPropSupportsMultiResolution, 1);
  facts.set(kOfxImageEffectPropTemporalClipAccess, static_cast<int>(oneFrameOnly() != nullptr));
  facts.set(kOfxImageEffectPluginPropSingleInstance, 0);
  facts.set(kOfxImageEffectPropSupportsMultipleClipDepths, 0);
  facts.set(kOfxImageEffectPropSupportsMultipleClipPARs, 0);
  facts.set(kOfxImageEffectPluginPropFieldRenderTwiceAlways, 0);
  if (slaveParameter()) facts.set(kOfxImageEffectPropClipPreferencesSlaveParam, slaveParameter());
  return kOfxStatOK;
}

OfxStatus Effect::describeInContext(OfxImageEffectHandle handle, OfxPropertySetHandle in) const {
  const bool general = Properties(in).text(kOfxImageEffectPropContext) == kOfxImageEffectContextGeneral;
  defineClips(handle, general, oneFrameOnly() != nullptr);
  defineParameters(handle, every());
  return kOfxStatOK;
}

// ---------------------------------------------------------------- actions

OfxStatus Effect::answered(const std::string& action, const void* handle, OfxPropertySetHandle in,
                           OfxPropertySetHandle out) const {
  if (action == kOfxActionLoad) {
    return host().load() ? kOfxStatOK : kOfxStatErrMissingHostFeature;
  }
  if (action == kOfxActionUnload || action == kOfxActionPurgeCaches) {
    closeIdleSessions();
    return kOfxStatOK;
  }
  const OfxImageEffectHandle effect = effectOf(handle);
  if (action == kOfxActionDescribe) return describe(effect);
  if (action == kOfxImageEffectActionDescribeInContext) return describeInContext(effect, in);
  if (action == kOfxActionCreateInstance) {
    propertiesOf(effect).set(kOfxPropInstanceData, new Instance(effect, every()));
    const std::lock_guard<std::mutex> held(lives_lock);
    ++instances;
    return kOfxStatOK;
  }
  if (action == kOfxActionDestroyInstance) return destroyInstance(effect);
  if (action == kOfxImageEffectActionGetClipPreferences) return preferClips(*this, instanceOf(effect), out);
  if (action == kOfxImageEffectActionGetRegionsOfInterest) return wantWholeSource(instanceOf(effect), in, out);
  if (action == kOfxImageEffectActionGetFramesNeeded) return wantFrames(*this, instanceOf(effect), in, out);
  if (action == kOfxImageEffectActionIsIdentity) return tellIdentity(*this, instanceOf(effect), in, out);
  if (action == kOfxImageEffectActionRender) return render(*this, effect, in);
  return kOfxStatReplyDefault;
}

OfxStatus Effect::act(const char* action, const void* handle, OfxPropertySetHandle in,
                      OfxPropertySetHandle out) const {
  try {
    return answered(action, handle, in, out);
  } catch (const std::bad_alloc&) {
    return kOfxStatErrMemory;
  } catch (...) {
    return kOfxStatFailed;
  }
}

}  // namespace faceplate
