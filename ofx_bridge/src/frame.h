// One frame on its way through the engine: the source's pixels out, the answer's pixels back.

#ifndef FACEPLATE_FRAME_H
#define FACEPLATE_FRAME_H

#include <string>

#include "clip_image.h"
#include "effect.h"
#include "engine.h"

namespace faceplate {

struct Instance;

// What a host asks for with a render.
struct RenderArguments {
  OfxImageEffectHandle effect;
  OfxTime time;
  OfxRectI window;
  bool interactive;
};

// Render it. Returns what the artist should know of how it was done, mostly nothing. Raises Error, with a sentence for
// the artist, or Aborted.
std::string renderFrame(const Effect& effect, const Instance& instance, const RenderArguments& arguments);

}  // namespace faceplate

#endif
