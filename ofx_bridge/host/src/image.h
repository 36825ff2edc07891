// Images as plug-ins see them: rows from the bottom up, padded or running backwards in memory, anywhere in the plane.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ofx_abi.h"

namespace faceplate::ofx_host {

// How an image is laid out and what it means. `bounds` and `rod` count pixels, y up; `padding` is in bytes a row;
// `top_down` puts the top row first in memory, so that row bytes are negative.
struct ImageForm {
  OfxRectI bounds;
  OfxRectI rod;
  std::string depth = kOfxBitDepthFloat;
  std::string components = kOfxImageComponentRGBA;
  int padding = 0;
  bool top_down = false;
  OfxPointD render_scale = {1, 1};
  double pixel_aspect = 1;
  std::string premultiplication = kOfxImagePreMultiplied;
  std::string field = kOfxImageFieldNone;
  std::string identifier;
};

// Pixels with a known pattern around every row, which a plug-in that writes where it should not destroys.
class Image {
 public:
  // Throws std::invalid_argument, in a sentence, for a form that no image can have.
  explicit Image(ImageForm form);

  const ImageForm& form() const { return form_; }
  int width() const { return form_.bounds.x2 - form_.bounds.x1; }
  int height() const { return form_.bounds.y2 - form_.bounds.y1; }
  int channels() const { return channels_; }
  int sample_bytes() const { return sample_bytes_; }
  int pixel_bytes() const { return channels_ * sample_bytes_; }

  // Bytes from a row to the one above it; negative when the top row comes first in memory.
  std::ptrdiff_t row_bytes() const { return form_.top_down ? -stride_ : stride_; }

  // The first pixel of the bottom row, which is where OfxImagePropData points.
  unsigned char* data();

  // Whether everything outside the pixels still is as it was made.
  bool intact() const;

 private:
  unsigned char* row(int place_in_memory) { return bytes_.data() + offset_ + place_in_memory * stride_; }

  const ImageForm form_;
  int channels_ = 0;
  int sample_bytes_ = 0;
  std::ptrdiff_t stride_ = 0;
  std::size_t offset_ = 0;
  std::vector<unsigned char> bytes_;
};

// 0 for a depth or components that are not known.
int sample_bytes_of(const std::string& depth);
int channels_of(const std::string& components);

}  // namespace faceplate::ofx_host
