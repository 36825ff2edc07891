// An image that a clip has given, as a Picture, and given back when this goes.

#ifndef FACEPLATE_CLIP_IMAGE_H
#define FACEPLATE_CLIP_IMAGE_H

#include "host.h"
#include "pixels.h"

namespace faceplate {

class ClipImage {
 public:
  // A clip that has no image at that time, or is not connected, gives one that is not `there`: transparent black.
  // Raises Error "request.plane" when the host gives a kind of pixels that was never agreed on.
  ClipImage(OfxImageClipHandle clip, OfxTime time);
  ~ClipImage();
  ClipImage(const ClipImage&) = delete;
  ClipImage& operator=(const ClipImage&) = delete;

  bool there() const { return picture_.data != nullptr; }
  const Picture& picture() const { return picture_; }
  Properties properties() const { return Properties(handle_); }

  // "none", "straight" or "premultiplied", as docs/wire.md names alpha.
  std::string alpha() const;

  OfxPointD renderScale() const;

 private:
  OfxPropertySetHandle handle_ = nullptr;
  Picture picture_;
};

}  // namespace faceplate

#endif
