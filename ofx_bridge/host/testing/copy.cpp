// The trivial effect: Source times `gain`, in every depth and kind of components, row by row. It has a parameter of
// every type, and reports what it reads of them when `report` is on.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "half.h"
#include "suites.h"

namespace testing {
namespace {

// ---------------------------------------------------------------- description

OfxStatus describe(OfxImageEffectHandle effect) {
  crash_if_asked("describe");
  const OfxPropertySetHandle set = describe_as(
      effect, {"Testing Copy",
               {kOfxImageEffectContextFilter, kOfxImageEffectContextGeneral},
               {kOfxBitDepthFloat, kOfxBitDepthHalf, kOfxBitDepthShort, kOfxBitDepthByte},
               kOfxImageEffectRenderFullySafe});
  put(set, kOfxPropPluginDescription, "Source times gain.");
  return kOfxStatOK;
}

void describe_numbers(OfxImageEffectHandle effect) {
  OfxPropertySetHandle set = define_param(effect, kOfxParamTypeDouble, "gain");
  put(set, kOfxParamPropDefault, 1.0);
  put(set, kOfxParamPropMin, 0.0);
  put(set, kOfxParamPropMax, 8.0);
  put(set, kOfxParamPropDisplayMin, 0.0);
  put(set, kOfxParamPropDisplayMax, 2.0);
  put(set, kOfxParamPropHint, "What Source is multiplied by.");
  put(define_param(effect, kOfxParamTypeDouble2D, "centre"), kOfxParamPropDefault, 0.5, 1);
  put(define_param(effect, kOfxParamTypeDouble3D, "direction"), kOfxParamPropDefault, 1.0, 2);
  put(define_param(effect, kOfxParamTypeRGB, "tint"), kOfxParamPropDefault, 1.0, 0);
  put(define_param(effect, kOfxParamTypeRGBA, "fill"), kOfxParamPropDefault, 1.0, 3);
  set = define_param(effect, kOfxParamTypeInteger, "count");
  put(set, kOfxParamPropDefault, 3);
  put(set, kOfxParamPropMin, 0);
  put(set, kOfxParamPropMax, 10);
  if (OfxPropertySetHandle size = define_param(effect, kOfxParamTypeInteger2D, "size")) {
    put(size, kOfxParamPropDefault, 1920, 0);
    put(size, kOfxParamPropDefault, 1080, 1);
  }
  if (OfxPropertySetHandle step = define_param(effect, kOfxParamTypeInteger3D, "step")) {
    put(step, kOfxParamPropDefault, 2, 2);
  }
}

void describe_words(OfxImageEffectHandle effect) {
  put(define_param(effect, kOfxParamTypeBoolean, "report"), kOfxParamPropDefault, 0);
  put(define_param(effect, kOfxParamTypeBoolean, "identity"), kOfxParamPropDefault, 0);
  OfxPropertySetHandle set = define_param(effect, kOfxParamTypeChoice, "mode");
  put(set, kOfxParamPropChoiceOption, "Plain", 0);
  put(set, kOfxParamPropChoiceOption, "Threaded", 1);
  set = define_param(effect, kOfxParamTypeStrChoice, "look");
  put(set, kOfxParamPropChoiceOption, "Natural", 0);
  put(set, kOfxParamPropChoiceEnum, "natural", 0);
  put(set, kOfxParamPropDefault, "natural");
  put(define_param(effect, kOfxParamTypeString, "note"), kOfxParamPropDefault, "none");
  put(define_param(effect, kOfxParamTypeCustom, "blob"), kOfxParamPropDefault, "v1");
  set = define_param(effect, kOfxParamTypeGroup, "more");
  put(set, kOfxPropLabel, "More");
  set = define_param(effect, kOfxParamTypePushButton, "reset");
  put(set, kOfxParamPropParent, "more");
  set = define_param(effect, kOfxParamTypePage, "main");
  put(set, kOfxParamPropPageChild, "gain", 0);
}

OfxStatus describe_in_context(OfxImageEffectHandle effect, OfxPropertySetHandle arguments) {
  char* context = nullptr;
  suites.property->propGetString(arguments, kOfxImageEffectPropContext, 0, &context);
  const std::vector<const char*> components = {kOfxImageComponentRGBA, kOfxImageComponentRGB,
                                               kOfxImageComponentAlpha};
  define_clip(effect, kOfxImageEffectSimpleSourceClipName, components);
  define_clip(effect, kOfxImageEffectOutputClipName, components);
  if (context && !std::strcmp(context, kOfxImageEffectContextGeneral)) {
    define_clip(effect, "Mask", {kOfxImageComponentAlpha}, true);
  }
  describe_numbers(effect);
  describe_words(effect);
  return kOfxStatOK;
}

// ---------------------------------------------------------------- parameters

double gain_of(OfxImageEffectHandle effect, double time) {
  double gain = 1;
  suites.param->paramGetValueAtTime(param_of(effect, "gain"), time, &gain);
  return gain;
}

int whole(OfxImageEffectHandle effect, const char* name) {
  int value = 0;
  suites.param->paramGetValue(param_of(effect, name), &value);
  return value;
}

std::string text(OfxImageEffectHandle effect, const char* name) {
  char* value = nullptr;
  suites.param->paramGetValue(param_of(effect, name), &value);
  return value ? value : "";
}

// What the parameters hold, as one line for a log message.
void report(OfxImageEffectHandle effect, double time) {
  double centre[2] = {}, direction[3] = {}, tint[3] = {}, fill[4] = {};
  int size[2] = {}, step[3] = {};
  const auto param = [effect](const char* name) { return param_of(effect, name); };
  suites.param->paramGetValue(param("centre"), centre, centre + 1);
  suites.param->paramGetValue(param("direction"), direction, direction + 1, direction + 2);
  suites.param->paramGetValue(param("tint"), tint, tint + 1, tint + 2);
  suites.param->paramGetValue(param("fill"), fill, fill + 1, fill + 2, fill + 3);
  suites.param->paramGetValue(param("size"), size, size + 1);
  suites.param->paramGetValue(param("step"), step, step + 1, step + 2);
  suites.message->message(effect, kOfxMessageLog, "parameters",
                          "gain %g; centre %g %g; direction %g %g %g; tint %g %g %g; fill %g %g %g %g; count %d; "
                          "size %d %d; step %d %d %d; mode %d; look %s; note %s; blob %s",
                          gain_of(effect, time), centre[0], centre[1], direction[0], direction[1], direction[2],
                          tint[0], tint[1], tint[2], fill[0], fill[1], fill[2], fill[3], whole(effect, "count"),
                          size[0], size[1], step[0], step[1], step[2], whole(effect, "mode"),
                          text(effect, "look").c_str(), text(effect, "note").c_str(), text(effect, "blob").c_str());
}

OfxStatus changed(OfxImageEffectHandle effect, OfxPropertySetHandle arguments) {
  char *name = nullptr, *reason = nullptr;
  suites.property->propGetString(arguments, kOfxPropName, 0, &name);
  suites.property->propGetString(arguments, kOfxPropChangeReason, 0, &reason);
  if (!name || !reason || std::strcmp(name, "reset") || std::strcmp(reason, kOfxChangeUserEdited)) {
    return kOfxStatReplyDefault;
  }
  suites.param->paramSetValue(param_of(effect, "gain"), 1.0);
  suites.param->paramSetValue(param_of(effect, "note"), "reset");
  return kOfxStatOK;
}

// ---------------------------------------------------------------- pixels

struct Work {
  const Picture* source;
  const Picture* output;
  OfxRectI window;
  float gain;
};

void scale(const char* from, char* to, int samples, const std::string& depth, float gain) {
  const auto rounded = [gain](float value, float most) {
    const float scaled = value * gain + 0.5f;
    return scaled < 0 ? 0 : scaled > most ? most : scaled;
  };
  for (int place = 0; place < samples; ++place) {
    if (depth == kOfxBitDepthFloat) {
      reinterpret_cast<float*>(to)[place] = reinterpret_cast<const float*>(from)[place] * gain;
    } else if (depth == kOfxBitDepthByte) {
      const auto value = static_cast<unsigned char>(from[place]);
      to[place] = static_cast<char>(static_cast<unsigned char>(rounded(value, 255)));
    } else if (depth == kOfxBitDepthShort) {
      const auto value = reinterpret_cast<const std::uint16_t*>(from)[place];
      reinterpret_cast<std::uint16_t*>(to)[place] = static_cast<std::uint16_t>(rounded(value, 65535));
    } else {
      const float value = float_of(reinterpret_cast<const std::uint16_t*>(from)[place]);
      reinterpret_cast<std::uint16_t*>(to)[place] = half_of(value * gain);
    }
  }
}

void copy_row(const Work& work, int y) {
  const int bytes = work.output->pixel_bytes();
  const OfxRectI& held = work.source->bounds();
  char* const row = work.output->pixel(work.window.x1, y);
  if (!row) return;
  std::memset(row, 0, std::size_t(work.window.x2 - work.window.x1) * bytes);
  const int x1 = std::max(work.window.x1, held.x1), x2 = std::min(work.window.x2, held.x2);
  const char* const from = x1 < x2 ? work.source->pixel(x1, y) : nullptr;
  if (!from) return;  // beyond what the source has: black
  char* const to = work.output->pixel(x1, y);
  if (work.gain == 1.0f) {
    std::memcpy(to, from, std::size_t(x2 - x1) * bytes);
  } else {
    scale(from, to, (x2 - x1) * work.output->channels(), work.output->depth(), work.gain);
  }
}

void copy_share(unsigned int index, unsigned int count, void* argument) {
  const Work& work = *static_cast<Work*>(argument);
  const int rows = work.window.y2 - work.window.y1;
  const int first = int(std::int64_t(rows) * index / count), end = int(std::int64_t(rows) * (index + 1) / count);
  for (int row = first; row < end; ++row) copy_row(work, work.window.y1 + row);
}

OfxStatus render(OfxImageEffectHandle effect, OfxPropertySetHandle arguments) {
  const double time = time_in(arguments);
  if (whole(effect, "report")) report(effect, time);
  const Picture output(clip_of(effect, kOfxImageEffectOutputClipName), time);
  if (!output) return kOfxStatFailed;
  const Picture source(clip_of(effect, kOfxImageEffectSimpleSourceClipName), time);
  if (source && (source.channels() != output.channels() || source.depth() != output.depth())) {
    return kOfxStatErrImageFormat;
  }
  Work work{&source, &output, window_in(arguments), static_cast<float>(gain_of(effect, time))};
  if (whole(effect, "mode") == 1 && suites.thread) return suites.thread->multiThread(copy_share, 0, &work);
  for (int y = work.window.y1; y < work.window.y2; ++y) {
    if (suites.effect->abort(effect)) return kOfxStatOK;
    copy_row(work, y);
  }
  return kOfxStatOK;
}

OfxStatus is_identity(OfxImageEffectHandle effect, OfxPropertySetHandle arguments, OfxPropertySetHandle results) {
  const double time = time_in(arguments);
  if (!whole(effect, "identity") || gain_of(effect, time) != 1) return kOfxStatReplyDefault;
  put(results, kOfxPropName, kOfxImageEffectSimpleSourceClipName);
  put(results, kOfxPropTime, time);
  return kOfxStatOK;
}

constexpr Actions kActions = {describe, describe_in_context, render, changed, is_identity, nullptr};

}  // namespace

OfxPlugin* copy_plugin() {
  static OfxPlugin plugin = plugin_of<kActions>("studio.faceplate.testing.copy", 2);
  return &plugin;
}

}  // namespace testing
