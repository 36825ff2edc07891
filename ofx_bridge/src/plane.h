// Planes: pixels in memory that the plug-in and the engine share, and what the pixels mean.
//
// A buffer is a memfd, sealed so that nobody can shrink it under the other's feet; it vanishes with the last process
// that holds it, whatever crashes.

#ifndef FACEPLATE_PLANE_H
#define FACEPLATE_PLANE_H

#include <cstddef>
#include <cstdint>
#include <string>

#include "json.h"

namespace faceplate {

// Shared memory of a fixed size. `number` is its name on the wire.
class Buffer {
 public:
  // Raises Error "engine.memory".
  Buffer(int number, std::size_t bytes);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  int number() const { return number_; }
  std::size_t bytes() const { return bytes_; }
  int descriptor() const { return descriptor_; }
  float* pixels() const { return pixels_; }

 private:
  int number_;
  std::size_t bytes_;
  int descriptor_;
  float* pixels_;
};

// Half-open, y down, in pixels from the top-left corner of the display window.
struct Window {
  int x0, y0, x1, y1;

  int width() const { return x1 - x0; }
  int height() const { return y1 - y0; }
};

// An image: float32, interleaved, row 0 at the top, no padding. `channels` is 4 (RGBA), 3 (RGB) or 1 (A).
struct Plane {
  Window dataWindow{}, displayWindow{};
  int channels = 4;
  std::string colourspace;
  std::string alpha;  // "none", "straight" or "premultiplied"; other than "none" only with 4 channels
  int frame = 1;

  std::size_t rowFloats() const { return static_cast<std::size_t>(dataWindow.width()) * channels; }
  std::size_t bytes() const { return rowFloats() * sizeof(float) * dataWindow.height(); }

  // As docs/wire.md describes a plane, at the start of a buffer.
  Json asWords(int buffer) const;
};

// A size a little larger, so that planes of nearly the same size find each other's buffers again.
std::size_t pageRounded(std::size_t bytes);

}  // namespace faceplate

#endif
