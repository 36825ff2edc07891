#include "source_plane.h"

#include <algorithm>
#include <cmath>

#include "errors.h"
#include "instance.h"
#include "wire.h"

namespace faceplate {
namespace {

constexpr const char* kSpaceLabels[] = {"Automatic",     "Linear Rec.709", "sRGB display", "ACEScg",
                                        "ACEScct",       "Cineon log",     "Named below"};
constexpr const char* kSpaceNames[] = {"", "lin_rec709", "srgb", "ACEScg", "ACEScct", "cineon", ""};
constexpr int kSpaces = 7, kAutomatic = 0, kNamedBelow = 6;

std::string colourspaceOf(const Instance& instance, const ClipImage& source, OfxTime time) {
  const int chosen = instance.knobs.whole("colourspace", time);
  if (chosen == kNamedBelow) {
    const std::string name = instance.knobs.text("colourspace_name", time);
    if (!name.empty() && name.size() <= 128) return name;
    throw Error("plate.space", "Colour Space is set to a name and the name is missing or too long. Type the name of a "
                               "colour space of your OpenColorIO configuration, or choose one from the list.");
  }
  if (chosen != kAutomatic) return kSpaceNames[chosen];
  const bool floating = source.picture().depth == Depth::Float || source.picture().depth == Depth::Half;
  return floating && host().isSceneLinear() ? "lin_rec709" : "srgb";
}

// The project's frame in pixels of the image at hand; the image's own bounds where the host does not say.
OfxRectI frameOf(OfxImageEffectHandle effect, const ClipImage& source) {
  OfxPropertySetHandle handle = nullptr;
  host().effects->getPropertySet(effect, &handle);
  const Properties facts(handle);
  const OfxPointD scale = source.renderScale();
  const double aspect = source.properties().number(kOfxImagePropPixelAspectRatio, 1);
  const double across = scale.x / (aspect > 0 ? aspect : 1), up = scale.y;
  const double x = facts.number(kOfxImageEffectPropProjectOffset, 0, 0) * across;
  const double y = facts.number(kOfxImageEffectPropProjectOffset, 0, 1) * up;
  const double width = facts.number(kOfxImageEffectPropProjectSize, 0, 0) * across;
  const double height = facts.number(kOfxImageEffectPropProjectSize, 0, 1) * up;
  const double longest = wire::kLongestSide, farthest = wire::kFarthest / 2;
  const bool sound = width >= 1 && height >= 1 && width <= longest && height <= longest &&
                     std::fabs(x) < farthest && std::fabs(y) < farthest;
  if (!sound) return source.picture().bounds;
  const auto pixel = [](double value) { return static_cast<int>(std::lround(value)); };
  const OfxRectI frame = {pixel(x), pixel(y), pixel(x + width), pixel(y + height)};
  return !(frame.x1 < frame.x2 && frame.y1 < frame.y2) ? source.picture().bounds : frame;
}

// Rows of a host grow upward, those of a plane downward from the top of the frame.
Window turnedOver(const OfxRectI& rectangle, int top) {
  return {rectangle.x1, top - rectangle.y2, rectangle.x2, top - rectangle.y1};
}

// A message can hold windows of this size and place only.
void expectSpeakable(const OfxRectI& bounds) {
  const auto far = [](int corner) { return corner < -wire::kFarthest / 2 || corner > wire::kFarthest / 2; };
  if (far(bounds.x1) || far(bounds.x2) || far(bounds.y1) || far(bounds.y2) ||
      bounds.x2 - bounds.x1 > wire::kLongestSide || bounds.y2 - bounds.y1 > wire::kLongestSide) {
    throw Error("request.plane", "The image is more than 65536 pixels wide or high, or lies too far out. Crop it first.");
  }
}

}  // namespace

Plane plateOf(const Instance& instance, OfxImageEffectHandle effect, const ClipImage& source, OfxTime time) {
  const OfxRectI& bounds = source.picture().bounds;
  expectSpeakable(bounds);
  const OfxRectI frame = frameOf(effect, source);
  Plane plane;
  plane.dataWindow = turnedOver(bounds, frame.y2);
  plane.displayWindow = turnedOver(frame, frame.y2);
  plane.channels = source.picture().channels;
  plane.colourspace = colourspaceOf(instance, source, time);
  plane.alpha = source.alpha();
  plane.frame = static_cast<int>(std::lround(std::min(std::max(time, -2e9), 2e9)));
  return plane;
}

Plane neighbourOf(const Plane& plate, const ClipImage& source, const ClipImage& near, int step) {
  const OfxRectI& bounds = near.picture().bounds;
  expectSpeakable(bounds);
  const int top = plate.dataWindow.y0 + source.picture().bounds.y2;
  Plane plane = plate;
  plane.dataWindow = turnedOver(bounds, top);
  plane.frame = plate.frame + step;
  return plane;
}

Plane answerOf(const Plane& plate, const std::string& name) {
  Plane plane = plate;
  if (name == "plate") return plane;
  plane.channels = 1;
  plane.colourspace = "data";
  plane.alpha = "none";
  return plane;
}

const std::vector<Parameter>& inputParameters() {
  static const std::vector<Parameter> all = {
      {Parameter::Type::Choice, "colourspace", "Colour Space",
       "What the pixels that come in are. Automatic is linear Rec.709 for float images in Nuke, Natron, Fusion and "
       "Flame, and sRGB otherwise.",
       "Input", 0, kSpaces - 1, kAutomatic, "", kSpaceLabels, kSpaces, false},
      {Parameter::Type::Text, "colourspace_name", "Name",
       "A colour space of your OpenColorIO configuration, when Colour Space says that it is named below.", "Input", 0, 1,
       0, "", nullptr, 0, false},
  };
  return all;
}

}  // namespace faceplate
