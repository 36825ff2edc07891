// What every effect of ours has in common: clips, parameters, mask, identity, and the way of a frame to the engine and
// back. An effect itself, one file each, says which parameters it has and what becomes of a row of pixels.

#ifndef FACEPLATE_EFFECT_H
#define FACEPLATE_EFFECT_H

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "host.h"
#include "knobs.h"
#include "parameter.h"

namespace faceplate {

// One row of a frame, left to right. `source` and every one of `answers` have `channels` (4 or 3) and 1 or `channels`
// floats a pixel; `mask` is coverage, or null where there is no mask.
struct Row {
  int pixels, channels;
  const float* source;
  std::map<std::string, const float*> answers;
  const float* mask;
  int outputChannels;  // of the picture that it will be written to: 4, 3 or 1
};

// `pixels` of `channels` floats: what is to be written. It lies in the row that came in, or in `scratch`.
struct Painted {
  const float* pixels;
  int channels;
};

// `scratch` has room for 4 floats a pixel.
using Painter = std::function<Painted(const Row& row, float* scratch)>;

class Effect {
 public:
  virtual ~Effect() = default;

  virtual const char* identifier() const = 0;  // never changes: projects keep it
  virtual const char* label() const = 0;
  virtual const char* hint() const = 0;

  // Operation of the engine, the outputs it is asked for, and what it may be told.
  virtual const char* operation() const = 0;
  virtual std::vector<std::string> outputs() const = 0;
  virtual std::vector<Parameter> parameters() const = 0;

  // Parameters that are the effect's own, and mean nothing to the engine.
  virtual std::vector<Parameter> ownParameters() const { return {}; }

  // How many frames on either side the engine is given as well. An effect that looks at any says what an artist should
  // know where the host gives it none.
  virtual int reach(const Knobs&, OfxTime) const { return 0; }
  virtual const char* oneFrameOnly() const { return nullptr; }

  // Whether the output is the source, whatever the engine would say.
  virtual bool isIdentity(const Knobs&, OfxTime) const { return false; }

  // Which alpha the output has, as an OfxImageEffectPropPreMultiplication; empty is the source's.
  virtual std::string premultiplication(const Knobs&) const { return ""; }

  // A parameter that `premultiplication` depends on, or null.
  virtual const char* slaveParameter() const { return nullptr; }

  // What makes rows of the finished picture, at one time; it reads the parameters once.
  virtual Painter painter(const Knobs& knobs, OfxTime time) const = 0;

  // The one entry point: everything that a host asks of an effect. Never throws.
  OfxStatus act(const char* action, const void* handle, OfxPropertySetHandle in, OfxPropertySetHandle out) const;

 private:
  OfxStatus answered(const std::string& action, const void* handle, OfxPropertySetHandle in,
                     OfxPropertySetHandle out) const;
  OfxStatus describe(OfxImageEffectHandle effect) const;
  OfxStatus describeInContext(OfxImageEffectHandle effect, OfxPropertySetHandle in) const;
  std::vector<Parameter> every() const;
};

}  // namespace faceplate

#endif
