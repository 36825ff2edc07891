// The frames around the one that is rendered: whether a host gives any, and which there are.

#ifndef FACEPLATE_NEIGHBOURS_H
#define FACEPLATE_NEIGHBOURS_H

#include <vector>

#include "host.h"

namespace faceplate {

// Whether this host gives an effect any frame but the one that it renders.
bool hostLooksAround();

// How far from a time, in frames, the frames of a clip lie that are at most `reach` away, 0 left out; ascending. The
// clip's own range says where it ends: some hosts give its last frame again and again beyond.
std::vector<int> stepsAround(OfxImageClipHandle clip, OfxTime time, int reach);

}  // namespace faceplate

#endif
