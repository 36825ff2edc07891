// Matte: where Restore would change the plate, as coverage.

#include <algorithm>

#include "../generated/operations.h"
#include "effects.h"

namespace faceplate {
namespace {

constexpr const char* kPlaces[] = {"All channels", "Alpha"};
constexpr int kAllChannels = 0, kAlpha = 1;

const Parameter kInto = {Parameter::Type::Choice, "into", "Matte Into",
                         "All channels gives a picture of the matte; Alpha leaves the colour as it is and unpremultiplied.",
                         "Output", 0, 1, kAllChannels, "", kPlaces, 2, false};

Painted matteRow(const Row& row, bool keepColour, float* out) {
  const float* matte = row.answers.at("matte");
  for (int pixel = 0; pixel < row.pixels; ++pixel) {
    const float value = row.mask ? matte[pixel] * std::min(std::max(row.mask[pixel], 0.0f), 1.0f) : matte[pixel];
    float* to = out + static_cast<std::size_t>(pixel) * 4;
    if (keepColour) {
      std::copy_n(row.source + static_cast<std::size_t>(pixel) * row.channels, 3, to);
    } else {
      std::fill_n(to, 3, value);
    }
    to[3] = value;
  }
  return {out, 4};
}

class MatteEffect : public Effect {
 public:
  const char* identifier() const override { return "studio.faceplate.matte"; }
  const char* label() const override { return "Faceplate Matte"; }
  const char* hint() const override { return "A matte of the faces that Faceplate Restore would repair."; }
  const char* operation() const override { return "matte"; }
  std::vector<std::string> outputs() const override { return {"matte"}; }

  std::vector<Parameter> parameters() const override { return only({"faces", "smallest"}, operations::kRestore); }
  std::vector<Parameter> ownParameters() const override { return {kInto}; }

  std::string premultiplication(const Knobs& knobs) const override {
    return knobs.whole("into", 0) == kAlpha ? kOfxImageUnPreMultiplied : kOfxImagePreMultiplied;
  }

  const char* slaveParameter() const override { return "into"; }

  Painter painter(const Knobs& knobs, OfxTime time) const override {
    const bool alpha = knobs.whole("into", time) == kAlpha;
    return [alpha](const Row& row, float* scratch) { return matteRow(row, alpha && row.outputChannels == 4, scratch); };
  }
};

const MatteEffect effect;

}  // namespace

const Effect& matteEffect() { return effect; }

}  // namespace faceplate
