// A host's image as a plane of the engine: its windows, colour space, alpha and frame number.

#ifndef FACEPLATE_SOURCE_PLANE_H
#define FACEPLATE_SOURCE_PLANE_H

#include <string>
#include <vector>

#include "clip_image.h"
#include "parameter.h"
#include "plane.h"

namespace faceplate {

struct Instance;

// The plane of the frame that is rendered. Raises Error "plate.space" or "request.plane".
Plane plateOf(const Instance& instance, OfxImageEffectHandle effect, const ClipImage& source, OfxTime time);

// The plane of an image some frames away, in the same display window. Raises Error "request.plane".
Plane neighbourOf(const Plane& plate, const ClipImage& source, const ClipImage& near, int step);

// The plane of an output: the plate again, or a matte of its size.
Plane answerOf(const Plane& plate, const std::string& name);

// Parameters of every effect that the engine learns from the plane: the colour space.
const std::vector<Parameter>& inputParameters();

}  // namespace faceplate

#endif
