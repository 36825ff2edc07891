// Veil: faces made unrecognisable, for good. There is no mix, since half a veil is none.

#include "../generated/operations.h"
#include "effects.h"
#include "over_source.h"

namespace faceplate {
namespace {

// Frames on either side in which a face that was lost on this one is looked for.
constexpr int kReach = 3;

class VeilEffect : public Effect {
 public:
  const char* identifier() const override { return "studio.faceplate.veil"; }
  const char* label() const override { return "Faceplate Veil"; }
  const char* hint() const override {
    return "Makes the chosen faces unrecognisable, for good; or, with Anonymise Others, everybody but them.";
  }
  const char* operation() const override { return "veil"; }
  std::vector<std::string> outputs() const override { return {"plate"}; }

  std::vector<Parameter> parameters() const override {
    std::vector<Parameter> all = only({"faces", "smallest"}, operations::kRestore);
    for (const Parameter& each : operations::kVeil) all.push_back(each);
    return all;
  }

  int reach(const Knobs&, OfxTime) const override { return kReach; }

  const char* oneFrameOnly() const override {
    return "This host gives an effect one frame at a time, so that a face which is not found on a frame stays visible "
           "on it. Look at every frame, or use `faceplate restore --anonymise-others`.";
  }

  Painter painter(const Knobs&, OfxTime) const override { return insteadOfSource(); }
};

const VeilEffect effect;

}  // namespace

const Effect& veilEffect() { return effect; }

}  // namespace faceplate
