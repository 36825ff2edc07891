// The plug-in's conversions, as C functions for a test.

#include "pixels.h"

using namespace faceplate;

extern "C" {

void probe_decode(const void* values, int depth, std::size_t count, float* out) {
  decode(values, static_cast<Depth>(depth), count, out);
}

void probe_encode(const float* values, int depth, std::size_t count, void* out) {
  encode(values, static_cast<Depth>(depth), count, out);
}

// `first`: the lowest row's first pixel; the picture begins at (x1, y1).
static Picture pictureOf(char* first, const int* bounds, std::ptrdiff_t rowBytes, int depth, int channels) {
  Picture picture;
  picture.data = first;
  picture.bounds = {bounds[0], bounds[1], bounds[2], bounds[3]};
  picture.rowBytes = rowBytes;
  picture.depth = static_cast<Depth>(depth);
  picture.channels = channels;
  return picture;
}

void probe_read(char* first, const int* bounds, std::ptrdiff_t rowBytes, int depth, int channels, int y, int x1, int x2,
                float* out) {
  readRow(pictureOf(first, bounds, rowBytes, depth, channels), y, x1, x2, out);
}

void probe_coverage(char* first, const int* bounds, std::ptrdiff_t rowBytes, int depth, int channels, int y, int x1,
                    int x2, float* out) {
  readCoverage(pictureOf(first, bounds, rowBytes, depth, channels), y, x1, x2, out);
}

void probe_write(char* first, const int* bounds, std::ptrdiff_t rowBytes, int depth, int channels, int y, int x1, int x2,
                 const float* row, int rowChannels) {
  writeRow(pictureOf(first, bounds, rowBytes, depth, channels), y, x1, x2, row, rowChannels);
}
}
