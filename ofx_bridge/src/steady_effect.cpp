// Steady: restored faces held together in time, each averaged with the same face on the plates around it.

#include "../generated/operations.h"
#include "effects.h"
#include "over_source.h"

namespace faceplate {
namespace {

class SteadyEffect : public Effect {
 public:
  const char* identifier() const override { return "studio.faceplate.steady"; }
  const char* label() const override { return "Faceplate Steady"; }
  const char* hint() const override { return operations::kSteadyHint; }
  const char* operation() const override { return "steady"; }
  std::vector<std::string> outputs() const override { return {"plate"}; }

  std::vector<Parameter> parameters() const override {
    std::vector<Parameter> all = allBut({"scale", "enlarge"}, operations::kRestore);
    for (Parameter& each : all) {
      // Steadied detail has lost its grain, so this operation gives all of it back unless it is told otherwise.
      if (each.isOneOf({"grain"})) each.standard = 1;
    }
    for (const Parameter& each : operations::kSteady) all.push_back(each);
    return all;
  }

  std::vector<Parameter> ownParameters() const override { return {kMix}; }

  int reach(const Knobs& knobs, OfxTime time) const override { return knobs.whole("radius", time); }

  const char* oneFrameOnly() const override {
    return "This host gives an effect one frame at a time, so that faces are restored but not held steady. Use "
           "`faceplate restore --steady`, or a host with temporal access.";
  }

  bool isIdentity(const Knobs& knobs, OfxTime time) const override {
    return knobs.number("mix", time) == 0 || knobs.number("strength", time) == 0;
  }

  Painter painter(const Knobs& knobs, OfxTime time) const override {
    return overSource(static_cast<float>(knobs.number("mix", time)));
  }
};

const SteadyEffect effect;

}  // namespace

const Effect& steadyEffect() { return effect; }

}  // namespace faceplate
