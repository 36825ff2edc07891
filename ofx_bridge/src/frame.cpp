#include "frame.h"

#include <algorithm>
#include <cstring>

#include "backoff.h"
#include "errors.h"
#include "instance.h"
#include "neighbours.h"
#include "source_plane.h"

namespace faceplate {
namespace {

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
        source_(instance.source, arguments.time),
        masked_(isConnected(instance.mask)),
        mask_(masked_ ? instance.mask : nullptr, arguments.time) {}

  void render() {
    patience_.expectWanted();
    if (!output_.there()) throw Error("request.plane", "The host gave no image to render into.");
    const OfxRectI window = meet(arguments_.window, output_.picture().bounds);
    if (isEmpty(window)) return;
    if (!source_.there()) return blacken(window);
    expectOneScale();
    if (source_.picture().channels == 1) return copyAlpha(window);
    backoff::expectCalm();
    fetchNeighbours();
    askEngine(window);
  }

  const std::string& notes() const { return notes_; }

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

  // All that a host gives is fetched before there is a session: an effect of ours that lies upstream needs one too, and
  // there are only so many.
  void fetchNeighbours() {
    if (!hostLooksAround()) return;
    const int reach = effect_.reach(instance_.knobs, arguments_.time);
    for (const int step : stepsAround(instance_.source, arguments_.time, reach)) {
      patience_.expectWanted();
      const auto near = near_.try_emplace(step, instance_.source, arguments_.time + step).first;
      if (near->second.there()) {
        expectSameKind(near->second);
      } else {
        near_.erase(near);  // a frame that is missing
      }
    }
  }

  void expectSameKind(const ClipImage& near) const {
    const Picture &here = source_.picture(), &there = near.picture();
    const OfxPointD in = source_.renderScale(), other = near.renderScale();
    const bool same = here.channels == there.channels && source_.alpha() == near.alpha();
    if (!same || in.x != other.x || in.y != other.y) {
      throw Error("request.plane", "The host gave frames of the same clip in different kinds or proxy scales. Render "
                                   "the frame again.");
    }
  }

  void askEngine(const OfxRectI& window) {
    Request request;
    request.operation = effect_.operation();
    request.interactive = arguments_.interactive;
    const std::vector<Parameter> offered = effect_.parameters();
    request.params = instance_.knobs.setByHand(offered, arguments_.time);
    scaleSmallest(request.params, instance_.knobs, offered, source_.renderScale().y, arguments_.time);
    const Plane plate = plateOf(instance_, arguments_.effect, source_, arguments_.time);
    request.inputs["plate"] = plate;
    for (const auto& [step, near] : near_) request.inputs[nameOf(step)] = neighbourOf(plate, source_, near, step);
    for (const std::string& name : effect_.outputs()) request.outputs[name] = answerOf(plate, name);
    const Lease session(host().name, patience_);
    try {
      session->connect(patience_);
      float* pixels = session->hold("in plate", plate.bytes());
      std::map<std::string, const float*> answers;
      for (const auto& [name, plane] : request.outputs) answers[name] = session->hold("out " + name, plane.bytes());
      fill(source_.picture(), plate, pixels);
      for (const auto& [step, near] : near_) {
        const Plane& plane = request.inputs[nameOf(step)];
        fill(near.picture(), plane, session->hold("in " + nameOf(step), plane.bytes()));
      }
      notes_ = session->perform(request, patience_);
      backoff::worked();
      paint(window, plate, pixels, answers);
    } catch (const Error& error) {
      backoff::failed(error);
      throw;
    }
  }

  static std::string nameOf(int step) { return std::string(step > 0 ? "plate+" : "plate") + std::to_string(step); }

  void fill(const Picture& picture, const Plane& plane, float* pixels) const {
    for (int row = 0; row < plane.dataWindow.height(); ++row) {
      const int y = picture.bounds.y2 - 1 - row;
      if (row % 64 == 0) patience_.expectWanted();
      readRow(picture, y, picture.bounds.x1, picture.bounds.x2, pixels + row * plane.rowFloats());
    }
  }

  void paint(const OfxRectI& window, const Plane& plate, const float* pixels,
             const std::map<std::string, const float*>& answers) const {
    const OfxRectI& bounds = source_.picture().bounds;
    const OfxRectI covered = meet(window, bounds);
    if (isEmpty(covered)) return blacken(window);
    const int count = covered.x2 - covered.x1;
    // Resolve calls every clip connected and gives no image for one that is not.
    const bool hasMask = masked_ && (mask_.there() || !host().isResolve());
    const Painter paintRow = effect_.painter(instance_.knobs, arguments_.time);
    std::vector<float> coverage(count), scratch(static_cast<std::size_t>(count) * 4);
    Row row = {count, plate.channels, nullptr, answers, hasMask ? coverage.data() : nullptr, output_.picture().channels};
    struct Answer {
      const float** row;
      const float* plane;
      int channels;
    };
    std::vector<Answer> following;
    for (auto& [name, answer] : row.answers) following.push_back({&answer, answer, name == "plate" ? plate.channels : 1});
    for (int y = window.y1; y < window.y2; ++y) {
      if (covered.x1 > window.x1 || covered.x2 < window.x2 || y < covered.y1 || y >= covered.y2) {
        writeRow(output_.picture(), y, window.x1, window.x2, nullptr, 4);
      }
      if (y < covered.y1 || y >= covered.y2) continue;
      const std::size_t first = static_cast<std::size_t>(bounds.y2 - 1 - y) * plate.dataWindow.width() +
                                static_cast<std::size_t>(covered.x1 - bounds.x1);
      row.source = pixels + first * plate.channels;
      for (const Answer& answer : following) *answer.row = answer.plane + first * answer.channels;
      if (hasMask) readCoverage(mask_.picture(), y, covered.x1, covered.x2, coverage.data());
      const Painted painted = paintRow(row, scratch.data());
      writeRow(output_.picture(), y, covered.x1, covered.x2, painted.pixels, painted.channels);
    }
  }

  const Effect& effect_;
  const Instance& instance_;
  const RenderArguments& arguments_;
  Patience patience_;
  ClipImage output_, source_;
  const bool masked_;
  ClipImage mask_;
  std::map<int, ClipImage> near_;  // by how many frames later they are
  std::string notes_;              // of the engine's
};

}  // namespace

std::string renderFrame(const Effect& effect, const Instance& instance, const RenderArguments& arguments) {
  Frame frame(effect, instance, arguments);
  frame.render();
  return frame.notes();
}

}  // namespace faceplate
