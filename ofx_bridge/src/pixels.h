// Pixels of a host: any depth, components and row layout, read as and written from float.
//
// Rows are named by their y, which grows upward, and the first row of an image need not be the lowest in memory.

#ifndef FACEPLATE_PIXELS_H
#define FACEPLATE_PIXELS_H

#include <cstddef>
#include <cstdint>

#include "ofx_abi.h"

namespace faceplate {

enum class Depth { Byte, Short, Half, Float };

// An image in a host's memory. `bounds`: the pixels that are there, half-open. `rowBytes`: from a row to the one above
// it; may be padded, may be negative. `channels`: 4 (RGBA), 3 (RGB) or 1 (Alpha).
struct Picture {
  char* data = nullptr;
  OfxRectI bounds{};
  std::ptrdiff_t rowBytes = 0;
  Depth depth = Depth::Float;
  int channels = 4;

  char* at(int x, int y) const;
};

std::size_t bytesOf(Depth depth);

// Values to float: byte and short become 0-1, half and float stay as they are.
void decode(const void* values, Depth depth, std::size_t count, float* out);

// And back: byte and short are rounded to nearest, clipped to 0-1, NaN becomes 0; half is rounded to nearest even.
void encode(const float* values, Depth depth, std::size_t count, void* out);

// The pixels x1 to x2 of row y, all of which must lie within the bounds, in the picture's own channels.
void readRow(const Picture& picture, int y, int x1, int x2, float* out);

// The alpha of those pixels: coverage. Pixels beyond the bounds have none; without an alpha channel all have.
void readCoverage(const Picture& picture, int y, int x1, int x2, float* out);

// Write pixels x1 to x2 of row y from `channels` (4 or 3) floats each; null writes 0. Colour without alpha is opaque,
// and a picture of Alpha alone is given the alpha.
void writeRow(const Picture& picture, int y, int x1, int x2, const float* row, int channels);

}  // namespace faceplate

#endif
