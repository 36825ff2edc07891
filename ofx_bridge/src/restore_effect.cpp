// Restore: the faces of a plate repaired, everything else untouched.

#include "../generated/operations.h"
#include "effects.h"
#include "over_source.h"

namespace faceplate {
namespace {

class RestoreEffect : public Effect {
 public:
  const char* identifier() const override { return "studio.faceplate.restore"; }
  const char* label() const override { return "Faceplate Restore"; }
  const char* hint() const override { return operations::kRestoreHint; }
  const char* operation() const override { return "restore"; }
  std::vector<std::string> outputs() const override { return {"plate"}; }

  // The size of a frame is the host's.
  std::vector<Parameter> parameters() const override { return allBut({"scale", "enlarge"}, operations::kRestore); }

  std::vector<Parameter> ownParameters() const override { return {kMix}; }

  bool isIdentity(const Knobs& knobs, OfxTime time) const override {
    return knobs.number("mix", time) == 0 || knobs.number("strength", time) == 0;
  }

  Painter painter(const Knobs& knobs, OfxTime time) const override {
    return overSource(static_cast<float>(knobs.number("mix", time)));
  }
};

const RestoreEffect effect;

}  // namespace

const Effect& restoreEffect() { return effect; }

}  // namespace faceplate
