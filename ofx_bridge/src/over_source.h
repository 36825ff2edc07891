// The engine's plate over the host's: by a share of it, within the mask, bit for bit where nothing was changed.

#ifndef FACEPLATE_OVER_SOURCE_H
#define FACEPLATE_OVER_SOURCE_H

#include "effect.h"

namespace faceplate {

// How much of the result is seen, as a parameter `mix`.
extern const Parameter kMix;

// The answer `plate` over the source, as far as `share` (0-1) and the mask say.
Painter overSource(float share);

// The answer `plate` instead of the source, wherever the mask is not 0: nothing shows through.
Painter insteadOfSource();

}  // namespace faceplate

#endif
