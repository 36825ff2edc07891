// The effects of the bundle, one file each.

#ifndef FACEPLATE_EFFECTS_H
#define FACEPLATE_EFFECTS_H

#include "effect.h"

namespace faceplate {

const Effect& restoreEffect();
const Effect& matteEffect();
const Effect& steadyEffect();
const Effect& veilEffect();

}  // namespace faceplate

#endif
