// Restore: the faces of a plate repaired, everything else untouched.

#include <algorithm>
#include <cstring>

#include "../generated/operations.h"
#include "effects.h"

namespace faceplate {
namespace {

const Parameter kMix = {Parameter::Type::Number, "mix", "Mix",
                        "How much of the result is seen over the source. 0 gives the source back bit for bit.", "Output",
                        0, 1, 1, "", nullptr, 0, false};

// The result over the source, by `amount` and the mask. Where they agree the source's own bits stay.
void blend(const Row& row, const float* result, float amount, float* out) {
  for (int pixel = 0; pixel < row.pixels; ++pixel) {
    const float share = row.mask ? amount * std::min(std::max(row.mask[pixel], 0.0f), 1.0f) : amount;
    const std::size_t first = static_cast<std::size_t>(pixel) * row.channels;
    for (int channel = 0; channel < row.channels; ++channel) {
      const float before = row.source[first + channel], after = result[first + channel];
      const bool untouched = share == 0 || std::memcmp(&before, &after, sizeof before) == 0;
      out[first + channel] = untouched ? before : share == 1 ? after : before + share * (after - before);
    }
  }
}

class RestoreEffect : public Effect {
 public:
  const char* identifier() const override { return "studio.faceplate.restore"; }
  const char* label() const override { return "Faceplate Restore"; }
  const char* hint() const override { return operations::kRestoreHint; }
  const char* operation() const override { return "restore"; }
  std::vector<std::string> outputs() const override { return {"plate"}; }

  // All of them but the scale: the size of a frame is the host's.
  std::vector<Parameter> parameters() const override {
    std::vector<Parameter> offered;
    for (const Parameter& parameter : operations::kRestore) {
      if (std::strcmp(parameter.name, "scale") != 0) offered.push_back(parameter);
    }
    return offered;
  }

  std::vector<Parameter> ownParameters() const override { return {kMix}; }

  bool isIdentity(const Knobs& knobs, OfxTime time) const override {
    return knobs.number("mix", time) == 0 || knobs.number("strength", time) == 0;
  }

  std::string premultiplication(const Knobs&) const override { return ""; }
  const char* slaveParameter() const override { return nullptr; }

  Painter painter(const Knobs& knobs, OfxTime time) const override {
    const float mix = static_cast<float>(knobs.number("mix", time));
    return [mix](const Row& row, float* scratch) -> Painted {
      const float* result = row.answers.at("plate");
      if (mix == 1 && !row.mask) return {result, row.channels};
      blend(row, result, mix, scratch);
      return {scratch, row.channels};
    };
  }
};

const RestoreEffect effect;

}  // namespace

const Effect& restoreEffect() { return effect; }

}  // namespace faceplate
