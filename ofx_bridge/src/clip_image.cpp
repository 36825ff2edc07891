#include "clip_image.h"

#include "errors.h"

namespace faceplate {
namespace {

int channelsOf(const std::string& components) {
  if (components == kOfxImageComponentRGBA) return 4;
  if (components == kOfxImageComponentRGB) return 3;
  if (components == kOfxImageComponentAlpha) return 1;
  throw Error("request.plane", "The host gave an image of " + components +
                                   ", where RGBA, RGB or Alpha was agreed on. Convert the input to RGBA.");
}

Depth depthOf(const std::string& depth) {
  if (depth == kOfxBitDepthFloat) return Depth::Float;
  if (depth == kOfxBitDepthHalf) return Depth::Half;
  if (depth == kOfxBitDepthShort) return Depth::Short;
  if (depth == kOfxBitDepthByte) return Depth::Byte;
  throw Error("request.plane", "The host gave an image of " + depth +
                                   ", where float, half, short or byte was agreed on. Convert the input to float.");
}

}  // namespace

ClipImage::ClipImage(OfxImageClipHandle clip, OfxTime time) {
  if (!clip || host().effects->clipGetImage(clip, time, nullptr, &handle_) != kOfxStatOK) handle_ = nullptr;
  if (!handle_) return;
  const Properties facts = properties();
  try {
    OfxRectI bounds{};
    const bool whole = facts.rectangle(kOfxImagePropBounds, bounds) && bounds.x1 < bounds.x2 && bounds.y1 < bounds.y2;
    char* data = static_cast<char*>(facts.pointer(kOfxImagePropData));
    if (!data || !whole) return;
    picture_.channels = channelsOf(facts.text(kOfxImageEffectPropComponents));
    picture_.depth = depthOf(facts.text(kOfxImageEffectPropPixelDepth));
    picture_.bounds = bounds;
    const int packed = (bounds.x2 - bounds.x1) * picture_.channels * static_cast<int>(bytesOf(picture_.depth));
    picture_.rowBytes = facts.whole(kOfxImagePropRowBytes, packed);
    picture_.data = data;
  } catch (...) {
    host().effects->clipReleaseImage(handle_);
    throw;
  }
}

ClipImage::~ClipImage() {
  if (handle_) host().effects->clipReleaseImage(handle_);
}

std::string ClipImage::alpha() const {
  if (picture_.channels != 4) return "none";
  const std::string told = properties().text(kOfxImageEffectPropPreMultiplication);
  if (told == kOfxImageOpaque) return "none";
  return told == kOfxImageUnPreMultiplied ? "straight" : "premultiplied";
}

OfxPointD ClipImage::renderScale() const {
  const Properties facts = properties();
  return {facts.number(kOfxImageEffectPropRenderScale, 1, 0), facts.number(kOfxImageEffectPropRenderScale, 1, 1)};
}

}  // namespace faceplate
