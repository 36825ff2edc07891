// The effect that misbehaves: its parameter `behaviour` says how. A host that passes its tests stays whole and tells.

#include <chrono>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include "suites.h"

namespace testing {
namespace {

constexpr int kLongestWait = 10;  // seconds, so that a host that cannot abort does not hang a test

OfxStatus describe(OfxImageEffectHandle effect) {
  const OfxPropertySetHandle set = describe_as(effect, {"Testing Probe",
                                                        {kOfxImageEffectContextFilter},
                                                        {kOfxBitDepthFloat},
                                                        kOfxImageEffectRenderInstanceSafe});
  put(set, kOfxImageEffectPropTemporalClipAccess, 1);
  put(set, kOfxImageEffectPropSupportsTiles, 0);
  return kOfxStatOK;
}

OfxStatus describe_in_context(OfxImageEffectHandle effect, OfxPropertySetHandle) {
  define_clip(effect, kOfxImageEffectSimpleSourceClipName, {kOfxImageComponentRGBA}, false, true);
  define_clip(effect, kOfxImageEffectOutputClipName, {kOfxImageComponentRGBA});
  put(define_param(effect, kOfxParamTypeString, "behaviour"), kOfxParamPropDefault, "copy");
  put(define_param(effect, kOfxParamTypeDouble, "amount"), kOfxParamPropDefault, 0.0);
  return kOfxStatOK;
}

std::string behaviour_of(OfxImageEffectHandle effect) {
  char* value = nullptr;
  suites.param->paramGetValue(param_of(effect, "behaviour"), &value);
  return value ? value : "";
}

void say(OfxImageEffectHandle effect, const std::string& id, OfxStatus status) {
  suites.message->message(effect, kOfxMessageLog, id.c_str(), "%d", status);
}

struct Rendering {
  OfxImageEffectHandle effect;
  double time;
  OfxRectI window;

  OfxImageClipHandle source() const { return clip_of(effect, kOfxImageEffectSimpleSourceClipName); }
  OfxImageClipHandle output() const { return clip_of(effect, kOfxImageEffectOutputClipName); }
};

// The mean of the frames from -reach to +reach that can be had.
OfxStatus mean(const Rendering& now, int reach) {
  const Picture output(now.output(), now.time);
  if (!output) return kOfxStatFailed;
  int frames = 0;
  for (int step = -reach; step <= reach; ++step) {
    const Picture source(now.source(), now.time + step);
    if (!source) continue;
    ++frames;
    for (int y = now.window.y1; y < now.window.y2; ++y) {
      for (int x = now.window.x1; x < now.window.x2; ++x) {
        const auto* const from = reinterpret_cast<const float*>(source.pixel(x, y));
        auto* const to = reinterpret_cast<float*>(output.pixel(x, y));
        for (int channel = 0; channel < 4; ++channel) {
          const float value = from ? from[channel] : 0;
          to[channel] = frames == 1 ? value : to[channel] + (value - to[channel]) / float(frames);
        }
      }
    }
  }
  return kOfxStatOK;
}

OfxStatus copy(const Rendering& now) { return mean(now, 0); }
OfxStatus average(const Rendering& now) { return mean(now, 1); }

OfxStatus crash(const Rendering&) {
  crash_if_asked("never");
  volatile int* const nowhere = nullptr;
  *nowhere = 1;
  return kOfxStatOK;
}

OfxStatus fail(const Rendering& now) {
  if (suites.message2 && suites.message2->setPersistentMessage) {
    suites.message2->setPersistentMessage(now.effect, kOfxMessageError, "broken", "The probe failed at %g.", now.time);
  }
  return kOfxStatFailed;
}

OfxStatus throws(const Rendering&) { throw std::runtime_error("nobody catches this"); }

OfxStatus keep_image(const Rendering& now) {
  Picture source(now.source(), now.time);
  source.forget();
  return copy(now);
}

OfxStatus keep_memory(const Rendering& now) {
  void* data = nullptr;
  OfxImageMemoryHandle memory = nullptr;
  suites.memory->memoryAlloc(now.effect, 1000, &data);
  suites.effect->imageMemoryAlloc(now.effect, 1000, &memory);
  return copy(now);
}

OfxStatus wait_for_abort(const Rendering& now) {
  const auto start = std::chrono::steady_clock::now();
  while (!suites.effect->abort(now.effect)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (std::chrono::steady_clock::now() - start > std::chrono::seconds(kLongestWait)) return kOfxStatErrFatal;
  }
  return kOfxStatOK;
}

OfxStatus write_outside(const Rendering& now) {
  const OfxStatus status = copy(now);
  const Picture output(now.output(), now.time);
  reinterpret_cast<float*>(output.pixel(output.bounds().x1, output.bounds().y1))[-1] = 1;
  return status;
}

OfxStatus fetch_undeclared(const Rendering& now) {
  const Picture source(now.source(), now.time + 5);
  say(now.effect, "got it", source ? 1 : 0);
  return copy(now);
}

OfxStatus tell_progress(const Rendering& now) {
  suites.progress->progressStart(now.effect, "Probing");
  for (int step = 1; step <= 4; ++step) {
    if (suites.progress->progressUpdate(now.effect, step / 4.0) != kOfxStatOK) break;
  }
  suites.progress->progressEnd(now.effect);
  return copy(now);
}

OfxStatus set_while_rendering(const Rendering& now) {
  say(now.effect, "set", suites.param->paramSetValue(param_of(now.effect, "amount"), 1.0));
  return copy(now);
}

// Stale, wrong and null handles, to every suite that follows one.
OfxStatus bad_handles(const Rendering& now) {
  int number = 0;
  OfxPropertySetHandle stale = nullptr;
  suites.effect->clipGetImage(now.source(), now.time, nullptr, &stale);
  suites.effect->clipReleaseImage(stale);
  say(now.effect, "released twice", suites.effect->clipReleaseImage(stale));
  say(now.effect, "stale image", suites.property->propGetInt(stale, kOfxImagePropRowBytes, 0, &number));
  const auto as_set = reinterpret_cast<OfxPropertySetHandle>(now.effect);
  say(now.effect, "effect as set", suites.property->propGetInt(as_set, kOfxPropTime, 0, &number));
  say(now.effect, "null clip", suites.effect->clipGetImage(nullptr, now.time, nullptr, &stale));
  const auto as_param = reinterpret_cast<OfxParamHandle>(now.source());
  say(now.effect, "clip as parameter", suites.param->paramGetValue(as_param, &number));
  say(now.effect, "freed by nobody", suites.memory->memoryFree(&number));
  return copy(now);
}

// A thread of the plug-in's own fetches the images and writes the output.
OfxStatus own_thread(const Rendering& now) {
  OfxStatus status = kOfxStatFailed;
  std::thread worker([&] { status = copy(now); });
  worker.join();
  return status;
}

struct Shared {
  OfxMutexHandle mutex;
  int sum;
  unsigned int nested;
};

void add_index(unsigned int index, unsigned int, void* argument) {
  auto* const shared = static_cast<Shared*>(argument);
  unsigned int told = 0;
  suites.thread->multiThreadIndex(&told);
  suites.thread->mutexLock(shared->mutex);
  shared->sum += told == index && suites.thread->multiThreadIsSpawnedThread() ? int(index) + 1 : 1000;
  shared->nested = unsigned(suites.thread->multiThread(add_index, 2, argument));
  suites.thread->mutexUnLock(shared->mutex);
}

OfxStatus threads(const Rendering& now) {
  Shared shared = {nullptr, 0, 0};
  suites.thread->mutexCreate(&shared.mutex, 0);
  suites.thread->multiThread(add_index, 8, &shared);
  suites.thread->mutexDestroy(shared.mutex);
  say(now.effect, "sum", shared.sum);
  say(now.effect, "nested", int(shared.nested));
  return copy(now);
}

OfxStatus render(OfxImageEffectHandle effect, OfxPropertySetHandle arguments) {
  static const std::map<std::string, OfxStatus (*)(const Rendering&)> behaviours = {
      {"copy", copy},
      {"average", average},
      {"crash", crash},
      {"fail", fail},
      {"throw", throws},
      {"keep image", keep_image},
      {"keep memory", keep_memory},
      {"wait", wait_for_abort},
      {"write outside", write_outside},
      {"undeclared", fetch_undeclared},
      {"progress", tell_progress},
      {"set while rendering", set_while_rendering},
      {"bad handles", bad_handles},
      {"own thread", own_thread},
      {"threads", threads},
  };
  const Rendering now = {effect, time_in(arguments), window_in(arguments)};
  const std::string behaviour = behaviour_of(effect);
  // "crash at 3" crashes on frame 3 and copies all others.
  if (behaviour.rfind("crash at ", 0) == 0) return now.time == std::stod(behaviour.substr(9)) ? crash(now) : copy(now);
  const auto found = behaviours.find(behaviour);
  return found == behaviours.end() ? kOfxStatErrValue : found->second(now);
}

OfxStatus frames_needed(OfxImageEffectHandle effect, OfxPropertySetHandle arguments, OfxPropertySetHandle results) {
  if (behaviour_of(effect) != "average") return kOfxStatReplyDefault;
  const double time = time_in(arguments);
  const double range[2] = {time - 1, time + 1};
  suites.property->propSetDoubleN(results, "OfxImageClipPropFrameRange_Source", 2, range);
  return kOfxStatOK;
}

constexpr Actions kActions = {describe, describe_in_context, render, nullptr, nullptr, frames_needed};

}  // namespace

OfxPlugin* probe_plugin() {
  static OfxPlugin plugin = plugin_of<kActions>("studio.faceplate.testing.probe", 0);
  return &plugin;
}

}  // namespace testing
