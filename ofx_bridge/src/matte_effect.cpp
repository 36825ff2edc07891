// Matte: where Restore would change the plate, as coverage.

#include <algorithm>
#include <cstring>

#include "../generated/operations.h"
#include "effects.h"

namespace faceplate {
namespace {

constexpr const char* kPlaces[] = {"All channels", "Alpha"};
constexpr int kAllChannels = 0, kAlpha = 1;

const Parameter kInto = {Parameter::Type::Choice, "into", "Matte Into",
                         "All channels gives a picture of the matte; Alpha leaves the colour as it is and unpremultiplied.",
                         "Output", 0, 1, kAllChannels, "", kPlaces, 2, false};

// Which parameters decide where the matte is; the others are about what is painted within it.
constexpr const char* kOffered[] = {"faces", "smallest"};

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
  const char* operation() const override { return "restore"; }
  std::vector<std::string> outputs() const override { return {"matte"}; }

  std::vector<Parameter> parameters() const override {
    std::vector<Parameter> offered;
    for (const Parameter& parameter : operations::kRestore) {
      const auto is = [&](const char* name) { return std::strcmp(parameter.name, name) == 0; };
      if (std::any_of(std::begin(kOffered), std::end(kOffered), is)) offered.push_back(parameter);
    }
    return offered;
  }

  std::vector<Parameter> ownParameters() const override { return {kInto}; }
  bool isIdentity(const Knobs&, OfxTime) const override { return false; }

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
