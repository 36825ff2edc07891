#include "frame.h"

#include <algorithm>
#include <cmath>

#include "backoff.h"
#include "errors.h"
#include "instance.h"

namespace faceplate {
namespace {

constexpr const char* kSpaceLabels[] = {"Automatic",     "Linear Rec.709", "sRGB display", "ACEScg",
                                        "ACEScct",       "Cineon log",     "Named below"};
constexpr const char* kSpaceNames[] = {"", "lin_rec709", "srgb", "ACEScg", "ACEScct", "cineon", ""};
constexpr int kSpaces = 7, kAutomatic = 0, kNamedBelow = 6;

OfxRectI meet(const OfxRectI& one, const OfxRectI& other) {
  return {std::max(one.x1, other.x1), std::max(one.y1, other.y1), std::min(one.x2, other.x2),
          std::min(one.y2, other.y2)};
}

bool isEmpty(const OfxRectI& rectangle) { return rectangle.x1 >= rectangle.x2 || rectangle.y1 >= rectangle.y2; }

bool isConnected(OfxImageClipHandle clip) {
  OfxPropertySetHandle handle = nullptr;
  if (!clip || host().effects->clipGetPropertySet(clip, &handle) != kOfxStatOK) return false;
  return Properties(handle).whole(kOfxImageClipPropConnected, 1) != 0;
}

// ---------------------------------------------------------------- what the pixels mean

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
  return isEmpty(frame) ? source.picture().bounds : frame;
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

Plane planeOf(const Instance& instance, const ClipImage& source, const RenderArguments& arguments) {
  const OfxRectI& bounds = source.picture().bounds;
  expectSpeakable(source.picture().bounds);
  const OfxRectI frame = frameOf(arguments.effect, source);
  Plane plane;
  plane.dataWindow = turnedOver(bounds, frame.y2);
  plane.displayWindow = turnedOver(frame, frame.y2);
  plane.channels = source.picture().channels;
  plane.colourspace = colourspaceOf(instance, source, arguments.time);
  plane.alpha = source.alpha();
  plane.frame = static_cast<int>(std::lround(std::min(std::max(arguments.time, -2e9), 2e9)));
  return plane;
}

Plane answerOf(const Plane& source, const std::string& name) {
  Plane plane = source;
  if (name == "plate") return plane;
  plane.channels = 1;
  plane.colourspace = "data";
  plane.alpha = "none";
  return plane;
}

// ---------------------------------------------------------------- parameters

// A smallest face is told in pixels of the full-size plate; a proxy has fewer.
void scaleSmallest(Json& params, const Knobs& knobs, const std::vector<Parameter>& offered, double scale, OfxTime time) {
  for (const Parameter& parameter : offered) {
    if (std::string(parameter.name) != "smallest" || scale == 1) continue;
    const double value = std::max(knobs.number("smallest", time) * scale, parameter.low);
    Json others = Json::object();
    for (const Json::Field& field : params.fields()) {
      if (field.first != "smallest") others.add(field.first, field.second);
    }
    others.add("smallest", std::min(value, parameter.high));
    params = others;
  }
}

// ---------------------------------------------------------------- the frame itself

class Frame {
 public:
  Frame(const Effect& effect, const Instance& instance, const RenderArguments& arguments)
      : effect_(effect),
        instance_(instance),
        arguments_(arguments),
        patience_([this] { return host().effects->abort(arguments_.effect) != 0; }),
        output_(instance.output, arguments.time),
        source_(instance.source, arguments.time) {}

  void render() {
    patience_.expectWanted();
    if (!output_.there()) throw Error("request.plane", "The host gave no image to render into.");
    const OfxRectI window = meet(arguments_.window, output_.picture().bounds);
    if (isEmpty(window)) return;
    if (!source_.there()) return blacken(window);
    expectOneScale();
    if (source_.picture().channels == 1) return copyAlpha(window);
    backoff::expectCalm();
    askEngine(window);
  }

 private:
  // Both images must be the same picture at the same size; some hosts mix sizes while scrubbing.
  void expectOneScale() const {
    const OfxPointD in = source_.renderScale(), out = output_.renderScale();
    if (in.x != out.x || in.y != out.y) {
      throw Error("request.plane", "The host gave images of different proxy scales. Render the frame again.");
    }
  }

  void blacken(const OfxRectI& window) const {
    for (int y = window.y1; y < window.y2; ++y) writeRow(output_.picture(), y, window.x1, window.x2, nullptr, 4);
  }

  // A clip of alpha alone shows no face: the output is what it is where no face was found.
  void copyAlpha(const OfxRectI& window) const {
    const OfxRectI covered = meet(window, source_.picture().bounds);
    const int pixels = std::max(0, covered.x2 - covered.x1);
    const Painter paintRow = effect_.painter(instance_.knobs, arguments_.time);
    std::vector<float> alpha(pixels), source(static_cast<std::size_t>(pixels) * 4), scratch(source.size());
    blacken(window);
    for (int y = covered.y1; pixels && y < covered.y2; ++y) {
      readRow(source_.picture(), y, covered.x1, covered.x2, alpha.data());
      for (int x = 0; x < pixels; ++x) std::fill_n(&source[4 * x], 4, alpha[x]);
      const std::vector<float> nothing(pixels, 0.0f);
      Row row = {pixels, 4, source.data(), {}, nullptr, output_.picture().channels};
      for (const std::string& name : effect_.outputs()) row.answers[name] = name == "plate" ? source.data() : nothing.data();
      const Painted painted = paintRow(row, scratch.data());
      writeRow(output_.picture(), y, covered.x1, covered.x2, painted.pixels, painted.channels);
    }
  }

  void askEngine(const OfxRectI& window) {
    Request request;
    request.operation = effect_.operation();
    request.interactive = arguments_.interactive;
    const std::vector<Parameter> offered = effect_.parameters();
    request.params = instance_.knobs.setByHand(offered, arguments_.time);
    scaleSmallest(request.params, instance_.knobs, offered, source_.renderScale().y, arguments_.time);
    const Plane plate = planeOf(instance_, source_, arguments_);
    request.inputs["plate"] = plate;
    for (const std::string& name : effect_.outputs()) request.outputs[name] = answerOf(plate, name);
    const Lease session(host().name, patience_);
    try {
      session->connect(patience_);
      float* pixels = session->hold("in plate", plate.bytes());
      std::map<std::string, const float*> answers;
      for (const auto& [name, plane] : request.outputs) answers[name] = session->hold("out " + name, plane.bytes());
      fill(plate, pixels);
      session->perform(request, patience_);
      backoff::worked();
      paint(window, plate, pixels, answers);
    } catch (const Error& error) {
      backoff::failed(error);
      throw;
    }
  }

  void fill(const Plane& plate, float* pixels) const {
    const Picture& picture = source_.picture();
    for (int row = 0; row < plate.dataWindow.height(); ++row) {
      const int y = picture.bounds.y2 - 1 - row;
      if (row % 64 == 0) patience_.expectWanted();
      readRow(picture, y, picture.bounds.x1, picture.bounds.x2, pixels + row * plate.rowFloats());
    }
  }

  void paint(const OfxRectI& window, const Plane& plate, const float* pixels,
             const std::map<std::string, const float*>& answers) const {
    const OfxRectI& bounds = source_.picture().bounds;
    const OfxRectI covered = meet(window, bounds);
    if (isEmpty(covered)) return blacken(window);
    const int count = covered.x2 - covered.x1;
    const bool masked = isConnected(instance_.mask);
    const ClipImage mask(masked ? instance_.mask : nullptr, arguments_.time);
    // Resolve calls every clip connected and gives no image for one that is not.
    const bool hasMask = masked && (mask.there() || !host().isResolve());
    const Painter paintRow = effect_.painter(instance_.knobs, arguments_.time);
    std::vector<float> coverage(count), scratch(static_cast<std::size_t>(count) * 4);
    for (int y = window.y1; y < window.y2; ++y) {
      if (covered.x1 > window.x1 || covered.x2 < window.x2 || y < covered.y1 || y >= covered.y2) {
        writeRow(output_.picture(), y, window.x1, window.x2, nullptr, 4);
      }
      if (y < covered.y1 || y >= covered.y2) continue;
      const std::size_t first = static_cast<std::size_t>(bounds.y2 - 1 - y) * plate.dataWindow.width() +
                                static_cast<std::size_t>(covered.x1 - bounds.x1);
      Row row = {count, plate.channels, pixels + first * plate.channels, {}, nullptr, output_.picture().channels};
      for (const auto& [name, answer] : answers) {
        row.answers[name] = answer + first * (name == "plate" ? plate.channels : 1);
      }
      if (hasMask) readCoverage(mask.picture(), y, covered.x1, covered.x2, coverage.data());
      row.mask = hasMask ? coverage.data() : nullptr;
      const Painted painted = paintRow(row, scratch.data());
      writeRow(output_.picture(), y, covered.x1, covered.x2, painted.pixels, painted.channels);
    }
  }

  const Effect& effect_;
  const Instance& instance_;
  const RenderArguments& arguments_;
  Patience patience_;
  ClipImage output_, source_;
};

}  // namespace

void renderFrame(const Effect& effect, const Instance& instance, const RenderArguments& arguments) {
  Frame(effect, instance, arguments).render();
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
